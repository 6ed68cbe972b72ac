// Executes one StartFetch: pieces of one store from one source, verified, on disk, and blamed leaf by leaf.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/sync/fetch.h"
#include "io/channel/store_source.h"
#include "io/disk/partial_store.h"
#include "io/disk/worker_pool.h"

namespace turnpike::io {

/// Bytes of pieces that one fetch holds: being received, waiting to be hashed, or under repair. The source is not read
/// while they are in use.
constexpr std::size_t kMaxFetchMemory = 16U << 20U;
/// Bad pieces that one fetch repairs leaf by leaf; a source with more is given up as kBadData.
constexpr std::size_t kMaxRepairs = 4;

/// Hears what a fetch has done, on the loop. Must not destroy the Fetcher from inside a call.
class FetchObserver {
 public:
  virtual ~FetchObserver() = default;
  /// The piece is verified and written. `wire_bytes` is what it took to bring, refetched leaves included.
  virtual void piece_done(std::uint32_t piece, std::uint64_t wire_bytes) = 0;
  /// The source sent these leaves wrong; proved against the store's root. They are asked for once more.
  virtual void piece_bad(std::uint32_t piece, std::span<const std::uint32_t> leaves) = 0;
};

/// One order, once. All on the loop; hashing and writing run on the pool, overlapped with receiving.
class Fetcher {
 public:
  /// `source`, `partial`, `pool` and `observer` must live until run() has ended. `pieces` are inside the content.
  Fetcher(StoreSource& source, PartialStore& partial, WorkerPool& pool, std::vector<sync::PieceRange> pieces,
          FetchObserver& observer);
  ~Fetcher();
  Fetcher(const Fetcher&) = delete;
  Fetcher& operator=(const Fetcher&) = delete;

  /// Ends when nothing of it is under way any more. Pieces that were whole when something failed are still verified
  /// and reported before.
  [[nodiscard]] asio::awaitable<sync::FetchOutcome> run();
  /// run() then ends soon, with kCancelled. May be called at any time.
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace turnpike::io
