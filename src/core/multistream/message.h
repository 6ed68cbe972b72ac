// The messages of multistream-select 1.0: a varint length, a line of text, and the newline that the length counts.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace turnpike::multistream {

/// Text and newline together. js and go refuse more.
inline constexpr std::size_t kMaxMessage = 1024;

inline constexpr std::string_view kHeader = "/multistream/1.0.0";
inline constexpr std::string_view kNotAvailable = "na";

enum class MessageError : std::uint8_t { kTooLong, kEmpty, kNoNewline };

/// `text` is without its newline and shorter than kMaxMessage.
void append_message(Bytes& out, std::string_view text);

/// Reads messages that come in pieces. The peer is to blame for every error, and nothing can be read after one.
class MessageReader {
 public:
  /// Takes bytes off the front of `in`: up to the end of one message and never beyond, since what follows may belong to
  /// another protocol. Nothing when the message is not whole yet; `in` is empty then.
  [[nodiscard]] Result<std::optional<std::string>, MessageError> read(ByteView& in);

 private:
  std::optional<std::size_t> length_;
  Bytes partial_;  ///< The length while it is not known, then the text.
};

}  // namespace turnpike::multistream
