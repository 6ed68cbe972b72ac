// One bidirectional stream of a QUIC connection: its bytes each way, and the negotiation that opens it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "core/multistream/negotiation.h"
#include "core/quic/stream_buffer.h"

namespace turnpike::quic {

/// multistream-select on each stream, as libp2p does without a muxer of its own.
class Stream {
 public:
  /// Proposes `protocol`.
  Stream(std::int64_t number, Instant until, std::string protocol)
      : id(number),
        deadline(until),
        dialer_(std::make_unique<multistream::Dialer>(std::vector<std::string>{std::move(protocol)})) {}
  /// Accepts one of `protocols`, which are borrowed.
  Stream(std::int64_t number, Instant until, const std::vector<std::string>& protocols)
      : id(number), deadline(until), inbound(true), listener_(std::make_unique<multistream::Listener>(protocols)) {}

  std::int64_t id;
  Instant deadline;  ///< For the negotiation.
  bool inbound = false;

  StreamBuffer out;  ///< Marked: sent once, not acknowledged.
  StreamBuffer in;
  bool finish_wanted = false;
  bool finish_sent = false;
  bool peer_finished = false;
  bool peer_finish_told = false;
  bool blocked = false;       ///< By the peer's window for this stream.
  bool queued = false;        ///< In the connection's round of senders.
  bool wants_room = false;    ///< write() took less than it was given.
  bool over = false;          ///< The library has let it go: both directions have ended.
  bool refused_here = false;  ///< Reset by us: what the library still tells of it is of no interest.

  [[nodiscard]] bool is_agreed() const { return !dialer_ && !listener_; }
  [[nodiscard]] multistream::Outcome outcome() const { return dialer_ ? dialer_->outcome() : listener_->outcome(); }
  [[nodiscard]] const std::string& protocol() const { return dialer_ ? dialer_->protocol() : listener_->protocol(); }
  void negotiate(ByteView& in_bytes) { dialer_ ? dialer_->handle_bytes(in_bytes) : listener_->handle_bytes(in_bytes); }
  [[nodiscard]] Bytes poll_negotiation() { return dialer_ ? dialer_->poll_write() : listener_->poll_write(); }
  void end_negotiation() {
    dialer_.reset();
    listener_.reset();
  }
  [[nodiscard]] bool wants_to_send() const {
    return !over && !finish_sent && !blocked && (out.unmarked() > 0 || finish_wanted);
  }

 private:
  std::unique_ptr<multistream::Dialer> dialer_;
  std::unique_ptr<multistream::Listener> listener_;
};

}  // namespace turnpike::quic
