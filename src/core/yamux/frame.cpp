#include "core/yamux/frame.h"

namespace turnpike::yamux {

void append_header(Bytes& out, const FrameHeader& header) {
  const std::size_t at = out.size();
  out.resize(at + kHeaderSize);
  write_header(std::span(out).subspan(at), header);
}

void write_header(std::span<std::uint8_t> out, const FrameHeader& header) {
  const std::uint64_t ids = static_cast<std::uint64_t>(header.stream) << 32U | header.length;
  out[0] = 0;
  out[1] = static_cast<std::uint8_t>(header.type);
  out[2] = static_cast<std::uint8_t>(header.flags >> 8U);
  out[3] = static_cast<std::uint8_t>(header.flags);
  for (std::size_t i = 0; i < 8; ++i) out[4 + i] = static_cast<std::uint8_t>(ids >> (56 - 8 * i));
}

Result<FrameHeader, FrameError> read_header(ByteView bytes) {
  ByteReader in(bytes);
  const std::uint8_t version = in.u8();
  const std::uint8_t type = in.u8();
  if (version != 0) return fail(FrameError::kVersion);
  if (type > static_cast<std::uint8_t>(FrameType::kGoAway)) return fail(FrameError::kType);
  FrameHeader header{.type = static_cast<FrameType>(type), .flags = in.u16(), .stream = 0, .length = 0};
  header.stream = in.u32();
  header.length = in.u32();
  return header;
}

}  // namespace turnpike::yamux
