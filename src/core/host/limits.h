// What strangers can make a libp2p host hold. Peer ids are free, so everything is counted per network too.
#pragma once

#include <cstddef>

#include "base/time.h"

namespace turnpike::host {

/// A network is a /24, or a /48 (base/endpoint.h). A connection that we dialled counts towards the total and its peer,
/// not towards its network: it was our own choice.
struct Limits {
  std::size_t pending = 128;             ///< Inbound connections whose handshake is not done.
  std::size_t pending_per_network = 16;  ///< A slow handshake holds a slot of its own network for 10 s at most.
  std::size_t begun_per_network = 64;    ///< Inbound connections begun within kRateWindow.
  std::size_t connections = 4096;        ///< Established ones, both directions.
  std::size_t per_network = 256;         ///< Established inbound ones.
  std::size_t per_peer = 4;              ///< Established ones, both directions. A newer one replaces the stalest.
  std::size_t streams_per_peer = 256;    ///< Inbound streams under way, over all of a peer's connections.
  std::size_t streams_per_network = 1024;
};

constexpr Duration kRateWindow = std::chrono::seconds(10);
/// When the table is full, an inbound connection that nothing was heard on for so long makes room for a new one.
constexpr Duration kStale = std::chrono::seconds(60);

}  // namespace turnpike::host
