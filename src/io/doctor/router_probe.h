// Asks the router for port mappings as a node would, and gives them back: for doctor, where no node runs.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "base/random.h"
#include "base/time.h"
#include "core/doctor/network.h"

namespace turnpike::io {

namespace asio = boost::asio;

/// How long a router has to answer, and ports to be mapped; what was mapped is given back within three seconds more.
inline constexpr Duration kRouterTime = std::chrono::milliseconds(6200);

/// The five ports of a node at `port`, by every protocol, over IPv4. `behind_nat` is left to the caller.
[[nodiscard]] asio::awaitable<doctor::MappingFacts> ask_router(std::uint16_t port, Random& random);

}  // namespace turnpike::io
