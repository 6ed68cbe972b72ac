// What every authenticated, multiplexed connection offers, whatever carries it: streams by id, and events.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/bytes.h"
#include "base/time.h"
#include "core/channel/close_reason.h"
#include "core/identity/peer_id.h"

namespace turnpike::channel {

/// A stream of one channel. An id whose stream is gone is ordinary, and every verb ignores it. Ours are never used
/// again.
enum class StreamId : std::uint32_t {};

/// The channel is up and the peer has proved who it is.
struct Established {
  identity::PeerId peer;
};
/// Outbound: the peer has agreed to the protocol (open_stream() already allowed writing). Inbound: it asked for one of
/// ours.
struct StreamOpened {
  StreamId id;
  std::string protocol;
  bool inbound;
};
/// readable() was empty and no longer is. Not repeated until it has been empty again.
struct StreamReadable {
  StreamId id;
};
/// write() took less than it was given, and would take more now.
struct StreamWritable {
  StreamId id;
};
/// The peer will send no more. Bytes that came before may still be readable. We may still write.
struct StreamFinished {
  StreamId id;
};
/// The peer, or a negotiation that took too long, ended the stream both ways. Unread bytes are gone.
struct StreamReset {
  StreamId id;
};
/// The peer does not speak the protocol we proposed. The stream is gone.
struct StreamRefused {
  StreamId id;
};
/// The last event. All streams are gone.
struct Closed {
  CloseReason reason;
};

using Event = std::variant<Established, StreamOpened, StreamReadable, StreamWritable, StreamFinished, StreamReset,
                           StreamRefused, Closed>;

/// The verbs and getters that whoever uses streams needs; secure_channel.h says what each promises. A carrier adds what
/// its driver needs beside them.
class Streams {
 public:
  virtual ~Streams() = default;

  virtual std::optional<StreamId> open_stream(std::string_view protocol) = 0;
  virtual std::size_t write(StreamId id, ByteView bytes) = 0;
  /// Of meaning only where a reader takes the carrier's frames for messages.
  virtual void end_frame(StreamId) {}
  virtual void finish(StreamId id) = 0;
  virtual void reset(StreamId id) = 0;
  virtual void consume(Instant now, StreamId id, std::size_t size) = 0;
  virtual void close() = 0;

  virtual std::optional<Event> poll_event() = 0;

  [[nodiscard]] virtual ByteView readable(StreamId id) const = 0;
  [[nodiscard]] virtual bool is_open(StreamId id) const = 0;
  [[nodiscard]] virtual bool is_established() const = 0;
  [[nodiscard]] virtual std::optional<CloseReason> closed() const = 0;
  [[nodiscard]] virtual const std::optional<identity::PeerId>& peer() const = 0;
  [[nodiscard]] virtual std::size_t streams() const = 0;
  [[nodiscard]] virtual std::optional<Duration> round_trip() const = 0;

 protected:
  Streams() = default;
  Streams(const Streams&) = default;
  Streams(Streams&&) = default;
  Streams& operator=(const Streams&) = default;
  Streams& operator=(Streams&&) = default;
};

}  // namespace turnpike::channel
