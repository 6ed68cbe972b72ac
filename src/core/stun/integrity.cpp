#include "core/stun/integrity.h"

#include <algorithm>
#include <string>

#include "crypto/hash.h"
#include "crypto/mac.h"

namespace turnpike::stun {
namespace {

constexpr std::size_t kAttributeHeaderSize = 4;
constexpr std::uint32_t kFingerprintMask = 0x5354'554e;  // "STUN"

constexpr std::array<std::uint32_t, 256> kCrcTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1U) != 0 ? crc >> 1U ^ 0xEDB8'8320U : crc >> 1U;
    table[i] = crc;
  }
  return table;
}();

std::uint32_t crc32(ByteView bytes, std::uint32_t crc = 0) {
  crc = ~crc;
  for (const std::uint8_t byte : bytes) crc = crc >> 8U ^ kCrcTable[(crc ^ byte) & 0xffU];
  return ~crc;
}

// What the integrity at `attribute` is computed over: all before it, the length counting up to its own end.
Bytes covered(const MessageView& message, const Attribute& attribute) {
  Bytes out = copy_of(message.bytes().first(attribute.offset));
  const std::size_t length = MessageView::end_of(attribute) - kHeaderSize;
  out[2] = static_cast<std::uint8_t>(length >> 8U);
  out[3] = static_cast<std::uint8_t>(length);
  return out;
}

std::string colon_joined(std::string_view a, std::string_view b) {
  std::string out(a);
  out += ':';
  out += b;
  return out;
}

}  // namespace

Bytes long_term_key(PasswordAlgorithm algorithm, std::string_view username, std::string_view realm,
                    std::string_view password) {
  const std::string text = colon_joined(colon_joined(username, realm), password);
  if (algorithm == PasswordAlgorithm::kMd5) return copy_of(crypto::md5(bytes_of(text)));
  return copy_of(crypto::sha256(bytes_of(text)));
}

Digest userhash(std::string_view username, std::string_view realm) {
  return crypto::sha256(bytes_of(colon_joined(username, realm)));
}

bool verify_integrity(const MessageView& message, ByteView key) {
  const auto& attribute = message.integrity();
  if (!attribute) return false;
  const crypto::Sha1Mac mac = crypto::hmac_sha1(key, covered(message, *attribute));
  return crypto::equal_in_constant_time(mac, attribute->value);
}

bool verify_integrity_sha256(const MessageView& message, ByteView key) {
  const auto& attribute = message.integrity_sha256();
  if (!attribute) return false;
  const std::size_t size = attribute->value.size();
  const Digest mac = crypto::hmac_sha256(key, covered(message, *attribute));
  if (size < kMinSha256Integrity || size > mac.size() || size % 4 != 0) return false;
  return crypto::equal_in_constant_time(ByteView(mac).first(size), attribute->value);
}

bool verify_fingerprint(const MessageView& message) {
  const auto& attribute = message.fingerprint();
  if (!attribute) return false;
  // Standing last, it is already counted by the length that the message has.
  return read_u32(attribute->value) == (crc32(message.bytes().first(attribute->offset)) ^ kFingerprintMask);
}

void add_integrity(MessageWriter& out, ByteView key) {
  out.announce(kAttributeHeaderSize + sizeof(crypto::Sha1Mac));
  out.add(AttributeType::kMessageIntegrity, crypto::hmac_sha1(key, out.bytes()));
}

void add_integrity_sha256(MessageWriter& out, ByteView key) {
  out.announce(kAttributeHeaderSize + sizeof(Digest));
  out.add(AttributeType::kMessageIntegritySha256, crypto::hmac_sha256(key, out.bytes()));
}

void add_fingerprint(MessageWriter& out) {
  out.announce(kAttributeHeaderSize + 4);
  out.add_u32(AttributeType::kFingerprint, crc32(out.bytes()) ^ kFingerprintMask);
}

}  // namespace turnpike::stun
