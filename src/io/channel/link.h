// A connection to one authenticated peer, whatever carries it, and its streams as coroutines use them.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "core/channel/streams.h"
#include "io/loop/convert.h"

namespace turnpike::io {

enum class StreamError : std::uint8_t {
  kEnd,      ///< The peer has finished its direction, and all of it was consumed.
  kReset,    ///< The peer, or reset() here, ended both directions.
  kRefused,  ///< The peer does not speak the protocol.
  kClosed,   ///< The link is over: see Link::reason().
  kTimeout,
};

struct LinkState;
struct LinkSlot;

/// One stream of a link. One reader and one writer at a time. Keeps working storage alive by itself, so it may outlive
/// its Link: every operation then fails with kClosed. All on the link's loop.
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

  /// What was written so far shares no frame of the carrier with what is written next: old readers take a frame for a
  /// message.
  void end_frame();
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

class Link {
 public:
  /// Answers one inbound stream; runs as a coroutine of its own. It must own, or outlive by way of closed(), what it
  /// uses.
  using OnStream = std::function<asio::awaitable<void>(std::unique_ptr<LinkStream>)>;

  Link() = default;
  virtual ~Link() = default;  ///< The abrupt end, if it has not ended; its coroutines end on the loop's next turns.
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Who the peer is, once it has proved it.
  [[nodiscard]] virtual asio::awaitable<Result<identity::PeerId, channel::CloseReason>> established() = 0;
  /// Ends when the link is over and every coroutine it started has ended, those of inbound streams included.
  [[nodiscard]] virtual asio::awaitable<channel::CloseReason> closed() = 0;

  /// Optimistic: may be written to at once. Null when the link is not established, closing, or at its limit of streams.
  [[nodiscard]] virtual std::unique_ptr<LinkStream> open(std::string_view protocol) = 0;
  /// Says goodbye and ends.
  virtual void close() = 0;

  [[nodiscard]] virtual std::optional<channel::CloseReason> reason() const = 0;
  [[nodiscard]] virtual std::optional<Duration> round_trip() const = 0;
  [[nodiscard]] virtual Instant heard() const = 0;  ///< When anything came last.
  /// What the far end of an accepted connection proposed instead of any security we speak; empty if nothing.
  [[nodiscard]] virtual std::string refused_security() const { return {}; }
  [[nodiscard]] virtual std::size_t streams() const = 0;
  [[nodiscard]] virtual std::uint64_t bytes_received() const = 0;  ///< As they came, ciphertext and all.
  [[nodiscard]] virtual std::uint64_t bytes_sent() const = 0;
};

}  // namespace turnpike::io
