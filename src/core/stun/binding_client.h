// One STUN Binding transaction, with its retransmissions (RFC 8489, section 6.2.1), and the requests of NAT behaviour
// discovery (RFC 5780).
#pragma once

#include <variant>

#include "base/machine.h"
#include "core/stun/attribute.h"
#include "core/stun/retransmission.h"

namespace turnpike::stun {

/// Asks `server` for our address until it answers or the retries run out. Datagrams from anyone else, or with another
/// id, are ignored: an off-path guesser must hit 96 bits.
class BindingClient {
 public:
  struct Mapped {
    Endpoint address;
    Duration round_trip;            ///< Zero when the request was retransmitted: the sample is ambiguous (Karn).
    Endpoint from;                  ///< Where the answer came from: another place than asked after a ChangeRequest.
    std::optional<Endpoint> other;  ///< OTHER-ADDRESS: the server can do RFC 5780.
  };
  struct Refused {
    ErrorCode code{};
  };
  struct TimedOut {};
  using Event = std::variant<Mapped, Refused, TimedOut>;

  struct Options {
    RetransmissionPolicy retransmission;
    /// Asks for an answer from another address or port; the answer may then come from anywhere.
    std::optional<ChangeRequest> change;
  };

  /// `id` must be unpredictable; the caller draws it, so a test can choose it.
  BindingClient(Instant now, const Endpoint& server, const TransactionId& id) : BindingClient(now, server, id, {}) {}
  BindingClient(Instant now, const Endpoint& server, const TransactionId& id, const Options& options);

  void handle_datagram(Instant now, const Endpoint& from, ByteView datagram);
  void handle_timeout(Instant now);

  [[nodiscard]] std::optional<Transmit> poll_transmit();
  [[nodiscard]] std::optional<Event> poll_event();
  [[nodiscard]] std::optional<Instant> poll_timeout() const { return retransmission_.poll_timeout(); }

  [[nodiscard]] const TransactionId& id() const { return id_; }

 private:
  Endpoint server_;
  TransactionId id_;
  Options options_;
  Instant started_;
  Retransmission retransmission_;
  bool request_due_ = true;
  bool done_ = false;
  std::optional<Event> event_;
};

static_assert(DatagramMachine<BindingClient>);

}  // namespace turnpike::stun
