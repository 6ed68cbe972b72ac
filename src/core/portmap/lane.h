// What is asked of a router and what it says to that, in words common to PCP, NAT-PMP and UPnP.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/endpoint.h"
#include "base/time.h"
#include "core/portmap/mapping.h"

namespace turnpike::portmap {

using Seconds = std::chrono::seconds;

constexpr Seconds kWantedLease{7200};  ///< RFC 6886 §3.3 recommends two hours.
constexpr Seconds kMinLease{20};     ///< A shorter one cannot be held with a renewal at half-life and one lost packet.
constexpr Seconds kMaxLease{86400};  ///< What a router promises beyond a day is not believed: RFC 6887 §15.

/// So often a router may answer with success and a lease of zero seconds before it is taken at its word.
constexpr unsigned kMaxEmptyGrants = 2;

/// One port asked of a router, or given back.
struct Ask {
  Transport transport = Transport::kTcp;
  std::uint16_t internal_port = 0;
  std::uint16_t external_port = 0;  ///< Wished for; the router may choose another. When given back: the one it chose.
  Seconds lease = kWantedLease;     ///< Zero gives the mapping back.
  bool any_port = false;            ///< Another external port will do as well.

  [[nodiscard]] bool is_removal() const { return lease == Seconds(0); }
  friend bool operator==(const Ask&, const Ask&) = default;
};

/// Why a router did not do what it was asked.
enum class Refusal : std::uint8_t {
  kNoAnswer,
  kUnsupported,     ///< It speaks, but not this.
  kTaken,           ///< The external port belongs to somebody else.
  kNotAuthorised,   ///< Mapping is switched off, or not for us.
  kOutOfResources,  ///< No more mappings, for us or for anybody.
  kNoAddress,       ///< The router itself has no connection.
  kAnotherNat,      ///< The router sees us come from another address than our own.
  kBroken,          ///< It answers what makes no sense.
};
[[nodiscard]] std::string_view words_of(Refusal refusal);  ///< For a sentence that begins with "the router ".

/// A router is there, and this is what it says of itself.
struct Present {
  std::optional<IpAddress> external;  ///< PCP tells it with the first mapping only.
};
/// Its mappings are gone: it was restarted, or its external address is another.
struct Restarted {};
struct Granted {
  Ask ask;
  std::uint16_t external_port = 0;
  std::optional<IpAddress> external;
  Seconds lease{0};
};
struct Refused {
  std::optional<Ask> ask;  ///< None: it was asked whether it is there.
  Refusal why = Refusal::kNoAnswer;
  std::optional<Duration> again;      ///< Not before, says the router.
  std::optional<IpAddress> external;  ///< What it called its external address in passing.
  std::string detail;                 ///< In the router's or the protocol's own terms; empty where there are none.
};
using LaneEvent = std::variant<Present, Restarted, Granted, Refused>;

/// Whether `lease` can be lived with, and how long it is taken for.
[[nodiscard]] std::optional<Seconds> believable(Seconds lease);

/// One protocol towards one router: one question at a time, each answered by exactly one event (Present, Granted or
/// Refused). Restarted comes by itself, before the answer that told it.
class Lane {
 public:
  virtual ~Lane() = default;
  /// Asks whether the router is there. Takes the place of any question that is open.
  virtual void probe(Instant now) = 0;
  /// Takes the place of any question that is open, which is then never answered.
  virtual void ask(Instant now, const Ask& ask) = 0;
  virtual void handle_timeout(Instant now) = 0;
  [[nodiscard]] virtual std::optional<LaneEvent> poll_event() = 0;
  [[nodiscard]] virtual std::optional<Instant> poll_timeout() const = 0;

 protected:
  Lane() = default;
  Lane(const Lane&) = default;
  Lane& operator=(const Lane&) = default;
};

}  // namespace turnpike::portmap
