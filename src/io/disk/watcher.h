// Keeps a catalogue as the folder is: by the kernel's word where it gives it, by looking again and again elsewhere.
#pragma once

#include <sys/types.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>

#include "base/time.h"
#include "io/disk/catalogue.h"
#include "io/disk/folder_watch.h"
#include "io/loop/event.h"

namespace turnpike::io {

/// Lives on the loop, and until run() has ended or the loop is destroyed.
class Watcher {
 public:
  struct Settings {
    Duration scan_period = std::chrono::seconds(5);     ///< Where the kernel does not tell, and for other files' names.
    Duration safety_period = std::chrono::minutes(10);  ///< Where it does: nothing is ever missed for longer.
    Duration first_retry = std::chrono::seconds(5);     ///< After a file could not be read; doubled
    Duration last_retry = std::chrono::minutes(5);      ///< up to this.
    bool use_kernel = true;
  };
  using OnScan = std::function<void(const Result<ScanReport, DiskError>&)>;

  /// `on_scan` hears of every look at the whole folder. `catalogue` outlives the watcher, which takes its on_again.
  Watcher(asio::any_io_executor loop, Catalogue& catalogue, Settings settings, OnScan on_scan);
  ~Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  /// Until stop().
  [[nodiscard]] asio::awaitable<void> run();
  /// Ends when the whole folder has been looked at once more.
  [[nodiscard]] asio::awaitable<void> rescan();
  void stop();
  /// The kernel tells of changes.
  [[nodiscard]] bool is_told() const { return watch_ != nullptr; }

 private:
  void open_watch();
  void look_at(const store::StoreId& id, Instant when);
  void again(const LookAgain& look);
  void start_scan();
  [[nodiscard]] std::set<store::StoreId> take_due();
  [[nodiscard]] asio::awaitable<void> scan_once();
  [[nodiscard]] asio::awaitable<void> listen(std::shared_ptr<FolderWatch> watch);
  [[nodiscard]] asio::awaitable<void> sleep();

  asio::any_io_executor loop_;
  Catalogue& catalogue_;
  Settings settings_;
  OnScan on_scan_;
  std::shared_ptr<FolderWatch> watch_;
  std::pair<dev_t, ino_t> watched_;
  std::map<store::StoreId, Instant> due_;      ///< When to look at which.
  std::map<store::StoreId, Duration> failed_;  ///< How long was waited last, before a file was tried again.
  Instant next_scan_;
  asio::steady_timer timer_;
  Event scanned_;
  std::uint64_t scans_begun_ = 0;
  std::uint64_t scans_done_ = 0;
  bool is_scanning_ = false;
  bool stopping_ = false;
};

}  // namespace turnpike::io
