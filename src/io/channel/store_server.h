// The answering end of /turnpike/store/1 on a link: reads stores through a StoreReader, with bounded memory.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/time.h"
#include "core/exchange/server.h"
#include "io/channel/link.h"
#include "io/channel/store_reader.h"
#include "io/pace/pace.h"

namespace turnpike::io {

constexpr std::size_t kServeChunk = 256U << 10U;  ///< Read from disk at once; what one answer holds in memory.
/// Answers under way for one peer; the next is told to come back. So one peer makes us hold 4 MiB of chunks.
constexpr std::size_t kMaxServing = 16;
constexpr Duration kBusyRetry = std::chrono::seconds(1);
constexpr Duration kServeStall = std::chrono::seconds(30);  ///< A peer that takes no byte of an answer for so long.
constexpr Duration kServeIdle = std::chrono::seconds(120);  ///< A stream on which nothing is asked for so long.

/// One for each peer: its limits are that peer's. Must outlive the streams it serves (Link::closed).
class StoreServer {
 public:
  /// `upload` is what all answers to this peer share with those to others.
  explicit StoreServer(StoreReader& reader, Share upload = {}) : reader_(reader), upload_(std::move(upload)) {}
  StoreServer(const StoreServer&) = delete;
  StoreServer& operator=(const StoreServer&) = delete;

  /// Serves until the peer finishes the stream, breaks the protocol, or falls silent.
  [[nodiscard]] asio::awaitable<void> serve(std::unique_ptr<LinkStream> stream);

  [[nodiscard]] std::uint64_t bytes_served() const { return bytes_served_; }

 private:
  struct Session;
  [[nodiscard]] asio::awaitable<bool> answer(Session& session, exchange::Request request);
  [[nodiscard]] asio::awaitable<bool> answer_range(Session& session, const exchange::Request& request);
  [[nodiscard]] asio::awaitable<bool> answer_small(Session& session, const exchange::Request& request);
  [[nodiscard]] asio::awaitable<Result<Bytes, Refusal>> small_body(const exchange::Request& request,
                                                                   store::Content& content);

  StoreReader& reader_;
  Share upload_;
  std::size_t serving_ = 0;
  std::uint64_t bytes_served_ = 0;
};

}  // namespace turnpike::io
