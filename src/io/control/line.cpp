#include "io/control/line.h"

namespace turnpike::io {

std::optional<std::string> LineSplitter::next() {
  const std::size_t end = buffer_.find('\n', seen_);
  if (end == std::string::npos || end - begin_ > limit_) {
    seen_ = buffer_.size();
    if (begin_ > 0) {
      buffer_.erase(0, begin_);
      seen_ -= begin_;
      begin_ = 0;
    }
    return std::nullopt;
  }
  std::string line = buffer_.substr(begin_, end - begin_);
  if (line.ends_with('\r')) line.pop_back();
  begin_ = end + 1;
  seen_ = begin_;
  return line;
}

std::optional<nlohmann::json> parse_line(std::string_view line) {
  auto value = nlohmann::json::parse(line, nullptr, false);
  if (!value.is_object()) return std::nullopt;
  return value;
}

std::string write_line(const nlohmann::json& object) {
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::ignore) + "\n";
}

}  // namespace turnpike::io
