// The twelve bytes before everything in yamux (hashicorp/yamux specification, as libp2p adopts it).
#pragma once

#include "base/bytes.h"
#include "base/result.h"

namespace turnpike::yamux {

inline constexpr std::size_t kHeaderSize = 12;
/// Every stream starts with this, each way, without a word.
inline constexpr std::uint32_t kInitialWindow = 256U << 10U;

enum class FrameType : std::uint8_t { kData = 0, kWindowUpdate = 1, kPing = 2, kGoAway = 3 };

inline constexpr std::uint16_t kSyn = 1;
inline constexpr std::uint16_t kAck = 2;
inline constexpr std::uint16_t kFin = 4;
inline constexpr std::uint16_t kRst = 8;

enum class GoAwayCode : std::uint8_t { kNormal = 0, kProtocolError = 1, kInternalError = 2 };

/// `length` is that of the body for data, the credit for a window update, opaque for a ping, a code for go away.
struct FrameHeader {
  FrameType type = FrameType::kData;
  std::uint16_t flags = 0;
  std::uint32_t stream = 0;
  std::uint32_t length = 0;

  friend bool operator==(const FrameHeader&, const FrameHeader&) = default;
};

enum class FrameError : std::uint8_t { kVersion, kType };

void append_header(Bytes& out, const FrameHeader& header);
/// `out` is kHeaderSize long.
void write_header(std::span<std::uint8_t> out, const FrameHeader& header);
/// `bytes` is kHeaderSize long. Flags we do not know are kept and mean nothing.
[[nodiscard]] Result<FrameHeader, FrameError> read_header(ByteView bytes);

}  // namespace turnpike::yamux
