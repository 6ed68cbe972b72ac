// Partial stores and the fetches that fill them, as the brain orders them.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "core/peer/command.h"
#include "io/channel/fetcher.h"
#include "io/disk/catalogue.h"
#include "io/disk/partial_store.h"
#include "node/paths.h"

namespace turnpike::node {

class DownloadEvents {
 public:
  virtual ~DownloadEvents() = default;
  virtual void partial_open(const sync::Target& target, const std::vector<bool>& verified) = 0;
  virtual void partial_failed(const sync::Target& target, const sync::DiskFailure& failure) = 0;
  virtual void piece_done(sync::FetchId fetch, std::uint32_t piece, std::uint64_t wire_bytes) = 0;
  virtual void fetch_ended(sync::FetchId fetch, const sync::FetchOutcome& outcome) = 0;
  virtual void committed(const sync::Target& target) = 0;
  virtual void commit_failed(const sync::Target& target, const sync::DiskFailure& failure) = 0;
  /// `name` of the file that a damaged one became, or why it could not be renamed.
  virtual void put_aside(const store::StoreId&, const Result<std::string, io::DiskError>&) {}
};

struct DownloadSettings {
  std::filesystem::path data;
  std::uint64_t reserve = 0;  ///< Free space never used.
};

/// Lives on the loop, and until it has run out. Each order is answered by its event, exactly once.
class Downloads {
 public:
  Downloads(asio::any_io_executor loop, DownloadSettings settings, io::WorkerPool& pool, io::Catalogue& catalogue,
            const Paths& paths, DownloadEvents& events);
  ~Downloads();

  void open(const peer::OpenPartial& order);
  void start(const peer::StartFetch& order);
  void cancel(const peer::CancelFetch& order);
  void commit(const peer::Commit& order);
  void release(const peer::ReleasePartial& order);
  /// A file of these bytes is damaged: out of its store's place with it.
  void put_aside(const sync::Target& target);
  /// What stands in a store's place now.
  [[nodiscard]] std::optional<store::Content> held(const store::StoreId& store) const { return catalogue_.find(store); }
  /// Stops every fetch; what is verified stays on disk.
  void stop_all();

 private:
  struct Fetch;
  using Partial = std::shared_ptr<io::PartialStore>;

  [[nodiscard]] asio::awaitable<void> run_open(sync::Target target);
  [[nodiscard]] asio::awaitable<void> run_fetch(std::shared_ptr<Fetch> fetch);
  [[nodiscard]] asio::awaitable<void> run_commit(sync::Target target, Partial partial);
  [[nodiscard]] asio::awaitable<void> run_discard(sync::Target target, Partial partial);
  [[nodiscard]] asio::awaitable<void> run_put_aside(sync::Target target);
  [[nodiscard]] std::uint64_t promised() const;
  [[nodiscard]] sync::DiskFailure failure_of(io::DiskError error, std::uint64_t size) const;

  asio::any_io_executor loop_;
  DownloadSettings settings_;
  io::WorkerPool& pool_;
  io::Catalogue& catalogue_;
  const Paths& paths_;
  DownloadEvents& events_;
  std::map<sync::Target, Partial> partials_;
  std::multiset<sync::Target> opening_;
  std::map<sync::FetchId, std::shared_ptr<Fetch>> fetches_;
};

}  // namespace turnpike::node
