// One path to one peer that holds stores, whatever carries it: what the fetcher asks of it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "core/store/store_id.h"
#include "io/channel/stop.h"
#include "io/loop/convert.h"

namespace turnpike::io {

enum class SourceError : std::uint8_t {
  kNotFound,    ///< The peer does not have the store, or no longer.
  kBusy,        ///< Not now; another time.
  kOverQuota,   ///< We have had our share for a while.
  kWrongRoot,   ///< The peer holds another content under this id. Nobody's fault.
  kProtocol,    ///< The peer's fault: it answered what nobody asked, too much, too little, or nonsense.
  kConnection,  ///< The path broke. Nobody's fault.
  kTimeout,     ///< Silence or a trickle (core/exchange/patience.h).
  kStopped,     ///< Our own Stop or sink ended it.
};
[[nodiscard]] std::string_view to_string(SourceError error);

constexpr Duration kMaxRetryAfter = std::chrono::hours(1);  ///< No peer puts us off for longer.

struct SourceFailure {
  SourceError error = SourceError::kConnection;
  Duration retry_after{};  ///< For kBusy and kOverQuota; zero: not said. At most kMaxRetryAfter.
};

/// Receives a range in order, into its own memory.
class RangeSink {
 public:
  virtual ~RangeSink() = default;
  /// Where the next bytes go; valid until the next commit(). It may take its time: the source reads no further
  /// meanwhile. An empty span stops the range, which then ends with kStopped.
  virtual asio::awaitable<std::span<std::uint8_t>> space() = 0;
  /// So many bytes of that space were filled, 1 at least.
  virtual void commit(std::size_t size) = 0;
};

/// Any number of calls may be under way at once. References must outlive the call. All on one loop.
class StoreSource {
 public:
  virtual ~StoreSource() = default;

  /// One encoded page of the piece layer (docs/protocols/layer.md). Bounded, but not verified.
  virtual asio::awaitable<Result<Bytes, SourceFailure>> layer_page(store::StoreId store, store::Content content,
                                                                   std::uint32_t first_piece, Stop& stop) = 0;
  /// The leaf hashes of a piece: 32 bytes for each 16 KiB of it. Of the right length, but not verified.
  virtual asio::awaitable<Result<Bytes, SourceFailure>> leaves(store::StoreId store, store::Content content,
                                                               std::uint32_t piece, Stop& stop) = 0;
  /// Streams [offset, offset + length), of any length inside `content`, into `sink`; Ok only when all of it was
  /// committed.
  virtual asio::awaitable<Status<SourceFailure>> range(store::StoreId store, store::Content content,
                                                       std::uint64_t offset, std::uint64_t length, RangeSink& sink,
                                                       Stop& stop) = 0;
};

}  // namespace turnpike::io
