#include "core/turn/virtual_ports.h"

#include <algorithm>

namespace turnpike::turn {

void VirtualPorts::set_external(const std::vector<IpAddress>& external) {
  for (Pool& pool : pools_) pool.in_use = std::ranges::find(external, pool.address) != external.end();
  std::erase_if(pools_, [](const Pool& pool) { return !pool.in_use && pool.taken == 0; });
  for (const IpAddress& address : external) {
    if (pool_of(address) == nullptr) pools_.push_back({.address = address, .owners = {}});
  }
}

const VirtualPorts::Pool* VirtualPorts::pool_of(const IpAddress& address) const {
  const auto at = std::ranges::find(pools_, address, &Pool::address);
  return at == pools_.end() ? nullptr : &*at;
}

VirtualPorts::Pool* VirtualPorts::pool_of(const IpAddress& address) {
  const auto at = std::ranges::find(pools_, address, &Pool::address);
  return at == pools_.end() ? nullptr : &*at;
}

bool VirtualPorts::has_family(IpAddress::Family family) const {
  return std::ranges::any_of(pools_,
                             [family](const Pool& pool) { return pool.in_use && pool.address.family == family; });
}

bool VirtualPorts::has_any() const { return std::ranges::any_of(pools_, &Pool::in_use); }

std::optional<std::size_t> VirtualPorts::find_free(const Pool& pool, std::size_t from, PortParity parity) {
  const std::size_t step = parity == PortParity::kEven ? 2 : 1;
  from -= from % step;
  for (std::size_t i = 0; i < kVirtualPorts; i += step) {
    const std::size_t at = (from + i) % kVirtualPorts;
    if (pool.owners[at] == kFree) return at;
  }
  return std::nullopt;
}

std::optional<Endpoint> VirtualPorts::take(Random& random, IpAddress::Family family, Owner owner, PortParity parity) {
  for (Pool& pool : pools_) {
    if (!pool.in_use || pool.address.family != family || pool.taken == kVirtualPorts) continue;
    if (pool.owners.empty()) pool.owners.assign(kVirtualPorts, kFree);
    const auto at = find_free(pool, static_cast<std::size_t>(random.below(kVirtualPorts)), parity);
    if (!at) continue;
    pool.owners[*at] = owner;
    ++pool.taken;
    return Endpoint{pool.address, static_cast<std::uint16_t>(kFirstVirtualPort + *at)};
  }
  return std::nullopt;
}

void VirtualPorts::release(const Endpoint& relayed) {
  Pool* const pool = pool_of(relayed.address);
  if (pool == nullptr || pool->owners.empty() || relayed.port < kFirstVirtualPort) return;
  Owner& owner = pool->owners[relayed.port - kFirstVirtualPort];
  if (owner == kFree) return;
  owner = kFree;
  --pool->taken;
}

void VirtualPorts::set_owner(const Endpoint& relayed, Owner owner) {
  Pool* const pool = pool_of(relayed.address);
  if (pool == nullptr || pool->owners.empty() || relayed.port < kFirstVirtualPort) return;
  pool->owners[relayed.port - kFirstVirtualPort] = owner;
}

std::optional<VirtualPorts::Owner> VirtualPorts::owner_of(const Endpoint& relayed) const {
  const Pool* const pool = pool_of(relayed.address);
  if (pool == nullptr || pool->owners.empty() || relayed.port < kFirstVirtualPort) return std::nullopt;
  const Owner owner = pool->owners[relayed.port - kFirstVirtualPort];
  return owner == kFree ? std::nullopt : std::optional(owner);
}

}  // namespace turnpike::turn
