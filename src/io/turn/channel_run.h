// A run of ChannelData within one batch: packets of one channel and one length, which one look-up serves.
#pragma once

#include <optional>
#include <vector>

#include "base/datagram.h"
#include "core/turn/channel_data.h"

namespace turnpike::io {

struct ChannelRun {
  turn::ChannelNumber channel = 0;
  std::size_t data_size = 0;  ///< Of all packets together.
  DatagramBatch batch;        ///< Headers and data, without padding.
};

/// Takes the longest run off the front of `rest`; a shorter last packet of the same channel belongs to it. Nothing, and
/// `rest` unchanged, when its first packet is no ChannelData, or says a length that it does not have.
[[nodiscard]] std::optional<ChannelRun> take_channel_run(DatagramBatch& rest);

/// The parts that make `run` under another channel: a header and the data, in turns. `headers` holds the bytes that the
/// parts borrow. Both are emptied first, and keep their memory.
struct RunHeaders {
  std::array<std::uint8_t, turn::kChannelHeaderSize> whole{};
  std::array<std::uint8_t, turn::kChannelHeaderSize> last{};
};
void renumber(const ChannelRun& run, turn::ChannelNumber channel, RunHeaders& headers, std::vector<ByteView>& parts);

}  // namespace turnpike::io
