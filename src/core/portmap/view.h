// What port mapping has come to, for people: a verdict, its words, and what happens next.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/portmap/lane.h"
#include "core/portmap/mapping.h"

namespace turnpike::portmap {

enum class Verdict : std::uint8_t {
  kOff,           ///< Not asked for.
  kNoGateway,     ///< This machine has no router in that address family.
  kSearching,     ///< Asked, and still within a router's time to answer.
  kWorking,       ///< A router answers; ports are being asked for.
  kMapped,        ///< All five.
  kMappedSingly,  ///< Some, or all but at other distances: `reason` says why.
  kNoAnswer,      ///< No router answers any of the protocols.
  kRefused,       ///< A router answers, and maps nothing: `reason` says why.
  kNotAuthorised,
  kOutOfResources,
  kPrivateAddress,  ///< The router is behind another one.
  kCarrierAddress,  ///< 100.64/10: the router is behind its provider's.
  kNoAddress,       ///< 0.0.0.0, or none: the router itself is not connected.
  kOwnAddress,      ///< It gives this machine's own inner address for the outer one.
  kUnstable,        ///< Its external address changes all the time; we wait.
};

[[nodiscard]] std::string_view name_of(Verdict verdict);   ///< "mapped", "carrier-address"
[[nodiscard]] std::string_view words_of(Verdict verdict);  ///< A sentence's worth, without its full stop.
/// Nobody outside can reach a port that is mapped there, whatever the router says.
[[nodiscard]] bool is_behind_another_nat(Verdict verdict);

/// What an external address is worth. None for one that may be reachable.
[[nodiscard]] std::optional<Verdict> flaw_of(const std::optional<IpAddress>& external, const IpAddress& own);
[[nodiscard]] Verdict verdict_of(Refusal refusal);

/// One protocol towards one router.
struct LaneView {
  Protocol protocol = Protocol::kPcp;
  std::string_view state;  ///< "asked", "answers", "in use", "refused"
  std::string reason;      ///< Empty where there is nothing to say.
};

/// One router, in one address family.
struct RouterView {
  IpAddress::Family family = IpAddress::Family::kV4;
  std::optional<IpAddress> gateway;
  Verdict verdict = Verdict::kOff;
  std::string reason;  ///< One line for people, never empty.
  std::optional<Protocol> protocol;
  std::optional<IpAddress> external;
  bool is_group = false;
  std::vector<Mapping> mappings;
  std::vector<LaneView> lanes;
  std::optional<Instant> next_action;  ///< The next renewal, check or attempt.
};

}  // namespace turnpike::portmap
