#include "core/punch/nat_behaviour.h"

#include <algorithm>
#include <cstdlib>
#include <map>

namespace turnpike::punch {
namespace {

constexpr std::int32_t kPorts = 0x10000;

// The shorter way round the circle of ports.
std::int32_t step(std::uint16_t from, std::uint16_t to) {
  std::int32_t difference = (std::int32_t{to} - std::int32_t{from}) % kPorts;
  if (difference > kPorts / 2) difference -= kPorts;
  if (difference < -kPorts / 2) difference += kPorts;
  return difference;
}

std::uint16_t moved(std::uint16_t port, std::int32_t by) {
  return static_cast<std::uint16_t>((std::int32_t{port} + by % kPorts + kPorts) % kPorts);
}

Mapping mapping_of(std::span<const Sighting> sightings) {
  if (std::ranges::all_of(sightings, [](const Sighting& seen) { return seen.mapped == seen.local; })) {
    return sightings.empty() ? Mapping::kUnknown : Mapping::kNone;
  }
  bool compared = false;
  bool differs_by_address = false;
  bool compared_ports = false;
  bool differs_by_port = false;
  for (std::size_t i = 0; i < sightings.size(); ++i) {
    for (std::size_t j = i + 1; j < sightings.size(); ++j) {
      const Sighting& a = sightings[i];
      const Sighting& b = sightings[j];
      if (a.local != b.local || a.server == b.server) continue;
      const bool differs = a.mapped != b.mapped;
      if (a.server.address == b.server.address) {
        compared_ports = true;
        differs_by_port = differs_by_port || differs;
      } else {
        compared = true;
        differs_by_address = differs_by_address || differs;
      }
    }
  }
  if (differs_by_port) return Mapping::kAddressAndPortDependent;
  if (differs_by_address) return compared_ports ? Mapping::kAddressDependent : Mapping::kAddressAndPortDependent;
  return compared || compared_ports ? Mapping::kEndpointIndependent : Mapping::kUnknown;
}

// Of the different mappings, in the order they were made.
std::vector<Sighting> made(std::span<const Sighting> sightings) {
  std::vector<Sighting> out;
  for (const Sighting& seen : sightings) {
    const auto is_it = [&](const Sighting& other) { return other.mapped == seen.mapped; };
    if (std::ranges::none_of(out, is_it)) out.push_back(seen);
  }
  return out;
}

void find_allocation(std::span<const Sighting> mappings, Behaviour& out) {
  if (std::ranges::all_of(mappings, [](const Sighting& seen) { return seen.mapped.port == seen.local.port; })) {
    out.allocation = PortAllocation::kPreserving;
    return;
  }
  if (mappings.size() < 2) return;
  if (mappings.size() == 2) {  // two ports make a stride of anything that is small enough for one
    const std::int32_t only = std::abs(step(mappings[0].mapped.port, mappings[1].mapped.port));
    if (only > kMaxStride) out.allocation = PortAllocation::kRandom;
    return;
  }
  std::map<std::int32_t, std::size_t> strides;
  for (std::size_t i = 1; i < mappings.size(); ++i)
    ++strides[step(mappings[i - 1].mapped.port, mappings[i].mapped.port)];
  const auto common = std::ranges::max_element(strides, {}, [](const auto& entry) { return entry.second; });
  const std::size_t steps = mappings.size() - 1;
  const bool is_small = common->first != 0 && std::abs(common->first) <= kMaxStride;
  // Others behind the same NAT take ports too: most steps, not all, must be the stride, and the rest go the same way.
  const bool is_common = common->second * 2 > steps || (common->second * 2 == steps && steps > 1);
  out.allocation = PortAllocation::kRandom;
  if (!is_small || !is_common) return;
  const bool is_drift = std::ranges::all_of(strides, [&](const auto& entry) {
    return entry.first % common->first == 0 && entry.first / common->first > 0 &&
           entry.first / common->first <= kMaxStride;
  });
  if (!is_drift) return;
  out.allocation = PortAllocation::kSequential;
  out.stride = common->first;
}

}  // namespace

std::string_view name_of(Mapping mapping) {
  switch (mapping) {
    case Mapping::kUnknown:
      return "unknown";
    case Mapping::kNone:
      return "none";
    case Mapping::kEndpointIndependent:
      return "endpoint-independent";
    case Mapping::kAddressDependent:
      return "address-dependent";
    case Mapping::kAddressAndPortDependent:
      return "address-and-port-dependent";
  }
  return "unknown";
}

std::string_view name_of(PortAllocation allocation) {
  switch (allocation) {
    case PortAllocation::kUnknown:
      return "unknown";
    case PortAllocation::kPreserving:
      return "preserving";
    case PortAllocation::kSequential:
      return "sequential";
    case PortAllocation::kRandom:
      return "random";
  }
  return "unknown";
}

Behaviour classify(std::span<const Sighting> sightings) {
  sightings = sightings.last(std::min(sightings.size(), kMaxSightings));
  Behaviour out;
  out.mapping = mapping_of(sightings);
  if (sightings.empty()) return out;
  const std::vector<Sighting> mappings = made(sightings);
  out.last_port = mappings.back().mapped.port;
  if (out.mapping == Mapping::kNone) {
    out.allocation = PortAllocation::kPreserving;
  } else {
    find_allocation(mappings, out);
  }
  return out;
}

std::vector<std::uint16_t> predict(const Behaviour& behaviour, std::uint16_t own, std::size_t count) {
  std::vector<std::uint16_t> out;
  if (!behaviour.is_predictable()) return out;
  if (behaviour.allocation == PortAllocation::kPreserving) return {own};
  for (std::size_t i = 1; i <= count; ++i) {
    const std::uint16_t port = moved(behaviour.last_port, behaviour.stride * static_cast<std::int32_t>(i));
    if (port >= 1024) out.push_back(port);
  }
  return out;
}

}  // namespace turnpike::punch
