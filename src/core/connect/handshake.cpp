#include "core/connect/handshake.h"

#include <algorithm>
#include <utility>

#include "base/machine.h"

namespace turnpike::connect {

static_assert(StreamMachine<Handshake>);

namespace {

constexpr std::size_t kMaxPhrase = 80;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string printable(std::string_view text) {
  std::string out(text.substr(0, kMaxPhrase));
  std::ranges::replace_if(out, [](char c) { return c < ' ' || c > '~'; }, '?');
  return out;
}

struct StatusLine {
  unsigned status = 0;
  std::string_view phrase;
};

// "HTTP/1.1 200 Connection established"; 1.0 too, as old proxies say. Nothing for anything else.
std::optional<StatusLine> parse_status(std::string_view line) {
  constexpr std::size_t kStart = 9;  // "HTTP/1.x "
  const bool is_http = line.starts_with("HTTP/1.0 ") || line.starts_with("HTTP/1.1 ");
  if (!is_http || line.size() < kStart + 3) return std::nullopt;
  unsigned status = 0;
  for (const char c : line.substr(kStart, 3)) {
    if (c < '0' || c > '9') return std::nullopt;
    status = 10 * status + static_cast<unsigned>(c - '0');
  }
  std::string_view phrase = line.substr(kStart + 3);
  if (!phrase.empty() && phrase.front() != ' ') return std::nullopt;
  phrase.remove_prefix(std::min(phrase.find_first_not_of(' '), phrase.size()));
  if (status < 100) return std::nullopt;
  return StatusLine{status, phrase};
}

// A line off the front of `text`, without its end, which is CRLF or, as RFC 9112 §2.2 lets us, LF.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// Does any Proxy-Authenticate field of the head offer Basic?
bool offers_basic(std::string_view head) {
  std::string all(head);
  std::ranges::transform(all, all.begin(), lower);
  std::string_view rest = all;
  bool asked = false;
  while (!rest.empty()) {
    const std::string_view line = take_line(rest);
    if (!line.starts_with("proxy-authenticate:")) continue;
    asked = true;
    if (line.find("basic") != std::string_view::npos) return true;
  }
  return !asked;  // RFC 9110 §15.5.8 wants the field; without it, Basic is the best guess
}

}  // namespace

Handshake::Handshake(Instant now, std::string_view host, std::uint16_t port,
                     const std::optional<Credentials>& credentials)
    : with_credentials_(credentials.has_value()), deadline_(now + kAnswerLimit) {
  const std::string authority = authority_of(host, port);
  std::string text = "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n";
  if (credentials) text += "Proxy-Authorization: " + credentials->header() + "\r\n";
  text += "\r\n";
  request_ = copy_of(bytes_of(text));
}

void Handshake::handle_bytes(Instant now, ByteView bytes) {
  if (over_) return;
  if (now >= deadline_) return handle_timeout(now);
  while (!bytes.empty() && !over_) {
    // The head ends at an empty line; what follows an accepting one belongs to the tunnel, byte for byte.
    const std::uint8_t byte = bytes.front();
    bytes = bytes.subspan(1);
    head_.push_back(static_cast<char>(byte));
    if (byte == '\n' && (head_.ends_with("\n\n") || head_.ends_with("\n\r\n"))) judge();
    if (!over_ && interim_ + head_.size() >= kMaxHead) {
      refuse(RefusalReason::kProtocol, 0, "its answer has headers without end");
    }
  }
  if (over_ && event_ && !bytes.empty()) {
    if (auto* opened = std::get_if<Opened>(&*event_)) opened->early = copy_of(bytes);
  }
}

void Handshake::judge() {
  std::string_view rest = head_;
  const auto line = parse_status(take_line(rest));
  if (!line) return refuse(RefusalReason::kProtocol, 0, "it does not answer as an HTTP proxy");
  if (line->status < 200) {
    interim_ += head_.size();
    head_.clear();
    return;
  }
  if (line->status < 300) {  // RFC 9110 §9.3.6: any 2xx is a tunnel, and its framing fields mean nothing
    over_ = true;
    event_ = Opened{};
    return;
  }
  const std::string number = "HTTP " + std::to_string(line->status);
  const std::string phrase = printable(line->phrase);
  switch (line->status) {
    case 407:
      if (!offers_basic(rest)) {
        return refuse(RefusalReason::kCredentials, 407,
                      "it asks for a kind of credentials that is not Basic (HTTP 407)");
      }
      return refuse(RefusalReason::kCredentials, 407,
                    with_credentials_ ? "it does not take these credentials (HTTP 407)"
                                      : "it asks for credentials (HTTP 407); put user:password@ before its host");
    case 502:
    case 503:
    case 504:
      return refuse(RefusalReason::kFarEnd, line->status, "it cannot reach the far end (" + number + ")");
    default:
      break;
  }
  const bool forbids = line->status >= 400 && line->status < 500;
  refuse(forbids ? RefusalReason::kForbidden : RefusalReason::kProtocol, line->status,
         (forbids ? "it does not let us connect there (" : "it answers no tunnel (") + number +
             (phrase.empty() ? ")" : " " + phrase + ")"));
}

void Handshake::handle_closed(Instant /*now*/) {
  if (over_) return;
  refuse(RefusalReason::kClosed, 0,
         head_.empty() ? "it hung up without an answer" : "it hung up in the middle of its answer");
}

void Handshake::handle_timeout(Instant now) {
  if (over_ || now < deadline_) return;
  refuse(RefusalReason::kSilent, 0, head_.empty() ? "it does not answer" : "it did not finish its answer within 10 s");
}

std::optional<Bytes> Handshake::poll_write() { return std::exchange(request_, std::nullopt); }
std::optional<Handshake::Event> Handshake::poll_event() { return std::exchange(event_, std::nullopt); }

std::optional<Instant> Handshake::poll_timeout() const { return over_ ? std::nullopt : std::optional(deadline_); }

void Handshake::refuse(RefusalReason reason, unsigned status, std::string text) {
  over_ = true;
  event_ = Refused{reason, status, std::move(text)};
}

}  // namespace turnpike::connect
