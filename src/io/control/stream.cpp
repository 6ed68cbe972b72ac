#include "io/control/stream.h"

#include <array>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace turnpike::io {
namespace {

constexpr std::size_t kReadSize = 16U << 10U;

}  // namespace

asio::awaitable<Result<std::string, ControlError>> ControlStream::read_line(std::chrono::milliseconds patience) {
  const auto self = shared_from_this();
  std::array<char, kReadSize> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled before it is read
  arm(patience);
  for (;;) {
    if (auto line = lines_.next()) {
      timer_.cancel();
      co_return *std::move(line);
    }
    if (lines_.is_too_long()) {
      timer_.cancel();
      co_return fail(ControlError{ControlFault::kMalformed, "a line beyond the limit"});
    }
    boost::system::error_code error;
    const std::size_t size =
        co_await socket_.async_read_some(asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
    if (error) {
      close();
      co_return fail(error_of(error));
    }
    lines_.feed({buffer.data(), size});
  }
}

asio::awaitable<Status<ControlError>> ControlStream::write(std::string text, std::chrono::milliseconds patience) {
  const auto self = shared_from_this();
  boost::system::error_code error;
  arm(patience);
  co_await asio::async_write(socket_, asio::buffer(text), asio::redirect_error(asio::use_awaitable, error));
  timer_.cancel();
  if (error) {
    close();
    co_return fail(error_of(error));
  }
  co_return Ok{};
}

void ControlStream::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
  timer_.cancel();
}

void ControlStream::arm(std::chrono::milliseconds patience) {
  timed_out_ = false;
  timer_.expires_after(patience);
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    // A wait that ended just before it was cancelled or renewed says success too; only the clock tells.
    if (error || !self || self->timer_.expiry() > asio::steady_timer::clock_type::now()) return;
    self->timed_out_ = true;
    self->close();
  });
}

ControlError ControlStream::error_of(const boost::system::error_code& code) const {
  if (timed_out_) return {ControlFault::kTimeout, "no answer in time"};
  return {ControlFault::kClosed, code == asio::error::eof ? "the other end closed the connection" : code.message()};
}

}  // namespace turnpike::io
