// The verified bytes of one store, in order, for who cannot verify them: pieces are checked as they come and handed on.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <memory>

#include "io/channel/store_source.h"
#include "io/disk/worker_pool.h"

namespace turnpike::io {

/// Verified pieces that wait to be taken. With the one being filled and the one being taken, a stream holds 4 MiB.
constexpr std::size_t kStreamPiecesAhead = 2;
/// Attempts in a row that may bring no whole piece: a path may have died just before it was taken.
constexpr unsigned kMaxFruitlessAttempts = 2;

/// One pass over [offset, offset + length) of one content. Nothing that does not lead to the content's root is handed
/// on. Reads ahead no further than kStreamPiecesAhead, so whoever takes slowly slows the source. All on the pool's
/// loop.
class StoreStream {
 public:
  /// A path to a peer that holds the content. Asked at the start, and again where a path broke after it brought
  /// something: pieces that were handed on are not fetched again.
  using Connect = std::function<asio::awaitable<Result<std::shared_ptr<StoreSource>, SourceFailure>>()>;

  /// `length` is not 0, and the range lies in `content`, which is valid. `pool`, and what `connect` refers to, must
  /// live until the loop has run out.
  StoreStream(WorkerPool& pool, store::StoreId store, store::Content content, std::uint64_t offset,
              std::uint64_t length, Connect connect);
  ~StoreStream();  ///< Stops what is under way.
  StoreStream(const StoreStream&) = delete;
  StoreStream& operator=(const StoreStream&) = delete;

  /// The next bytes, at most a piece of them; empty once all were given. A source whose bytes are wrong is kProtocol.
  /// Whatever error comes, what was given before is right.
  [[nodiscard]] asio::awaitable<Result<Bytes, SourceFailure>> next();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace turnpike::io
