#include "io/turn/channel_run.h"

#include <algorithm>

namespace turnpike::io {
namespace {

ByteView head_of(ByteView packet) { return packet.first(std::min(packet.size(), turn::kChannelHeaderSize)); }

}  // namespace

std::optional<ChannelRun> take_channel_run(DatagramBatch& rest) {
  const std::size_t count = rest.count();
  if (count == 0) return std::nullopt;
  const ByteView first = rest.segment(0);
  const auto read = turn::parse_channel_data(first);
  if (!read) return std::nullopt;
  const std::size_t size = turn::kChannelHeaderSize + read->data.size();
  ChannelRun run{.channel = read->channel, .data_size = read->data.size(), .batch = rest.part(0, size)};
  run.batch.segment_size = size;
  std::size_t taken = 1;
  if (size == rest.segment_size) {  // without padding, so that equal heads mean equal sizes
    const ByteView head = head_of(first);
    while (taken < count && rest.segment(taken).size() == size &&
           std::ranges::equal(head_of(rest.segment(taken)), head)) {
      ++taken;
    }
    std::size_t bytes = taken * size;
    run.data_size *= taken;
    if (taken + 1 == count) {
      const ByteView last = rest.segment(taken);
      const auto shorter = turn::parse_channel_data(last);
      if (shorter && shorter->channel == run.channel &&
          turn::kChannelHeaderSize + shorter->data.size() == last.size() && last.size() < size) {
        bytes += last.size();
        run.data_size += shorter->data.size();
        ++taken;
      }
    }
    run.batch = rest.part(0, bytes);
  }
  const std::size_t skipped = std::min(taken * rest.segment_size, rest.bytes.size());
  rest = rest.part(skipped, rest.bytes.size() - skipped);
  return run;
}

void renumber(const ChannelRun& run, turn::ChannelNumber channel, RunHeaders& headers, std::vector<ByteView>& parts) {
  parts.clear();
  const std::size_t count = run.batch.count();
  const std::size_t data = run.batch.segment_size - turn::kChannelHeaderSize;
  headers.whole = turn::channel_header(channel, data);
  for (std::size_t i = 0; i < count; ++i) {
    const ByteView body = run.batch.segment(i).subspan(turn::kChannelHeaderSize);
    if (body.size() == data) {
      parts.emplace_back(headers.whole);
    } else {
      headers.last = turn::channel_header(channel, body.size());
      parts.emplace_back(headers.last);
    }
    parts.push_back(body);
  }
}

}  // namespace turnpike::io
