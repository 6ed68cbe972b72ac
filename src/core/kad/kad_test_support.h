// Peers out of numbers, for the tests beside this.
#pragma once

#include "core/kad/message.h"
#include "crypto/hash.h"

namespace turnpike::kad {

inline identity::AnyPeerId peer_id(std::uint32_t number) {
  Bytes seed;
  ByteWriter(seed).u32(number);
  const Digest hash = crypto::sha256(seed);
  Bytes multihash{0x12, 0x20};
  multihash.insert(multihash.end(), hash.begin(), hash.end());
  return *identity::AnyPeerId::from_bytes(multihash);
}

inline IpAddress address_of(std::uint32_t number) {  // each in its own /24
  return IpAddress::v4(static_cast<std::uint8_t>(20 + (number >> 16U)), static_cast<std::uint8_t>(number >> 8U),
                       static_cast<std::uint8_t>(number), 1);
}

inline Peer peer(std::uint32_t number) {
  return {peer_id(number), {multiaddr::Multiaddr::tcp({address_of(number), 4001})}};
}

inline Peer peer_at(std::uint32_t number, const IpAddress& address) {
  return {peer_id(number), {multiaddr::Multiaddr::tcp({address, 4001})}};
}

}  // namespace turnpike::kad
