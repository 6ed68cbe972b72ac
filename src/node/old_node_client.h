// Fetches stores that only old nodes have: whole files, over /dig/1.0.0, into place with the mark `unconfirmed`.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <set>

#include "core/dig/old_stores.h"
#include "core/dig/peer_answer.h"
#include "io/channel/wake.h"
#include "io/disk/catalogue.h"
#include "io/disk/worker_pool.h"
#include "io/host/host.h"
#include "node/memory.h"

namespace turnpike::node {

namespace asio = boost::asio;

/// One request's range; the next is asked for when it is here, so that no more is under way.
constexpr std::uint64_t kOldRange = std::uint64_t{1} << 20U;
constexpr Duration kOldSilence = std::chrono::seconds(30);  ///< An old node that sends nothing for so long.
constexpr Duration kOldPollPeriod = std::chrono::seconds(2);

struct OldNodeSettings {
  std::filesystem::path data;
  std::uint64_t reserve = 0;    ///< Free space never used.
  std::uint64_t max_store = 0;  ///< A larger store is refused before a byte of it is asked for.
};

/// All references outlive the loop's run.
class OldNodeClient {
 public:
  /// Whether a store is to be had from old nodes: wanted, not here, and announced by no Turnpike peer.
  using Wanted = std::function<bool(const store::StoreId&)>;

  OldNodeClient(io::Host& host, io::WorkerPool& pool, io::Catalogue& catalogue, Memory& memory,
                OldNodeSettings settings, Wanted wanted)
      : host_(host),
        pool_(pool),
        catalogue_(catalogue),
        memory_(memory),
        settings_(std::move(settings)),
        wanted_(std::move(wanted)) {}

  /// Asks a peer for its stores if it is an old node and nothing more.
  void peer_identified(const std::shared_ptr<io::HostConnection>& connection);
  void peer_disconnected(const identity::PeerId& peer) { stores_.forget(peer); }
  /// Runs until stop().
  [[nodiscard]] asio::awaitable<void> run();
  void stop() {
    stopping_ = true;
    wake_.notify_all();
  }

  /// Stores put in place since the start, and their bytes.
  [[nodiscard]] std::uint64_t fetched() const { return fetched_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  struct Download;
  [[nodiscard]] asio::awaitable<void> ask_stores(std::shared_ptr<io::HostConnection> connection);
  [[nodiscard]] asio::awaitable<void> fetch(dig::OldStores::Fetch what);
  [[nodiscard]] asio::awaitable<bool> download(Download& download);
  /// The size of the whole, and what was asked for at the front of the file.
  [[nodiscard]] asio::awaitable<bool> fetch_range(Download& download, std::uint64_t first, std::uint64_t last);
  [[nodiscard]] asio::awaitable<bool> put_in_place(Download& download);
  [[nodiscard]] asio::awaitable<std::optional<Bytes>> ask(io::HostConnection& connection, std::string_view protocol,
                                                          Bytes request);

  io::Host& host_;
  io::WorkerPool& pool_;
  io::Catalogue& catalogue_;
  Memory& memory_;
  OldNodeSettings settings_;
  Wanted wanted_;
  dig::OldStores stores_;
  std::set<identity::PeerId> asking_;
  bool stopping_ = false;
  io::Wake wake_;
  std::uint64_t fetched_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace turnpike::node
