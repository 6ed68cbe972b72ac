// HTTP/1.1 heads and bodies out of bytes, as they come (RFC 9112). The only users of Beast are behind this header.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "io/http/message.h"

namespace turnpike::io::http {

enum class ParseError : std::uint8_t { kBadSyntax, kHeaderTooLarge, kBodyTooLarge, kBadVersion };

/// One request. Feed it from the front of one growing buffer: what it did not take must be offered again with more.
class RequestParser {
 public:
  explicit RequestParser(std::size_t max_header);
  ~RequestParser();

  /// How many of the bytes it took. It stops after the head, for `limit_body`, and after the request.
  [[nodiscard]] Result<std::size_t, ParseError> feed(ByteView bytes);
  [[nodiscard]] bool has_head() const;
  [[nodiscard]] bool is_done() const;

  // From here on: once it has the head.
  [[nodiscard]] Method method() const;
  [[nodiscard]] std::string_view target() const;
  [[nodiscard]] bool keeps_alive() const;
  [[nodiscard]] bool expects_continue() const;
  /// kBodyTooLarge at once if the announced body is longer; later if a chunked one becomes so.
  [[nodiscard]] Status<ParseError> limit_body(std::size_t limit);
  /// Once it is done. Leaves `remote` and `over_tls` to the caller.
  [[nodiscard]] Request take();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// One response: its head, and the framing of its body.
class ResponseParser {
 public:
  /// `to_head`: the request was HEAD, so there is no body whatever the head says.
  ResponseParser(std::size_t max_header, bool to_head);
  ~ResponseParser();

  enum class Framing : std::uint8_t { kNone, kLength, kChunked, kUntilEnd };

  /// Takes the head only, all at once (see RequestParser).
  [[nodiscard]] Result<std::size_t, ParseError> feed(ByteView bytes);
  [[nodiscard]] bool has_head() const;

  [[nodiscard]] unsigned status() const;
  [[nodiscard]] Headers headers() const;
  [[nodiscard]] bool keeps_alive() const;
  [[nodiscard]] Framing framing() const;
  [[nodiscard]] std::uint64_t content_length() const;  ///< With kLength.

  struct Decoded {
    std::size_t taken = 0;
    std::size_t made = 0;
    bool is_end = false;
  };
  /// With kChunked: body bytes into `into`. Nothing taken and nothing made means that more is needed.
  [[nodiscard]] Result<Decoded, ParseError> decode(ByteView bytes, std::span<std::uint8_t> into);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace turnpike::io::http
