// The local API's asking end: what the subcommands talk to a running node with.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/result.h"
#include "io/control/control_error.h"

namespace turnpike::io {

namespace asio = boost::asio;

class ControlClient {
 public:
  /// kNotRunning when there is no socket, or nobody behind it.
  [[nodiscard]] static asio::awaitable<Result<ControlClient, ControlError>> connect(std::filesystem::path path);
  ControlClient(ControlClient&&) noexcept;
  ControlClient& operator=(ControlClient&&) noexcept;
  ~ControlClient();

  [[nodiscard]] asio::awaitable<Status<ControlError>> send(nlohmann::json request);
  /// The next line. kTimeout after `patience`; the client is of no use after any error.
  [[nodiscard]] asio::awaitable<Result<nlohmann::json, ControlError>> receive(std::chrono::milliseconds patience);

 private:
  struct State;
  explicit ControlClient(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace turnpike::io
