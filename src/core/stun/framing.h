// Where one frame ends and the next begins on TCP and TLS: STUN messages and ChannelData (RFC 8656, section 12.5).
#pragma once

#include <optional>

#include "base/bytes.h"
#include "base/result.h"

namespace turnpike::stun {

enum class FrameKind : std::uint8_t { kStun, kChannelData };

struct Frame {
  FrameKind kind{};
  std::size_t size = 0;       ///< The message, without padding.
  std::size_t wire_size = 0;  ///< What it takes of the stream: ChannelData is padded to four bytes there.
};

enum class FrameError : std::uint8_t {
  kNotTurn,    ///< Neither STUN nor a channel: the stream cannot be followed any further.
  kBadLength,  ///< A STUN length that is not whole words.
};

/// The largest frame a stream can hold, padding included.
constexpr std::size_t kMaxFrameSize = 4 + 0x10000;

/// Looks at the head of the bytes not yet taken from the stream. Nothing when there are too few to tell.
[[nodiscard]] Result<std::optional<Frame>, FrameError> next_frame(ByteView buffered);

}  // namespace turnpike::stun
