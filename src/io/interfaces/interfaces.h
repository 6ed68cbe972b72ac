// The addresses this machine has, on which of its interfaces, and whether they are the kind to tell others.
#pragma once

#include <string>
#include <vector>

#include "base/endpoint.h"
#include "base/network.h"

namespace turnpike::io {

/// Addresses of interfaces that are up, loopback and link-local ones left out, sorted: two equal lists mean that
/// nothing changed. Container and virtual-machine bridges (docker*, br-*, virbr*, veth*, lxc*, podman*, cni*) are left
/// out too: nobody beyond this machine reaches them, and they would crowd out the real ones.
[[nodiscard]] std::vector<IpAddress> own_addresses();

/// An interface on which multicast works, and the networks it is in.
struct Interface {
  unsigned index = 0;  ///< The kernel's number of it; never 0.
  std::string name;
  std::vector<IpNetwork> networks;  ///< Our own addresses there with their prefixes, link-local ones too; sorted.

  friend bool operator==(const Interface&, const Interface&) = default;
};

/// Those that are up, in order of index; neither loopback, nor tunnels, nor the bridges that own_addresses() leaves
/// out.
[[nodiscard]] std::vector<Interface> multicast_interfaces();

/// Whether an interface of that name is such a bridge.
[[nodiscard]] bool is_virtual_bridge(std::string_view name);

}  // namespace turnpike::io
