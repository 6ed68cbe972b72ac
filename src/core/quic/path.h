// The way a connection's datagrams go: a socket, a TURN channel or a punched hole, and the far end on it.
#pragma once

#include <compare>
#include <cstdint>

#include "base/datagram.h"
#include "base/endpoint.h"

namespace turnpike::quic {

/// Which of the driver's carriers. kSocket is the UDP socket itself; the driver numbers the others and keeps a number
/// for the life of the endpoint.
enum class CarrierId : std::uint16_t { kSocket = 0 };

struct Path {
  CarrierId carrier = CarrierId::kSocket;
  turnpike::Endpoint remote;

  friend constexpr auto operator<=>(const Path&, const Path&) = default;
};

/// Datagrams to send, or that came, on one carrier.
struct PathBatch {
  CarrierId carrier = CarrierId::kSocket;
  DatagramBatch datagrams;
};

}  // namespace turnpike::quic
