// The client's half of HTTP CONNECT (RFC 9110, section 9.3.6): one request to a proxy, and then a tunnel or the reason
// why not.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <variant>

#include "base/bytes.h"
#include "base/time.h"
#include "core/connect/proxy_url.h"

namespace turnpike::connect {

/// Of the proxy's answer up to its blank line, interim answers included; more is a refusal.
inline constexpr std::size_t kMaxHead = std::size_t{16} << 10U;
/// From the request to the blank line, however busily the proxy drips. Proxies wait for the far end's TCP, so this is
/// longer than a round trip.
inline constexpr Duration kAnswerLimit = std::chrono::seconds(10);

enum class RefusalReason : std::uint8_t {
  kCredentials,  ///< 407: it wants credentials, or not these.
  kForbidden,    ///< 403, 405 and their like: not to there.
  kFarEnd,       ///< 502, 503, 504: it could not reach the far end; the proxy itself is well.
  kProtocol,     ///< What answers is no HTTP proxy.
  kSilent,       ///< No whole answer within kAnswerLimit.
  kClosed,       ///< It hung up before it answered.
};

/// The tunnel stands. `early` are bytes of it that came with the answer.
struct Opened {
  Bytes early;
};
struct Refused {
  RefusalReason reason{};
  unsigned status = 0;  ///< The answer's; 0 if there was none.
  std::string text;     ///< One printable line for people, without the proxy's name.
};

/// A StreamMachine for one attempt over one connection: after its event nothing more is to be given to it.
class Handshake {
 public:
  using Event = std::variant<Opened, Refused>;

  /// `host` is a name or an address, an IPv6 one without brackets.
  Handshake(Instant now, std::string_view host, std::uint16_t port, const std::optional<Credentials>& credentials);

  void handle_bytes(Instant now, ByteView bytes);
  void handle_closed(Instant now);
  void handle_timeout(Instant now);

  [[nodiscard]] std::optional<Bytes> poll_write();
  [[nodiscard]] std::optional<Event> poll_event();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

 private:
  void judge();
  void refuse(RefusalReason reason, unsigned status, std::string text);

  std::optional<Bytes> request_;
  bool with_credentials_ = false;
  Instant deadline_;
  std::string head_;         ///< At most kMaxHead; of an interim answer too.
  std::size_t interim_ = 0;  ///< Bytes of interim answers, already gone from head_.
  bool over_ = false;
  std::optional<Event> event_;
};

}  // namespace turnpike::connect
