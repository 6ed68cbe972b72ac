#include "io/websocket/frame.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace turnpike::io {
namespace {

constexpr std::uint8_t kFinal = 0x80;
constexpr std::uint8_t kReserved = 0x70;
constexpr std::uint8_t kMasked = 0x80;
constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

bool is_known(std::uint8_t opcode) { return opcode <= 2 || (opcode >= 8 && opcode <= 10); }

Mask rotated(const Mask& mask, std::uint64_t offset) {
  Mask out{};
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = mask[(offset + i) % mask.size()];
  return out;
}

std::string base64(ByteView bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes.data(), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

}  // namespace

Result<std::optional<ParsedHead>, FrameError> parse_head(ByteView bytes) {
  const std::optional<ParsedHead> more;
  ByteReader in(bytes);
  const std::uint8_t first = in.u8();
  const std::uint8_t second = in.u8();
  if (in.failed()) return more;
  const auto opcode = static_cast<std::uint8_t>(first & 0x0fU);
  if ((first & kReserved) != 0) return fail(FrameError::kReservedBits);
  if (!is_known(opcode)) return fail(FrameError::kUnknownOpcode);
  FrameHead head{(first & kFinal) != 0, static_cast<Opcode>(opcode), std::nullopt, second & 0x7fU};
  if (is_control(head.opcode) && (!head.is_final || head.length > kMaxControlPayload)) {
    return fail(FrameError::kBadControl);
  }
  if (head.length == 126) {
    head.length = in.u16();
    if (!in.failed() && head.length < 126) return fail(FrameError::kBadLength);
  } else if (head.length == 127) {
    head.length = in.u64();
    if (!in.failed() && (head.length <= UINT16_MAX || head.length > INT64_MAX)) return fail(FrameError::kBadLength);
  }
  if ((second & kMasked) != 0) head.mask = in.array<4>();
  if (in.failed()) return more;
  return std::optional<ParsedHead>({head, bytes.size() - in.remaining()});
}

EncodedHead encode_head(const FrameHead& head) {
  EncodedHead out;
  const auto put = [&out](std::uint64_t byte) { out.bytes[out.size++] = static_cast<std::uint8_t>(byte); };
  const unsigned masked = head.mask ? kMasked : 0U;
  put((head.is_final ? kFinal : 0U) | static_cast<unsigned>(head.opcode));
  unsigned length_bytes = 0;
  if (head.length <= 125) {
    put(masked | head.length);
  } else {
    length_bytes = head.length <= UINT16_MAX ? 2 : 8;
    put(masked | (length_bytes == 2 ? 126U : 127U));
  }
  while (length_bytes > 0) put(head.length >> (8U * --length_bytes));
  if (head.mask) {
    for (const std::uint8_t byte : *head.mask) put(byte);
  }
  return out;
}

void copy_masked(ByteView from, std::span<std::uint8_t> to, const Mask& mask, std::uint64_t offset) {
  const Mask key = rotated(mask, offset);
  std::uint32_t half = 0;
  std::memcpy(&half, key.data(), sizeof half);
  const std::uint64_t word_key = static_cast<std::uint64_t>(half) << 32U | half;
  std::size_t at = 0;
  for (; at + sizeof word_key <= from.size(); at += sizeof word_key) {
    std::uint64_t word = 0;
    std::memcpy(&word, from.data() + at, sizeof word);
    word ^= word_key;
    std::memcpy(to.data() + at, &word, sizeof word);
  }
  for (; at < from.size(); ++at) to[at] = from[at] ^ key[at % key.size()];
}

void apply_mask(std::span<std::uint8_t> bytes, const Mask& mask, std::uint64_t offset) {
  copy_masked(bytes, bytes, mask, offset);
}

Bytes encode_close(std::uint16_t code, std::string_view reason) {
  reason = reason.substr(0, kMaxControlPayload - 2);
  Bytes out(2 + reason.size());
  out[0] = static_cast<std::uint8_t>(code >> 8U);
  out[1] = static_cast<std::uint8_t>(code);
  std::ranges::copy(bytes_of(reason), out.begin() + 2);
  return out;
}

std::optional<std::uint16_t> parse_close(ByteView payload) {
  if (payload.empty()) return std::uint16_t{1005};
  ByteReader in(payload);
  const std::uint16_t code = in.u16();
  if (in.failed()) return std::nullopt;
  const bool may_be_sent =
      (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) || (code >= 3000 && code <= 4999);
  if (!may_be_sent) return std::nullopt;
  return code;
}

std::string accept_of(std::string_view key) {
  // SHA-1 proves nothing here but that the server speaks WebSocket, so crypto/ does not offer it.
  std::string text(key);
  text += kGuid;
  std::array<std::uint8_t, 20> digest{};
  EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha1(), nullptr);
  return base64(digest);
}

bool is_valid_key(std::string_view key) {
  if (key.size() != 24 || !key.ends_with("==")) return false;
  return std::ranges::all_of(key.substr(0, 22), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
  });
}

std::string make_key(std::span<const std::uint8_t, 16> random) { return base64(random); }

}  // namespace turnpike::io
