// Drives one SecureChannel over one byte pipe on the loop, and gives its streams to coroutines.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/random.h"
#include "base/result.h"
#include "core/channel/secure_channel.h"
#include "io/tcp/byte_pipe.h"

namespace turnpike::io {

/// How long the last bytes of a closing link may take to leave.
constexpr Duration kGoodbyeTime = std::chrono::seconds(2);

enum class StreamError : std::uint8_t {
  kEnd,      ///< The peer has finished its direction, and all of it was consumed.
  kReset,    ///< The peer, or reset() here, ended both directions.
  kRefused,  ///< The peer does not speak the protocol.
  kClosed,   ///< The link is over: see ChannelLink::reason().
  kTimeout,
};

struct LinkState;
struct LinkSlot;

/// One stream of a link. One reader and one writer at a time. Keeps working storage alive by itself, so it may outlive
/// its ChannelLink: every operation then fails with kClosed. All on the link's loop.
class LinkStream {
 public:
  LinkStream(std::shared_ptr<LinkState> link, channel::StreamId id, std::string protocol);
  ~LinkStream();  ///< Resets what has not ended both ways.
  LinkStream(const LinkStream&) = delete;
  LinkStream& operator=(const LinkStream&) = delete;

  [[nodiscard]] const std::string& protocol() const { return protocol_; }

  /// Ends when readable() is not empty, or says why it will not be.
  [[nodiscard]] asio::awaitable<Status<StreamError>> wait_readable(std::optional<Instant> deadline = std::nullopt);
  /// The front of what has come. Valid until the coroutine next suspends, or any other call.
  [[nodiscard]] ByteView readable() const;
  /// Gives so much of the window back: a peer is read only as fast as this is called.
  void consume(std::size_t size);

  /// Ends when all of it is accepted; the peer's window and a bounded queue slow it down. `stall` is how long it waits
  /// without a single byte being accepted.
  [[nodiscard]] asio::awaitable<Status<StreamError>> write(ByteView bytes,
                                                           std::optional<Duration> stall = std::nullopt);

  /// Ends our direction, after everything written.
  void finish();
  /// Ends both directions; whoever waits on this stream gets kReset.
  void reset();
  /// False once either direction is known to have ended: nothing more can be asked over it.
  [[nodiscard]] bool is_usable() const;

 private:
  [[nodiscard]] std::optional<StreamError> failure() const;

  std::shared_ptr<LinkState> link_;
  std::shared_ptr<LinkSlot> slot_;
  channel::StreamId id_;
  std::string protocol_;
  bool finished_ = false;
};

class ChannelLink {
 public:
  /// Answers one inbound stream; runs as a coroutine of its own. It must own, or outlive by way of closed(), what it
  /// uses.
  using OnStream = std::function<asio::awaitable<void>(std::unique_ptr<LinkStream>)>;

  /// Starts at once. `random` and `config.identity` must live until closed() has ended.
  ChannelLink(asio::any_io_executor loop, std::unique_ptr<BytePipe> pipe, channel::Config config, Random& random,
              OnStream on_stream = {});
  ~ChannelLink();  ///< The abrupt end, if it has not ended; its coroutines end on the loop's next turns.
  ChannelLink(const ChannelLink&) = delete;
  ChannelLink& operator=(const ChannelLink&) = delete;

  /// Who the peer is, once it has proved it.
  [[nodiscard]] asio::awaitable<Result<identity::PeerId, channel::CloseReason>> established();
  /// Ends when the link is over and every coroutine it started has ended, those of inbound streams included.
  [[nodiscard]] asio::awaitable<channel::CloseReason> closed();

  /// Optimistic: may be written to at once. Null when the link is not established, closing, or at its limit of streams.
  [[nodiscard]] std::unique_ptr<LinkStream> open(std::string_view protocol);
  /// Says goodbye and ends; after kGoodbyeTime at the latest.
  void close();

  [[nodiscard]] std::optional<channel::CloseReason> reason() const;
  [[nodiscard]] std::optional<Duration> round_trip() const;
  [[nodiscard]] std::size_t streams() const;
  [[nodiscard]] std::uint64_t bytes_received() const;  ///< On the pipe, ciphertext and all.
  [[nodiscard]] std::uint64_t bytes_sent() const;

 private:
  std::shared_ptr<LinkState> state_;
};

}  // namespace turnpike::io
