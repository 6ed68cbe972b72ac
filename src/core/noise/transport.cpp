#include "core/noise/transport.h"

#include <algorithm>

namespace turnpike::noise {
namespace {

std::size_t message_size(ByteView head) { return static_cast<std::size_t>(head[0]) << 8U | head[1]; }

void append_up_to(Bytes& out, ByteView& in, std::size_t size) {
  const ByteView piece = in.first(std::min(in.size(), size - out.size()));
  out.insert(out.end(), piece.begin(), piece.end());
  in = in.subspan(piece.size());
}

}  // namespace

Bytes framed(ByteView message) {
  Bytes out;
  ByteWriter writer(out);
  writer.u16(static_cast<std::uint16_t>(message.size()));
  writer.bytes(message);
  return out;
}

bool Sealer::seal(std::span<std::uint8_t> frame) {
  if (counter_ == kMaxMessages) return false;
  const std::size_t size = frame.size() - kLengthSize;
  frame[0] = static_cast<std::uint8_t>(size >> 8U);
  frame[1] = static_cast<std::uint8_t>(size);
  const std::span<std::uint8_t> message = frame.subspan(kLengthSize);
  cipher_.seal(counter_++, {}, message.first(size - crypto::kTagSize), message);
  return true;
}

std::optional<std::size_t> Opener::open(ByteView message, std::span<std::uint8_t> out) {
  if (message.size() < crypto::kTagSize || counter_ == kMaxMessages) return std::nullopt;
  const std::size_t size = message.size() - crypto::kTagSize;
  if (!cipher_.open(counter_++, {}, message, out.first(size))) return std::nullopt;
  return size;
}

std::optional<ByteView> FrameReader::read(ByteView& in) {
  if (done_) {
    partial_.clear();
    done_ = false;
  }
  if (partial_.empty() && in.size() >= kLengthSize && in.size() - kLengthSize >= message_size(in)) {
    const ByteView message = in.subspan(kLengthSize, message_size(in));
    in = in.subspan(kLengthSize + message.size());
    return message;
  }
  if (partial_.size() < kLengthSize) append_up_to(partial_, in, kLengthSize);
  if (partial_.size() < kLengthSize) return std::nullopt;
  const std::size_t whole = kLengthSize + message_size(partial_);
  append_up_to(partial_, in, whole);
  done_ = partial_.size() == whole;
  if (!done_) return std::nullopt;
  return ByteView(partial_).subspan(kLengthSize);
}

}  // namespace turnpike::noise
