// How far is it to a STUN server, by UDP: one Binding request from a socket of its own (RFC 8489).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>

#include "base/endpoint.h"
#include "base/random.h"
#include "base/time.h"

namespace turnpike::io {

namespace asio = boost::asio;

/// Nothing when it does not answer within `limit`. Asked up to three times; the time is that of the one that was
/// answered.
[[nodiscard]] asio::awaitable<std::optional<Duration>> stun_round_trip(Endpoint server, Duration limit, Random& random);

}  // namespace turnpike::io
