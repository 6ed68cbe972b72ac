#include "core/identity/public_key.h"

#include "crypto/foreign_key.h"

namespace turnpike::identity {
namespace {

constexpr std::uint8_t kTypeField = 0x08;  // field 1, varint
constexpr std::uint8_t kDataField = 0x12;  // field 2, bytes
constexpr std::size_t kEd25519Size = 32;
constexpr std::size_t kSecp256k1Size = 33;

bool has_right_size(const PublicKey& key) {
  switch (key.type) {
    case KeyType::kEd25519:
      return key.data.size() == kEd25519Size;
    case KeyType::kSecp256k1:
      return key.data.size() == kSecp256k1Size;
    case KeyType::kRsa:
    case KeyType::kEcdsa:
      return !key.data.empty() && key.data.size() <= kMaxKeySize;
  }
  return false;
}

}  // namespace

PublicKey PublicKey::of(const PeerId& peer) { return {KeyType::kEd25519, copy_of(peer.public_key)}; }

Bytes PublicKey::encode() const {
  Bytes out;
  ByteWriter writer(out);
  writer.u8(kTypeField);
  writer.varint(static_cast<std::uint64_t>(type));
  writer.u8(kDataField);
  writer.varint(data.size());
  writer.bytes(data);
  return out;
}

std::optional<PublicKey> PublicKey::decode(ByteView bytes) {
  ByteReader in(bytes);
  const std::uint8_t first = in.u8();
  const std::uint64_t type = in.varint();
  const std::uint8_t second = in.u8();
  const std::uint64_t size = in.varint();
  if (in.failed() || first != kTypeField || second != kDataField || size != in.remaining()) return std::nullopt;
  if (type > static_cast<std::uint64_t>(KeyType::kEcdsa)) return std::nullopt;
  PublicKey out{static_cast<KeyType>(type), copy_of(in.take(in.remaining()))};
  if (!has_right_size(out)) return std::nullopt;
  return out;
}

bool PublicKey::verify(ByteView message, ByteView signature) const {
  switch (type) {
    case KeyType::kRsa:
      return crypto::verify_rsa(data, message, signature);
    case KeyType::kEd25519: {
      const auto id = peer_id();
      return id && crypto::verify(id->public_key, message, signature);
    }
    case KeyType::kSecp256k1:
      return crypto::verify_secp256k1(data, message, signature);
    case KeyType::kEcdsa:
      return crypto::verify_ecdsa(data, message, signature);
  }
  return false;
}

std::optional<PeerId> PublicKey::peer_id() const {
  if (type != KeyType::kEd25519 || data.size() != kEd25519Size) return std::nullopt;
  ByteReader in(data);
  return PeerId{in.array<kEd25519Size>()};
}

}  // namespace turnpike::identity
