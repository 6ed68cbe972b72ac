// HTTP messages as values: what handlers are given and what they answer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/endpoint.h"
#include "io/tcp/byte_pipe.h"

namespace turnpike::io::http {

enum class Method : std::uint8_t { kGet, kHead, kPost, kPut, kDelete, kOptions, kOther };
[[nodiscard]] std::string_view to_string(Method method);

[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b);

/// Header fields in order; names compare without case.
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<std::pair<std::string, std::string>> fields) : fields_(fields) {}

  void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  /// The first field of that name.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  /// Does the comma-separated list of that name hold `token`, without case? ("Connection: keep-alive, Upgrade")
  [[nodiscard]] bool has_token(std::string_view name, std::string_view token) const;
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct Request {
  Method method = Method::kGet;
  std::string target;  ///< Path and query, as sent.
  Headers headers;
  Bytes body;
  Endpoint remote;
  bool over_tls = false;

  /// The target up to '?', percent-encoding undone nowhere: store ids need none, and "%2e%2e" stays harmless text.
  [[nodiscard]] std::string_view path() const;
  /// The value of `name` in the query, percent-encoding undone; unset if absent or badly encoded.
  [[nodiscard]] std::optional<std::string> query(std::string_view name) const;
};

/// Part of an open file, sent without passing through our memory where the carrier can.
struct FileBody {
  std::shared_ptr<const void> owner;  ///< Keeps `fd` open until the last byte is sent.
  int fd = -1;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  /// Called after each stretch (≤ 4 MiB) that went out. False breaks the connection off in the middle of the body: the
  /// file is no longer what the headers said.
  std::function<bool(std::uint64_t sent)> on_sent{};
  /// Asked before each stretch: waits until bytes may flow, and gives how many, 1 to `wanted`. Without it all may.
  std::function<asio::awaitable<std::uint64_t>(std::uint64_t wanted)> pace{};
};

/// Takes the bytes of a StreamBody, as fast as the peer takes them.
class BodyWriter {
 public:
  virtual ~BodyWriter() = default;
  /// Ends when the kernel has all of it; a peer that takes nothing for the server's `stall_time` fails it. `bytes` must
  /// stay until then.
  [[nodiscard]] virtual asio::awaitable<Status<IoError>> write(ByteView bytes) = 0;
};

/// A body that is made while it is sent. `produce` runs once the head is out (never for HEAD) and must write exactly
/// `length` bytes: with fewer, or when it gives false, the connection breaks off in the middle of the body, so that
/// nobody takes what came for the whole. It must own, or outlive by way of its pipe's end, what it uses.
struct StreamBody {
  std::uint64_t length = 0;
  std::function<asio::awaitable<bool>(BodyWriter&)> produce;
};

/// After the 101 went out, the connection's pipe is given to `then`, with whatever the peer already sent; the
/// connection counts against its address until `then` ends.
struct Upgrade {
  std::function<asio::awaitable<void>(std::unique_ptr<BytePipe>)> then;
};

struct Response {
  unsigned status = 200;
  Headers headers;  ///< Content-Length, Date and Connection are added by the server.
  std::variant<Bytes, FileBody, Upgrade, StreamBody> body;

  [[nodiscard]] static Response text(unsigned status, std::string_view text);
  [[nodiscard]] static Response json(unsigned status, std::string_view json);
};

[[nodiscard]] std::string_view reason_of(unsigned status);

}  // namespace turnpike::io::http
