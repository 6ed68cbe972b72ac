#include "core/turn/nonce.h"

#include <algorithm>

#include "base/base64.h"
#include "crypto/mac.h"

namespace turnpike::turn {
namespace {

// "obMatJos2" and the base64 of 24 bits of features, of which the first is "password algorithms" (RFC 8489, section
// 18.1).
constexpr std::string_view kCookie = "obMatJos2";
constexpr std::string_view kCookieAndFeatures = "obMatJos2gAAA";
constexpr std::size_t kTimeSize = 4;
constexpr std::size_t kMacSize = 14;

std::uint32_t seconds_of(Instant now) {
  return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count());
}

}  // namespace

std::string Nonces::at(std::uint32_t seconds, const FiveTuple& client) const {
  Bytes covered;
  ByteWriter out(covered);
  out.u32(seconds);
  out.u8(static_cast<std::uint8_t>(client.client.address.family));
  out.bytes(client.client.address.octets);
  out.u16(client.client.port);
  out.u8(static_cast<std::uint8_t>(client.transport));
  out.u32(client.link);
  const Digest mac = crypto::hmac_sha256(secret_, covered);
  Bytes told;
  ByteWriter(told).u32(seconds);
  ByteWriter(told).bytes(ByteView(mac).first(kMacSize));
  return std::string(kCookieAndFeatures) + to_base64url(told);
}

std::string Nonces::make(Instant now, const FiveTuple& client) const { return at(seconds_of(now), client); }

bool Nonces::is_valid(Instant now, const FiveTuple& client, std::string_view nonce) const {
  if (!nonce.starts_with(kCookieAndFeatures)) return false;
  const auto told = from_base64url(nonce.substr(kCookieAndFeatures.size()));
  if (!told || told->size() != kTimeSize + kMacSize) return false;
  const std::uint32_t seconds = ByteReader(*told).u32();
  if (!crypto::equal_in_constant_time(bytes_of(nonce), bytes_of(at(seconds, client)))) return false;
  const std::uint32_t age = seconds_of(now) - seconds;
  return std::chrono::seconds(age) < kNonceLifetime;
}

bool announces_password_algorithms(std::string_view nonce) {
  if (!nonce.starts_with(kCookie) || nonce.size() < kCookieAndFeatures.size()) return false;
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::size_t digit = kDigits.find(nonce[kCookie.size()]);
  return digit != std::string_view::npos && (digit & 0x20U) != 0;
}

}  // namespace turnpike::turn
