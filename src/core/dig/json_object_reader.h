// Finds where one JSON object ends in a stream of bytes: the old nodes' messages have no length and need no end of the
// stream behind them.
#pragma once

#include <optional>

#include "base/bytes.h"
#include "base/result.h"

namespace turnpike::dig {

/// What an old node puts in one frame, and thus the longest message it can send.
constexpr std::size_t kOneFrame = 65'524;
/// The longest that we send: it shares its frame, which Noise makes a little shorter, with the agreement on the
/// protocol.
constexpr std::size_t kMaxAnswer = 65'000;

enum class ObjectError : std::uint8_t {
  kTooLong,    ///< kOneFrame
  kNotObject,  ///< It begins with something else.
};

/// Knows braces and texts and nothing more: whether what it cut out is JSON is for parse_object() to say.
class JsonObjectReader {
 public:
  explicit JsonObjectReader(std::size_t limit = kOneFrame) : limit_(limit) {}

  /// Takes bytes off the front of `in`, to the end of the object and no further. Nothing while it is not whole; `in` is
  /// empty then. Not to be called again after the object or an error was given.
  [[nodiscard]] Result<std::optional<Bytes>, ObjectError> read(ByteView& in);
  /// Nothing but space has come.
  [[nodiscard]] bool is_empty() const { return held_.empty(); }

 private:
  std::size_t limit_;
  Bytes held_;
  std::size_t depth_ = 0;
  bool in_text_ = false;
  bool escaped_ = false;
};

}  // namespace turnpike::dig
