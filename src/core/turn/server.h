// A TURN server (RFC 8656) that relays between its own clients only: between the two ends of a pinned session, or the
// allocations of one static user. No socket is ever bound to a relayed address (docs/protocols/turn.md).
#pragma once

#include <deque>
#include <map>
#include <optional>

#include "core/stun/binding_server.h"
#include "core/turn/allocations.h"
#include "core/turn/authenticator.h"
#include "core/turn/donation.h"
#include "core/turn/forwarding.h"
#include "core/turn/payer.h"
#include "core/turn/sessions.h"
#include "core/turn/virtual_ports.h"

namespace turnpike::turn {

constexpr Duration kDefaultLifetime = std::chrono::minutes(10);
constexpr Duration kMaxLifetime = std::chrono::hours(1);
/// A longer request is dropped unread: what we must compute a MAC over before we know who sent it is bounded.
constexpr std::size_t kMaxRequestSize = 2048;
/// Data in one Data indication; what would need a longer message is dropped.
constexpr std::size_t kMaxIndicationData = 65'000;

struct ServerConfig {
  /// What relayed addresses are made of. With none only Binding is answered: see Server::set_external.
  std::vector<IpAddress> external;
  std::string realm = "turnpike";
  std::vector<StaticUser> users;
  SessionsPolicy sessions;
  std::optional<DonationCaps> donation;  ///< Without one nothing is capped but sessions.
  bool tells_bindings = false;           ///< See poll_binding.
  DonationRecord donated;
  Payer* payer = nullptr;  ///< Borrowed for life. Null: nobody is asked.
  std::size_t max_allocations = 65'536;
  std::size_t max_allocations_per_user = 8'192;
  std::size_t max_allocations_per_network = 2'048;  ///< A /24, or a /64 of IPv6.
  /// Unauthenticated answers (401, 438, 400) a second and at once, to one /24 or /64.
  std::uint32_t challenge_rate = 200;
  std::uint32_t challenge_burst = 1'000;
};

/// A whole message for one client. Over UDP it is a datagram; in a stream it is already padded.
struct Outgoing {
  FiveTuple to;
  Bytes payload;
};

struct ServerCounters {
  std::uint64_t allocations = 0;  ///< Made.
  std::uint64_t bytes = 0;        ///< Of relayed data.
  std::uint64_t refused = 0;      ///< Answered with an error, challenges not counted.
  std::uint64_t unanswered = 0;   ///< Unauthenticated, and one too many of that network.
  std::uint64_t dropped = 0;      ///< Data without a permission, a partner or an allowance.
};

/// Pure. Drain poll_transmit and poll_event after every call that takes the time, then poll_timeout.
class Server {
 public:
  Server(ServerConfig config, Random& random);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// One datagram, or one frame of a stream: a STUN message or ChannelData. Anything else is dropped.
  void handle_message(Now now, const FiveTuple& from, ByteView message);
  /// A TCP or TLS connection is gone, and its allocation with it.
  void handle_closed(Now now, const FiveTuple& client);
  void handle_timeout(Now now);

  [[nodiscard]] std::optional<Outgoing> poll_transmit();
  /// A session is over; its allocations are gone.
  [[nodiscard]] std::optional<Ended> poll_event();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  /// A Binding request that was answered, where the configuration wants to be told: a proof may have come by it
  /// (docs/protocols/proof.md).
  struct Bound {
    FiveTuple from;
    TransactionId id{};
  };
  [[nodiscard]] std::optional<Bound> poll_binding();

  /// Where this server is proved to be reached now. With none it goes on with the sessions there are, and begins none.
  void set_external(const std::vector<IpAddress>& external) { ports_.set_external(external); }
  [[nodiscard]] bool has_external() const { return ports_.has_any(); }
  /// It speaks TURN, and not Binding alone.
  [[nodiscard]] bool relays() const { return has_external() || sessions() > 0 || allocations() > 0; }
  [[nodiscard]] bool relays_family(IpAddress::Family family) const { return ports_.has_family(family); }

  /// A session between two peers: to be granted to who proved to be `requester`.
  [[nodiscard]] Result<Opened, RefusalReason> open_session(Now now, const PeerId& requester, const IpAddress& from,
                                                           const PeerId& responder, IpAddress::Family family);
  void close_session(Now now, const SessionId& session);
  /// Whether it is worth asking for a session: told in the peer's record.
  [[nodiscard]] bool accepts_sessions(WallTime now) const;

  // The data plane. Look a run of ChannelData up once, ask for its bytes, and move them; without a route give each
  // message to handle_message.

  /// Valid until the next call that is not const.
  [[nodiscard]] const Route* route(Instant now, const FiveTuple& from, ChannelNumber channel) const {
    return forwarding_.find(now, from, channel);
  }
  /// Asks before `bytes` of data go along `route`. `route` may be gone after a refusal.
  [[nodiscard]] Allowance charge(Now now, const Route& route, std::uint64_t bytes);

  [[nodiscard]] bool has_allocation(const FiveTuple& client) const { return allocations_.find(client).has_value(); }
  [[nodiscard]] std::size_t allocations() const { return allocations_.size(); }
  [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }
  [[nodiscard]] const ServerCounters& counters() const { return counters_; }
  [[nodiscard]] const std::optional<Donation>& donation() const { return donation_; }

 private:
  using Slot = Allocations::Slot;
  struct Request {
    Now now;
    const FiveTuple& from;
    const MessageView& message;
    const Caller& caller;
  };

  void handle_request(Now now, const FiveTuple& from, const MessageView& message);
  void handle_allocate(const Request& request);
  void handle_refresh(const Request& request, Slot slot);
  void handle_create_permission(const Request& request, Slot slot);
  void handle_channel_bind(const Request& request, Slot slot);
  void handle_send(Now now, const FiveTuple& from, const MessageView& message);
  void handle_channel_data(Now now, const FiveTuple& from, ByteView message);

  [[nodiscard]] std::optional<ErrorCode> fault_of_allocate(const MessageView& message) const;
  [[nodiscard]] Result<Endpoint, ErrorCode> take_relayed(const Request& request);
  [[nodiscard]] bool has_room_for(const Request& request) const;
  [[nodiscard]] Duration lifetime_for(const Request& request) const;
  [[nodiscard]] std::optional<ErrorCode> fault_of_peer(Slot slot, const Endpoint& peer, bool exact) const;
  void remove(Now now, Slot slot);
  void settle_sessions(Now now);

  [[nodiscard]] std::optional<Slot> partner(Slot from, const Endpoint& to) const;
  [[nodiscard]] Allowance charge(Now now, const Holder& holder, std::uint64_t bytes);
  void deliver(Now now, Slot from, const Endpoint& to, ByteView data, std::optional<ChannelNumber> sent_on);
  void publish(Instant now, Slot from, ChannelNumber sent_on, Slot to, const Channel& received_on);

  [[nodiscard]] MessageWriter answer(Class message_class, const MessageView& request) const;
  void succeed(const Request& request, MessageWriter out);
  void succeed_allocate(const Request& request, Slot slot);
  void refuse(const Request& request, ErrorCode code, std::span<const AttributeType> unknown = {});
  void challenge(Now now, const FiveTuple& to, const MessageView& request, ErrorCode code);
  void finish(const FiveTuple& to, const MessageView& request, MessageWriter out);

  ServerConfig config_;
  Random& random_;
  VirtualPorts ports_;
  Sessions sessions_;
  Authenticator authenticator_;
  Allocations allocations_;
  Forwarding forwarding_;
  stun::BindingServer binding_;
  stun::SourceLimiter challenges_;
  std::optional<Donation> donation_;
  std::map<IpAddress, std::size_t> by_network_;
  std::vector<std::size_t> by_user_;
  ServerCounters counters_;
  std::deque<Outgoing> outgoing_;
  std::deque<Ended> events_;
  std::deque<Bound> bindings_;
};

}  // namespace turnpike::turn
