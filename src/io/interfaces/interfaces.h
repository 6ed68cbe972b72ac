// The addresses this machine has, on which of its interfaces, and whether they are the kind to tell others.
#pragma once

#include <vector>

#include "base/endpoint.h"

namespace turnpike::io {

/// Addresses of interfaces that are up, loopback and link-local ones left out, sorted: two equal lists mean that
/// nothing changed. Container and virtual-machine bridges (docker*, br-*, virbr*, veth*, lxc*, podman*, cni*) are left
/// out too: nobody beyond this machine reaches them, and they would crowd out the real ones.
[[nodiscard]] std::vector<IpAddress> own_addresses();

/// Whether an interface of that name is such a bridge.
[[nodiscard]] bool is_virtual_bridge(std::string_view name);

}  // namespace turnpike::io
