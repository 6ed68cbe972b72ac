#include "core/stun/framing.h"

#include "core/stun/message.h"

namespace turnpike::stun {

Result<std::optional<Frame>, FrameError> next_frame(ByteView buffered) {
  constexpr std::size_t kChannelHeaderSize = 4;
  if (buffered.empty()) return std::optional<Frame>();
  // 0–3 STUN (RFC 7983), 64–127 a channel (RFC 5766; RFC 8656 leaves of it 64–79): nothing else begins a frame.
  const std::uint8_t first = buffered.front();
  const bool is_stun = first < 4;
  if (!is_stun && (first < 64 || first > 127)) return fail(FrameError::kNotTurn);
  if (buffered.size() < (is_stun ? 8 : kChannelHeaderSize)) return std::optional<Frame>();
  ByteReader in(buffered.subspan(2));
  const std::size_t length = in.u16();
  if (!is_stun) {
    const std::size_t size = kChannelHeaderSize + length;
    return std::optional(Frame{FrameKind::kChannelData, size, (size + 3) & ~std::size_t{3}});
  }
  if (in.u32() != kMagicCookie) return fail(FrameError::kNotTurn);
  if (length % 4 != 0) return fail(FrameError::kBadLength);
  return std::optional(Frame{FrameKind::kStun, kHeaderSize + length, kHeaderSize + length});
}

}  // namespace turnpike::stun
