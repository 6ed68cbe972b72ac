// Places in the space of 256 bits that a Kademlia table is ordered by, and how far apart they are.
#pragma once

#include <compare>

#include "base/bytes.h"
#include "core/identity/any_peer_id.h"

namespace turnpike::kad {

constexpr std::size_t kKeyBits = 256;

/// SHA-256 of a key's bytes, or of a peer id's.
struct Place {
  Digest bits{};

  [[nodiscard]] static Place of(ByteView key);
  [[nodiscard]] static Place of(const identity::AnyPeerId& peer) { return of(peer.to_bytes()); }

  friend auto operator<=>(const Place&, const Place&) = default;
};

/// XOR, to be compared as a big-endian number.
[[nodiscard]] Digest distance(const Place& a, const Place& b);
/// How many leading bits they share: kKeyBits if they are the same.
[[nodiscard]] std::size_t shared_bits(const Place& a, const Place& b);
/// `a` is strictly closer to `target` than `b`.
[[nodiscard]] bool is_closer(const Place& target, const Place& a, const Place& b);

/// What providers of a store are recorded under: the multihash `12 20` and the 32 bytes of its id. Old readers take
/// nothing but SHA-256 multihashes.
[[nodiscard]] Bytes provider_key(const Digest& store);
/// It has that shape.
[[nodiscard]] bool is_provider_key(ByteView key);

}  // namespace turnpike::kad
