#include "io/control/client.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "io/control/line.h"
#include "io/control/stream.h"
#include "io/control/unix_path.h"

namespace turnpike::io {
namespace {

constexpr std::chrono::seconds kSendPatience{10};

ControlError connect_error(const std::filesystem::path& path, const boost::system::error_code& code) {
  if (code == boost::system::errc::no_such_file_or_directory || code == boost::system::errc::connection_refused) {
    const auto data = path.parent_path().parent_path();
    return {ControlFault::kNotRunning,
            "no node runs on " + data.string() + "; start one with: turnpike node --data " + data.string()};
  }
  if (code == boost::system::errc::permission_denied) {
    return {ControlFault::kPermission, path.string() + " belongs to another user; run this as the user of the node"};
  }
  return {ControlFault::kSystem, path.string() + ": " + code.message()};
}

}  // namespace

struct ControlClient::State {
  std::shared_ptr<ControlStream> stream;
};

ControlClient::ControlClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
ControlClient::ControlClient(ControlClient&&) noexcept = default;
ControlClient& ControlClient::operator=(ControlClient&&) noexcept = default;
ControlClient::~ControlClient() {
  if (state_) state_->stream->close();
}

asio::awaitable<Result<ControlClient, ControlError>> ControlClient::connect(std::filesystem::path path) {
  const auto executor = co_await asio::this_coro::executor;
  const UnixPath address(path);
  asio::local::stream_protocol::socket socket(executor);
  boost::system::error_code error;
  co_await socket.async_connect(address.endpoint(), asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return fail(connect_error(path, error));
  auto stream = std::make_shared<ControlStream>(std::move(socket), kMaxAnswerLine);
  co_return ControlClient(std::make_unique<State>(State{std::move(stream)}));
}

asio::awaitable<Status<ControlError>> ControlClient::send(nlohmann::json request) {
  std::string line = write_line(request);
  auto sent = co_await state_->stream->write(std::move(line), kSendPatience);
  co_return sent;
}

asio::awaitable<Result<nlohmann::json, ControlError>> ControlClient::receive(std::chrono::milliseconds patience) {
  auto line = co_await state_->stream->read_line(patience);
  if (!line) co_return fail(line.error());
  auto object = parse_line(*line);
  if (!object)
    co_return fail(
        ControlError{ControlFault::kMalformed, "the node's answer is not understood; are both of one version?"});
  co_return *std::move(object);
}

}  // namespace turnpike::io
