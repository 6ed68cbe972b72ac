#include "io/http/parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/vector_body.hpp>

namespace turnpike::io::http {
namespace {

namespace beast = boost::beast::http;
using boost::system::error_code;

std::string text_of(boost::beast::string_view text) { return {text.data(), text.size()}; }

Headers headers_of(const beast::fields& fields) {
  Headers out;
  for (const auto& field : fields) out.add(text_of(field.name_string()), text_of(field.value()));
  return out;
}

ParseError error_of(const error_code& failed) {
  if (failed == beast::error::header_limit) return ParseError::kHeaderTooLarge;
  if (failed == beast::error::body_limit) return ParseError::kBodyTooLarge;
  if (failed == beast::error::bad_version) return ParseError::kBadVersion;
  return ParseError::kBadSyntax;
}

Method method_of(beast::verb verb) {
  switch (verb) {
    case beast::verb::get:
      return Method::kGet;
    case beast::verb::head:
      return Method::kHead;
    case beast::verb::post:
      return Method::kPost;
    case beast::verb::put:
      return Method::kPut;
    case beast::verb::delete_:
      return Method::kDelete;
    case beast::verb::options:
      return Method::kOptions;
    default:
      return Method::kOther;
  }
}

/// Beast's own limit is a 32-bit number, and counts the first line and the fields each by itself.
template <class Parser>
struct Limited {
  explicit Limited(std::size_t max_header) : max_head(max_header) {
    parser.header_limit(static_cast<std::uint32_t>(max_header));
    parser.body_limit(boost::none);
  }

  Result<std::size_t, ParseError> put(ByteView bytes) {
    error_code failed;
    const bool had_head = parser.is_header_done();
    const std::size_t taken = parser.put(boost::asio::buffer(bytes.data(), bytes.size()), failed);
    if (failed && failed != beast::error::need_more) return fail(error_of(failed));
    if (had_head) return taken;
    head += taken;
    const std::size_t waiting = parser.is_header_done() ? 0 : bytes.size() - taken;
    if (head + waiting > max_head) return fail(ParseError::kHeaderTooLarge);
    return taken;
  }

  Parser parser;
  std::size_t max_head;
  std::size_t head = 0;
};

}  // namespace

struct RequestParser::Impl : Limited<beast::request_parser<beast::vector_body<std::uint8_t>>> {
  using Limited::Limited;
};

RequestParser::RequestParser(std::size_t max_header) : impl_(std::make_unique<Impl>(max_header)) {}
RequestParser::~RequestParser() = default;

Result<std::size_t, ParseError> RequestParser::feed(ByteView bytes) {
  const bool had_head = has_head();
  auto taken = impl_->put(bytes);
  // RFC 9112 §3.2: whoever speaks HTTP/1.1 must say whom it speaks to.
  if (taken && !had_head && has_head()) {
    const auto& head = impl_->parser.get();
    if (head.version() >= 11 && head.count(beast::field::host) != 1) return fail(ParseError::kBadSyntax);
  }
  return taken;
}

bool RequestParser::has_head() const { return impl_->parser.is_header_done(); }
bool RequestParser::is_done() const { return impl_->parser.is_done(); }
Method RequestParser::method() const { return method_of(impl_->parser.get().method()); }
std::string_view RequestParser::target() const {
  const auto target = impl_->parser.get().target();
  return {target.data(), target.size()};
}
bool RequestParser::keeps_alive() const { return impl_->parser.keep_alive(); }

bool RequestParser::expects_continue() const {
  const auto& head = impl_->parser.get();
  return head.version() >= 11 && boost::beast::iequals(head[beast::field::expect], "100-continue");
}

Status<ParseError> RequestParser::limit_body(std::size_t limit) {
  const auto announced = impl_->parser.content_length();
  if (announced && *announced > limit) return fail(ParseError::kBodyTooLarge);
  impl_->parser.body_limit(limit);
  return Ok{};
}

Request RequestParser::take() {
  auto message = impl_->parser.release();
  Request out;
  out.method = method_of(message.method());
  out.target = text_of(message.target());
  out.headers = headers_of(message);
  out.body = std::move(message.body());
  return out;
}

struct ResponseParser::Impl : Limited<beast::response_parser<beast::buffer_body>> {
  using Limited::Limited;
};

ResponseParser::ResponseParser(std::size_t max_header, bool to_head) : impl_(std::make_unique<Impl>(max_header)) {
  impl_->parser.skip(to_head);
}
ResponseParser::~ResponseParser() = default;

Result<std::size_t, ParseError> ResponseParser::feed(ByteView bytes) { return impl_->put(bytes); }
bool ResponseParser::has_head() const { return impl_->parser.is_header_done(); }
unsigned ResponseParser::status() const { return impl_->parser.get().result_int(); }
Headers ResponseParser::headers() const { return headers_of(impl_->parser.get()); }
bool ResponseParser::keeps_alive() const { return impl_->parser.keep_alive(); }

ResponseParser::Framing ResponseParser::framing() const {
  if (impl_->parser.is_done()) return Framing::kNone;
  if (impl_->parser.chunked()) return Framing::kChunked;
  return impl_->parser.content_length() ? Framing::kLength : Framing::kUntilEnd;
}

std::uint64_t ResponseParser::content_length() const { return impl_->parser.content_length().value_or(0); }

Result<ResponseParser::Decoded, ParseError> ResponseParser::decode(ByteView bytes, std::span<std::uint8_t> into) {
  auto& body = impl_->parser.get().body();
  body.data = into.data();
  body.size = into.size();
  Decoded out;
  error_code failed;
  while (!impl_->parser.is_done() && out.taken < bytes.size()) {
    const ByteView rest = bytes.subspan(out.taken);
    const std::size_t taken = impl_->parser.put(boost::asio::buffer(rest.data(), rest.size()), failed);
    out.taken += taken;
    if (failed || taken == 0) break;
  }
  if (failed && failed != beast::error::need_more && failed != beast::error::need_buffer) return fail(error_of(failed));
  out.made = into.size() - body.size;
  out.is_end = impl_->parser.is_done();
  return out;
}

}  // namespace turnpike::io::http
