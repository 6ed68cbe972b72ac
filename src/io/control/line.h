// Lines of the local API: one JSON object each, ended by a newline, of bounded length.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace turnpike::io {

/// What a client may ask in one line.
constexpr std::size_t kMaxRequestLine = 64U << 10U;
/// What a node may answer in one line: `ls` of 100,000 stores fits.
constexpr std::size_t kMaxAnswerLine = 64U << 20U;

/// Cuts a stream into lines. Keeps at most one line's limit, and what came after it in the same read.
class LineSplitter {
 public:
  explicit LineSplitter(std::size_t limit) : limit_(limit) {}

  void feed(std::string_view bytes) { buffer_ += bytes; }
  /// The next whole line, without its newline (and without a carriage return before it).
  [[nodiscard]] std::optional<std::string> next();
  /// No line will come any more: the one that has begun is beyond the limit. Ask after next() gave nothing.
  [[nodiscard]] bool is_too_long() const { return buffer_.size() - begin_ > limit_; }

 private:
  std::size_t limit_;
  std::string buffer_;
  std::size_t begin_ = 0;  ///< What is before was given out.
  std::size_t seen_ = 0;   ///< No newline in [begin_, seen_).
};

/// The object a line holds; nothing for bad JSON and for other kinds of value.
[[nodiscard]] std::optional<nlohmann::json> parse_line(std::string_view line);
/// One line with its newline. Text that is not UTF-8 (a file name) loses the bytes that are not.
[[nodiscard]] std::string write_line(const nlohmann::json& object);

}  // namespace turnpike::io
