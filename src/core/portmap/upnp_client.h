// Asks one UPnP Internet Gateway Device for mappings (IGD 1 and 2), or for holes in its IPv6 firewall (IGD 2). What is
// said over the network, SSDP and SOAP, is somebody else's work: here a command out and an answer in.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <variant>

#include "core/portmap/lane.h"

namespace turnpike::portmap {

namespace upnp {

/// SSDP, the description, and what the device says of its connection. Answered by Found.
struct Find {};
/// What the device says of its connection now, and whether `witness` is still there. Answered by Found.
struct Check {
  std::optional<Ask> witness;
  std::optional<std::uint16_t> pinhole;  ///< The witness's.
};
/// Who has this external port? Answered by Owner.
struct Query {
  Transport transport = Transport::kTcp;
  std::uint16_t external_port = 0;
};
/// AddPortMapping, or with `any` AddAnyPortMapping; IPv6: AddPinhole, or UpdatePinhole of `pinhole`. A lease of zero
/// seconds is for ever. Answered by Added.
struct Add {
  Ask ask;
  Seconds lease{0};
  bool any = false;
  std::optional<std::uint16_t> pinhole;
};
/// DeletePortMapping or DeletePinhole. Answered by Removed.
struct Remove {
  Ask ask;
  std::optional<std::uint16_t> pinhole;
};

struct Command {
  std::uint64_t id = 0;
  IpAddress own;  ///< The internal address, whose family decides between mapping and pinhole.
  std::variant<Find, Check, Query, Add, Remove> what;
};

struct Found {
  std::optional<IpAddress> external;  ///< What GetExternalIPAddress said, if it is an address.
  bool is_v2 = false;
  bool witness_stands = true;
};
struct Owner {
  std::optional<IpAddress> internal;  ///< None: nobody.
  bool is_ours = false;
};
struct Added {
  std::uint16_t external_port = 0;
  std::optional<std::uint16_t> pinhole;
};
struct Removed {};
struct Failed {
  int code = 0;      ///< UPnP's errorCode; 0 when there was no answer in UPnP at all.
  std::string text;  ///< For people.
};

struct Answer {
  std::uint64_t id = 0;
  std::variant<Found, Owner, Added, Removed, Failed> what;
};

constexpr int kInvalidAction = 401;
constexpr int kInvalidArguments = 402;
constexpr int kActionFailed = 501;
constexpr int kNotAuthorised = 606;
constexpr int kPinholeSpaceExhausted = 701;
constexpr int kFirewallDisabled = 702;
constexpr int kInboundPinholeNotAllowed = 703;
constexpr int kNoSuchEntry = 704;
constexpr int kConflict = 718;
constexpr int kOnlyPermanentLeases = 725;
constexpr int kNoPortMapsAvailable = 728;
constexpr int kConflictWithOtherMechanism = 729;

}  // namespace upnp

/// A command that is not answered by then never will be: whoever does the work has shorter limits of its own.
constexpr Duration kUpnpPatience = std::chrono::seconds(20);
/// What is left in the router by answers that came too late, to be taken away again.
constexpr std::size_t kMaxLeftovers = 16;

class UpnpClient final : public Lane {
 public:
  /// `first_id` tells this client's commands from another one's that is served by the same hands: ids go up by two.
  UpnpClient(const IpAddress& own, std::uint64_t first_id) : own_(own), next_id_(first_id) {}

  void probe(Instant now) override;
  void ask(Instant now, const Ask& ask) override;
  /// Late, unasked and repeated answers change nothing, but that a mapping nobody waited for is taken away.
  void handle_answer(Instant now, const upnp::Answer& answer);
  void handle_timeout(Instant now) override;
  [[nodiscard]] std::optional<upnp::Command> poll_command();
  [[nodiscard]] std::optional<LaneEvent> poll_event() override;
  [[nodiscard]] std::optional<Instant> poll_timeout() const override;
  [[nodiscard]] bool wants_only_permanent_leases() const { return permanent_; }

 private:
  using What = decltype(upnp::Command::what);
  struct Question {
    std::optional<Ask> ask;  ///< None: whether the device is there.
    std::uint64_t id = 0;
    Instant until;
    bool is_search = false;  ///< A Find, not a Check.
  };

  void send(Instant now, What what);
  void send_check(Instant now);
  void send_find(Instant now);
  void send_add(Instant now, const Ask& ask);
  void take(Instant now, const upnp::Found& found);
  void take(Instant now, const upnp::Owner& owner);
  void take(Instant now, const upnp::Added& added);
  void take(Instant now, const upnp::Removed& removed);
  void take(Instant now, const upnp::Failed& failed);
  void finish(LaneEvent event);
  void remember_late(const upnp::Answer& answer);
  [[nodiscard]] std::optional<std::uint16_t> pinhole_of(const Ask& ask) const;

  IpAddress own_;
  std::uint64_t next_id_;
  std::optional<Question> open_;
  std::deque<upnp::Command> out_;
  std::deque<LaneEvent> events_;
  bool found_ = false;
  bool has_address_ = true;
  bool v2_ = false;
  bool any_works_ = true;
  bool permanent_ = false;
  std::optional<Ask> witness_;
  std::map<std::pair<Transport, std::uint16_t>, std::uint16_t> pinholes_;  // by internal port
  std::map<std::uint64_t, Ask> abandoned_;                                 // adds whose answer never came
};

}  // namespace turnpike::portmap
