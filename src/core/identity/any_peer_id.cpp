#include "core/identity/any_peer_id.h"

#include <algorithm>

#include "base/base58.h"
#include "base/hex.h"
#include "crypto/hash.h"

namespace turnpike::identity {
namespace {

constexpr std::uint8_t kIdentity = 0x00;
constexpr std::uint8_t kSha256 = 0x12;
constexpr std::size_t kMaxInlined = 42;  // of the key's protobuf
constexpr std::uint8_t kCidVersion = 0x01;
constexpr std::uint8_t kLibp2pKey = 0x72;
constexpr std::size_t kMaxCidText = 128;

// Digits 0-9 and a-z as numbers below 36; base32 has a-z as 0-25 and 2-7 as 26-31 (RFC 4648 §6, lower case).
std::optional<unsigned> base36_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'z') return static_cast<unsigned>(c - 'a' + 10);
  return std::nullopt;
}
std::optional<unsigned> base32_digit(char c) {
  if (c >= 'a' && c <= 'z') return static_cast<unsigned>(c - 'a');
  if (c >= '2' && c <= '7') return static_cast<unsigned>(c - '2' + 26);
  return std::nullopt;
}

std::optional<Bytes> from_base32(std::string_view text) {
  Bytes out;
  unsigned held = 0;
  unsigned bits = 0;
  for (const char c : text) {
    const auto digit = base32_digit(c);
    if (!digit) return std::nullopt;
    held = (held << 5U | *digit) & 0xfffU;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      out.push_back(static_cast<std::uint8_t>(held >> bits));
    }
  }
  const bool padding_is_zero = (held & ((1U << bits) - 1)) == 0;
  if (bits >= 5 || !padding_is_zero) return std::nullopt;
  return out;
}

std::optional<Bytes> from_base36(std::string_view text) {
  Bytes number;  // least significant byte first
  std::size_t zeros = 0;
  while (zeros < text.size() && text[zeros] == '0') ++zeros;
  for (const char c : text.substr(zeros)) {
    std::optional<unsigned> digit = base36_digit(c);
    if (!digit) return std::nullopt;
    unsigned carry = *digit;
    for (std::uint8_t& place : number) {
      carry += place * 36U;
      place = static_cast<std::uint8_t>(carry);
      carry >>= 8U;
    }
    if (carry > 0) number.push_back(static_cast<std::uint8_t>(carry));
  }
  number.resize(number.size() + zeros);
  std::reverse(number.begin(), number.end());
  return number;
}

std::optional<Bytes> from_multibase(std::string_view text) {
  if (text.empty() || text.size() > kMaxCidText) return std::nullopt;
  const std::string_view digits = text.substr(1);
  switch (text.front()) {
    case 'b':
      return from_base32(digits);
    case 'k':
      return from_base36(digits);
    case 'z':
      return from_base58(digits);
    case 'f':
      return from_hex(digits);
    default:
      return std::nullopt;
  }
}

}  // namespace

AnyPeerId AnyPeerId::of(const PublicKey& key) {
  const Bytes encoded = key.encode();
  const bool inlined = encoded.size() <= kMaxInlined;
  const Digest digest = crypto::sha256(encoded);
  const ByteView content = inlined ? ByteView(encoded) : ByteView(digest);
  Bytes out{inlined ? kIdentity : kSha256, static_cast<std::uint8_t>(content.size())};
  out.insert(out.end(), content.begin(), content.end());
  return AnyPeerId(std::move(out));
}

std::optional<AnyPeerId> AnyPeerId::from_bytes(ByteView multihash) {
  ByteReader in(multihash);
  const std::uint8_t code = in.u8();
  const std::uint8_t size = in.u8();
  if (in.failed() || in.remaining() != size) return std::nullopt;
  const ByteView content = in.take(size);
  const bool is_hash = code == kSha256 && size == Digest{}.size();
  const bool is_key = code == kIdentity && size <= kMaxInlined && PublicKey::decode(content);
  if (!is_hash && !is_key) return std::nullopt;
  return AnyPeerId(copy_of(multihash));
}

std::optional<AnyPeerId> AnyPeerId::parse(std::string_view text) {
  const bool is_base58 = text.starts_with('1') || text.starts_with("Qm");
  if (is_base58) {
    const auto bytes = from_base58(text);
    return bytes ? from_bytes(*bytes) : std::nullopt;
  }
  const auto cid = from_multibase(text);
  if (!cid || cid->size() < 2 || (*cid)[0] != kCidVersion || (*cid)[1] != kLibp2pKey) return std::nullopt;
  return from_bytes(ByteView(*cid).subspan(2));
}

std::string AnyPeerId::to_string() const { return to_base58(bytes_); }

std::optional<PublicKey> AnyPeerId::key() const {
  if (bytes_[0] != kIdentity) return std::nullopt;
  return PublicKey::decode(ByteView(bytes_).subspan(2));
}

}  // namespace turnpike::identity
