// ChannelData (RFC 8656, section 12.4): four bytes before a client's data instead of a whole STUN message.
#pragma once

#include <array>
#include <optional>

#include "base/bytes.h"

namespace turnpike::turn {

using ChannelNumber = std::uint16_t;

constexpr ChannelNumber kFirstChannel = 0x4000;
/// RFC 8656 ends the range at 0x4FFF, for what shares a port with other protocols. RFC 5766 let clients choose up to
/// here, and those in use still do; on a server's own port nothing else begins so. Our client stays within 0x4FFF.
constexpr ChannelNumber kLastChannel = 0x7FFF;
constexpr std::size_t kChannelHeaderSize = 4;

[[nodiscard]] constexpr bool is_channel(ChannelNumber number) {
  return number >= kFirstChannel && number <= kLastChannel;
}

struct ChannelData {
  ChannelNumber channel = 0;
  ByteView data;  ///< Borrowed.
};

/// One datagram, or one frame of a stream. What stands behind the length is padding; over UDP there may be some, too.
[[nodiscard]] constexpr std::optional<ChannelData> parse_channel_data(ByteView message) {
  ByteReader in(message);
  const ChannelNumber channel = in.u16();
  const ByteView data = in.take(in.u16());
  if (in.failed() || !is_channel(channel)) return std::nullopt;
  return ChannelData{channel, data};
}

/// `size` is that of the data, at most 0xFFFF.
[[nodiscard]] constexpr std::array<std::uint8_t, kChannelHeaderSize> channel_header(ChannelNumber channel,
                                                                                    std::size_t size) {
  return {static_cast<std::uint8_t>(channel >> 8U), static_cast<std::uint8_t>(channel),
          static_cast<std::uint8_t>(size >> 8U), static_cast<std::uint8_t>(size)};
}

/// How many zeros follow `size` bytes of data in a stream.
[[nodiscard]] constexpr std::size_t channel_padding(std::size_t size) { return (4 - size % 4) % 4; }

}  // namespace turnpike::turn
