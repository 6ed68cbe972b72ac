#include "core/identity/peer_id.h"

#include <algorithm>

#include "base/base58.h"

namespace turnpike::identity {
namespace {

// Identity multihash of 36 bytes; then the key protobuf: Type = Ed25519, Data of 32 bytes.
constexpr std::array<std::uint8_t, 6> kPrefix{0x00, 0x24, 0x08, 0x01, 0x12, 0x20};

}  // namespace

Bytes PeerId::to_bytes() const {
  Bytes out(kPrefix.begin(), kPrefix.end());
  out.insert(out.end(), public_key.begin(), public_key.end());
  return out;
}

std::optional<PeerId> PeerId::from_bytes(ByteView multihash) {
  ByteReader in(multihash);
  const auto prefix = in.array<kPrefix.size()>();
  const PeerId out{in.array<32>()};
  if (in.failed() || in.remaining() != 0 || prefix != kPrefix) return std::nullopt;
  return out;
}

std::string PeerId::to_string() const { return to_base58(to_bytes()); }

std::optional<PeerId> PeerId::parse(std::string_view text) {
  const auto bytes = from_base58(text);
  return bytes ? from_bytes(*bytes) : std::nullopt;
}

}  // namespace turnpike::identity
