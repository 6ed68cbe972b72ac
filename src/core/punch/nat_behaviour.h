// What a NAT does with the ports of one socket (RFC 4787, section 4.1; RFC 5780), told from what STUN servers saw, and
// which ports it will give out next.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/endpoint.h"

namespace turnpike::punch {

enum class Mapping : std::uint8_t {
  kUnknown,  ///< Too little was seen.
  kNone,     ///< No NAT: the outside sees our own address.
  kEndpointIndependent,
  kAddressDependent,         ///< One port for each address talked to.
  kAddressAndPortDependent,  ///< One for each address and port.
};
enum class PortAllocation : std::uint8_t {
  kUnknown,
  kPreserving,  ///< The port of the socket itself.
  kSequential,  ///< The next one is so and so far from the last.
  kRandom,
};

[[nodiscard]] std::string_view name_of(Mapping mapping);
[[nodiscard]] std::string_view name_of(PortAllocation allocation);

/// One answer: from the socket bound to `local`, `server` saw us at `mapped`. In the order they were asked.
struct Sighting {
  Endpoint local;
  Endpoint server;
  Endpoint mapped;
};

struct Behaviour {
  Mapping mapping = Mapping::kUnknown;
  PortAllocation allocation = PortAllocation::kUnknown;
  std::int32_t stride = 0;      ///< kSequential: from one new mapping to the next, never 0.
  std::uint16_t last_port = 0;  ///< The newest mapping's.

  /// One outside address and port, whoever is talked to: the other end can be told where to send.
  [[nodiscard]] bool is_easy() const { return mapping == Mapping::kNone || mapping == Mapping::kEndpointIndependent; }
  /// Not easy, but the next port can be told in advance.
  [[nodiscard]] bool is_predictable() const {
    return !is_easy() && mapping != Mapping::kUnknown && allocation != PortAllocation::kRandom &&
           allocation != PortAllocation::kUnknown;
  }
  friend bool operator==(const Behaviour&, const Behaviour&) = default;
};

/// Strides beyond it are taken for chance.
constexpr std::int32_t kMaxStride = 64;
/// Sightings that are looked at; those before the last so many are left out.
constexpr std::size_t kMaxSightings = 64;

/// From sightings of one address family behind one NAT. Mapping is told once two servers have answered the same socket
/// (two addresses and two ports of one address tell the dependent kinds apart); allocation from the different mappings.
[[nodiscard]] Behaviour classify(std::span<const Sighting> sightings);

/// The ports of the next `count` mappings a predictable NAT will make, likeliest first: along the stride from the last
/// one, allowing for a few mappings that others behind it make meanwhile. `own` is the socket's port. Empty when it is
/// not predictable.
[[nodiscard]] std::vector<std::uint16_t> predict(const Behaviour& behaviour, std::uint16_t own, std::size_t count);

}  // namespace turnpike::punch
