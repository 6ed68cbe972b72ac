// Which client, over which of our sockets: what RFC 8656 calls a five-tuple.
#pragma once

#include <cstdint>

#include "base/endpoint.h"

namespace turnpike::turn {

enum class Transport : std::uint8_t { kUdp, kTcp, kTls };

/// No two links that live at the same time share a number.
struct FiveTuple {
  Endpoint client;
  IpAddress local;         ///< Ours, where the socket has several: answers leave from it.
  std::uint32_t link = 0;  ///< UDP: the server's socket. TCP and TLS: the connection.
  Transport transport = Transport::kUdp;

  friend bool operator==(const FiveTuple&, const FiveTuple&) = default;
};

}  // namespace turnpike::turn
