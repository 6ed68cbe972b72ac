#include "core/dig/json_object_reader.h"

namespace turnpike::dig {
namespace {

bool is_space(std::uint8_t byte) { return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r'; }

}  // namespace

Result<std::optional<Bytes>, ObjectError> JsonObjectReader::read(ByteView& in) {
  while (!in.empty()) {
    const std::uint8_t byte = in.front();
    in = in.subspan(1);
    if (held_.empty() && is_space(byte)) continue;
    if (held_.empty() && byte != '{') return fail(ObjectError::kNotObject);
    if (held_.size() == limit_) return fail(ObjectError::kTooLong);
    held_.push_back(byte);
    if (in_text_) {
      const bool ends = byte == '"' && !escaped_;
      escaped_ = byte == '\\' && !escaped_;
      if (ends) in_text_ = false;
    } else if (byte == '"') {
      in_text_ = true;
    } else if (byte == '{') {
      ++depth_;
    } else if (byte == '}' && --depth_ == 0) {
      return std::optional<Bytes>(std::move(held_));
    }
  }
  return std::optional<Bytes>();
}

}  // namespace turnpike::dig
