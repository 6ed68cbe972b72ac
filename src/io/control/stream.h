// One connected Unix socket that speaks in lines, with a patience for each read and write.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "base/result.h"
#include "io/control/control_error.h"
#include "io/control/line.h"

namespace turnpike::io {

namespace asio = boost::asio;

/// Shared, because a timer that fires late must find it or find nothing. After any error but kMalformed it is closed.
class ControlStream : public std::enable_shared_from_this<ControlStream> {
 public:
  using Socket = asio::local::stream_protocol::socket;

  ControlStream(Socket socket, std::size_t max_line)
      : socket_(std::move(socket)), timer_(socket_.get_executor()), lines_(max_line) {}

  /// kClosed at the end of the stream, kMalformed (for good) for a line beyond the limit, kTimeout after `patience`.
  [[nodiscard]] asio::awaitable<Result<std::string, ControlError>> read_line(std::chrono::milliseconds patience);
  [[nodiscard]] asio::awaitable<Status<ControlError>> write(std::string text, std::chrono::milliseconds patience);
  void close();

 private:
  void arm(std::chrono::milliseconds patience);
  [[nodiscard]] ControlError error_of(const boost::system::error_code& code) const;

  Socket socket_;
  asio::steady_timer timer_;
  LineSplitter lines_;
  bool timed_out_ = false;
};

}  // namespace turnpike::io
