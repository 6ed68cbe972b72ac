// A home's connection to the world: its address, what its router lets in and out, and how fast its line is.
#pragma once

#include <cstdint>
#include <string>

#include "base/endpoint.h"
#include "core/rendezvous/proof.h"
#include "sim/world.h"

namespace turnpike::sim {

enum class Nat : std::uint8_t {
  kOpen,            ///< A public address; anybody may connect.
  kPortRestricted,  ///< Behind a cone NAT: connects out, nobody connects in.
  kSymmetric,       ///< Behind a symmetric NAT: likewise, for connections.
  kWebOnly,         ///< Only TCP 80 and 443 lead out.
};

struct Home {
  std::string name;
  IpAddress address;  ///< What the world sees.
  Nat nat = Nat::kOpen;
  Duration delay = 10ms;  ///< One way, to the middle of the world.
  double up = 5e6;        ///< Bytes a second.
  double down = 20e6;
  double loss = 0;          ///< Share of blocks that have to be sent again.
  bool shuts_http = false;  ///< A firewall, though the address is public: nobody connects in.
  bool unplugged = false;   ///< Whatever is sent is lost, in silence.

  // When the line has sent, or received, all it was given so far.
  Instant up_free{};
  Instant down_free{};
};

/// Somebody who waits at an endpoint for the nonces of proofs.
class ProofEnd {
 public:
  virtual ~ProofEnd() = default;
  virtual void nonce_arrived(rendezvous::ServiceKind at, const rendezvous::ProofNonce& nonce,
                             const IpAddress& from) = 0;
  [[nodiscard]] virtual Home& home() = 0;
  [[nodiscard]] virtual bool is_running() const = 0;
};

/// Whether a connection attempt gets an answer at all; else it is dropped in silence.
[[nodiscard]] bool lets_through(const Home& from, const Home& to, std::uint16_t port);

/// Sends `bytes` over both lines; after that they have left one and reached the other.
struct Transit {
  Duration left{};
  Duration arrived{};
};
[[nodiscard]] Transit send(World& world, Home& from, Home& to, std::uint64_t bytes);
/// Small messages: the lines' delays, and what loss adds.
[[nodiscard]] Duration delay_between(World& world, const Home& from, const Home& to);

}  // namespace turnpike::sim
