#include "core/multistream/message.h"

namespace turnpike::multistream {
namespace {

/// A length up to kMaxMessage has at most two varint bytes.
constexpr std::size_t kMaxLengthBytes = 2;

}  // namespace

void append_message(Bytes& out, std::string_view text) {
  ByteWriter writer(out);
  writer.varint(text.size() + 1);
  writer.bytes(bytes_of(text));
  writer.u8('\n');
}

Result<std::optional<std::string>, MessageError> MessageReader::read(ByteView& in) {
  while (!length_) {
    if (in.empty()) return std::optional<std::string>();
    partial_.push_back(in.front());
    in = in.subspan(1);
    if (partial_.back() >= 0x80) {
      if (partial_.size() == kMaxLengthBytes) return fail(MessageError::kTooLong);
      continue;
    }
    ByteReader reader(partial_);
    const std::uint64_t length = reader.varint();
    if (reader.failed() || length == 0) return fail(MessageError::kEmpty);
    if (length > kMaxMessage) return fail(MessageError::kTooLong);
    length_ = static_cast<std::size_t>(length);
    partial_.clear();
  }
  const ByteView piece = in.first(std::min(in.size(), *length_ - partial_.size()));
  partial_.insert(partial_.end(), piece.begin(), piece.end());
  in = in.subspan(piece.size());
  if (partial_.size() < *length_) return std::optional<std::string>();

  if (partial_.back() != '\n') return fail(MessageError::kNoNewline);
  std::string text(text_of(ByteView(partial_).first(partial_.size() - 1)));
  length_.reset();
  partial_.clear();
  return std::optional<std::string>(std::move(text));
}

}  // namespace turnpike::multistream
