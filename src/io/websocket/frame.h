// WebSocket frames as bytes (RFC 6455 §5). Pure: no I/O, no state.
#pragma once

#include <array>
#include <optional>
#include <span>

#include "base/bytes.h"
#include "base/result.h"

namespace turnpike::io {

enum class Opcode : std::uint8_t { kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10 };
[[nodiscard]] constexpr bool is_control(Opcode opcode) { return static_cast<std::uint8_t>(opcode) >= 8; }

inline constexpr std::size_t kMaxFrameHead = 14;
inline constexpr std::size_t kMaxControlPayload = 125;

using Mask = std::array<std::uint8_t, 4>;

/// All of a frame but its payload.
struct FrameHead {
  bool is_final = true;
  Opcode opcode = Opcode::kBinary;
  std::optional<Mask> mask{};
  std::uint64_t length = 0;  ///< Below 2^63.

  friend bool operator==(const FrameHead&, const FrameHead&) = default;
};

enum class FrameError : std::uint8_t { kReservedBits, kUnknownOpcode, kBadLength, kBadControl };

struct ParsedHead {
  FrameHead head;
  std::size_t size = 0;  ///< Bytes that the head took.
};
/// From the front of `bytes`; unset while they are too few. A length not in its shortest form is kBadLength.
[[nodiscard]] Result<std::optional<ParsedHead>, FrameError> parse_head(ByteView bytes);

struct EncodedHead {
  std::array<std::uint8_t, kMaxFrameHead> bytes{};
  std::size_t size = 0;

  [[nodiscard]] ByteView view() const { return ByteView(bytes).first(size); }
};
[[nodiscard]] EncodedHead encode_head(const FrameHead& head);

/// Its own inverse. `offset` is where in the payload `bytes` begin.
void apply_mask(std::span<std::uint8_t> bytes, const Mask& mask, std::uint64_t offset);
/// The same while copying. `to` is at least as long as `from`.
void copy_masked(ByteView from, std::span<std::uint8_t> to, const Mask& mask, std::uint64_t offset);

/// The payload of a close frame: a code and, cut to what fits, a reason.
[[nodiscard]] Bytes encode_close(std::uint16_t code, std::string_view reason);
/// 1005 for an empty one; unset for a lone byte or a code that must not be sent (§7.4).
[[nodiscard]] std::optional<std::uint16_t> parse_close(ByteView payload);

/// Sec-WebSocket-Accept for a Sec-WebSocket-Key (§4.2.2).
[[nodiscard]] std::string accept_of(std::string_view key);
/// Is it the base64 of 16 bytes?
[[nodiscard]] bool is_valid_key(std::string_view key);
[[nodiscard]] std::string make_key(std::span<const std::uint8_t, 16> random);

}  // namespace turnpike::io
