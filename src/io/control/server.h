// The local API's listening end: a Unix socket of mode 0600 on which each line is a request and each answer a line.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/result.h"
#include "io/control/control_error.h"

namespace turnpike::io {

namespace asio = boost::asio;

constexpr std::size_t kMaxControlConnections = 32;
/// A client that neither asks nor reads for this long is let go.
constexpr std::chrono::seconds kControlIdleLimit{60};

/// One connection, for answering one request. Valid while the handler runs.
class Reply {
 public:
  virtual ~Reply() = default;
  /// Writes one line. False when the client is gone or does not read: stop, and return. Whoever streams must send at
  /// least every few seconds, which is also how it learns that nobody listens any more.
  [[nodiscard]] virtual asio::awaitable<bool> send(nlohmann::json object) = 0;
  /// The last line: {"ok":true, …object}.
  [[nodiscard]] asio::awaitable<bool> done(nlohmann::json object = nlohmann::json::object());
  /// The last line: {"ok":false,"error":text,"exit":code}. Codes are those of docs/commands.md.
  [[nodiscard]] asio::awaitable<bool> refuse(std::string_view text, int code);
};

/// Lives on the loop. Its destructor stops listening, cuts all connections and removes the socket; handlers under way
/// see send() fail, and what they borrow must outlive the loop's run.
class ControlServer {
 public:
  /// Called for each request, which is an object with a string "command". One request at a time a connection. An
  /// exception it throws (nlohmann's, about a field of the wrong type) becomes a refusal.
  using Handler = std::function<asio::awaitable<void>(nlohmann::json request, Reply& reply)>;

  /// Replaces a socket that nobody listens on; kInUse when somebody does.
  [[nodiscard]] static Result<std::unique_ptr<ControlServer>, ControlError> open(asio::any_io_executor loop,
                                                                                 std::filesystem::path path,
                                                                                 Handler handler);
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

 private:
  struct State;
  explicit ControlServer(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace turnpike::io
