#include "io/control/server.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include "io/control/stream.h"
#include "io/control/unix_path.h"

namespace turnpike::io {
namespace {

using Protocol = asio::local::stream_protocol;

// After accept failed for want of descriptors: it would fail again at once.
constexpr std::chrono::milliseconds kAcceptPause{100};

nlohmann::json refusal(std::string_view text, int code) { return {{"ok", false}, {"error", text}, {"exit", code}}; }

class StreamReply final : public Reply {
 public:
  explicit StreamReply(std::shared_ptr<ControlStream> stream) : stream_(std::move(stream)) {}

  asio::awaitable<bool> send(nlohmann::json object) override {
    std::string line = write_line(object);
    const auto sent = co_await stream_->write(std::move(line), kControlIdleLimit);
    co_return bool(sent);
  }

 private:
  std::shared_ptr<ControlStream> stream_;
};

bool somebody_listens(const UnixPath& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const auto endpoint = path.endpoint();
  const bool refused =
      ::connect(fd, endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0 && errno == ECONNREFUSED;
  ::close(fd);
  return !refused;
}

std::optional<ControlError> clear_the_way(const std::filesystem::path& path, const UnixPath& address) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return std::nullopt;
  if (!S_ISSOCK(info.st_mode)) {
    return ControlError{ControlFault::kSystem, path.string() + " is no socket; move it away"};
  }
  if (somebody_listens(address)) {
    return ControlError{ControlFault::kInUse, "another node listens on " + path.string() + "; stop that one first"};
  }
  ::unlink(path.c_str());
  return std::nullopt;
}

}  // namespace

asio::awaitable<bool> Reply::done(nlohmann::json object) {
  object["ok"] = true;
  object["done"] = true;
  const bool sent = co_await send(std::move(object));
  co_return sent;
}

asio::awaitable<bool> Reply::refuse(std::string_view text, int code) {
  auto object = refusal(text, code);
  object["done"] = true;
  const bool sent = co_await send(std::move(object));
  co_return sent;
}

struct ControlServer::State : std::enable_shared_from_this<ControlServer::State> {
  State(const asio::any_io_executor& loop, std::filesystem::path where, Handler what)
      : acceptor(loop), path(std::move(where)), handler(std::move(what)) {}

  static asio::awaitable<void> accept(std::shared_ptr<State> self);
  static asio::awaitable<void> serve(std::shared_ptr<State> self, std::shared_ptr<ControlStream> stream);
  asio::awaitable<bool> answer(const std::string& line, std::shared_ptr<ControlStream> stream);

  Protocol::acceptor acceptor;
  std::filesystem::path path;
  ino_t inode = 0;
  Handler handler;
  std::set<std::shared_ptr<ControlStream>> connections;
};

asio::awaitable<void> ControlServer::State::accept(std::shared_ptr<State> self) {
  asio::steady_timer pause(self->acceptor.get_executor());
  while (self->acceptor.is_open()) {
    boost::system::error_code error;
    Protocol::socket socket(self->acceptor.get_executor());
    co_await self->acceptor.async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
    if (!self->acceptor.is_open()) co_return;
    if (error) {
      pause.expires_after(kAcceptPause);
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
      continue;
    }
    auto stream = std::make_shared<ControlStream>(std::move(socket), kMaxRequestLine);
    self->connections.insert(stream);
    asio::co_spawn(self->acceptor.get_executor(), serve(self, std::move(stream)), asio::detached);
  }
}

asio::awaitable<void> ControlServer::State::serve(std::shared_ptr<State> self, std::shared_ptr<ControlStream> stream) {
  bool open = true;
  if (self->connections.size() > kMaxControlConnections) {
    StreamReply reply(stream);
    open = co_await reply.refuse("too many commands at once; try again", 1);
    open = false;
  }
  while (open) {
    const auto line = co_await stream->read_line(kControlIdleLimit);
    open = bool(line);
    if (open) {
      open = co_await self->answer(*line, stream);
    } else if (line.error().fault == ControlFault::kMalformed) {
      StreamReply reply(stream);
      open = co_await reply.refuse("the request is longer than 64 KiB", 1);
      open = false;
    }
  }
  stream->close();
  self->connections.erase(stream);
}

asio::awaitable<bool> ControlServer::State::answer(const std::string& line, std::shared_ptr<ControlStream> stream) {
  StreamReply reply(std::move(stream));
  auto request = parse_line(line);
  std::string fault;
  if (!request || !request->contains("command") || !(*request)["command"].is_string()) {
    fault = "not a request: it must be a JSON object with a string \"command\"";
  } else {
    try {
      auto work = handler(*std::move(request), reply);
      co_await std::move(work);
    } catch (const nlohmann::json::exception& exception) {
      fault = std::string("bad request: ") + exception.what();
    }
  }
  if (fault.empty()) co_return true;
  const bool sent = co_await reply.refuse(fault, 1);
  co_return sent;
}

Result<std::unique_ptr<ControlServer>, ControlError> ControlServer::open(asio::any_io_executor loop,
                                                                         std::filesystem::path path, Handler handler) {
  const UnixPath address(path);
  if (const auto error = clear_the_way(path, address)) return fail(*error);

  auto state = std::make_shared<State>(loop, path, std::move(handler));
  boost::system::error_code error;
  state->acceptor.open(Protocol(), error);
  // The mode of the socket file is that of the unbound socket: it is never there for others, not even for a moment.
  if (!error) ::fchmod(state->acceptor.native_handle(), 0600);
  if (!error) state->acceptor.bind(address.endpoint(), error);
  if (!error) state->acceptor.listen(Protocol::acceptor::max_listen_connections, error);
  if (error) {
    const auto fault =
        error == boost::system::errc::permission_denied ? ControlFault::kPermission : ControlFault::kSystem;
    return fail(ControlError{fault, path.string() + ": " + error.message()});
  }
  struct stat info{};
  if (::lstat(path.c_str(), &info) == 0) state->inode = info.st_ino;
  asio::co_spawn(loop, State::accept(state), asio::detached);
  return std::unique_ptr<ControlServer>(new ControlServer(std::move(state)));
}

ControlServer::ControlServer(std::shared_ptr<State> state) : state_(std::move(state)) {}

ControlServer::~ControlServer() {
  boost::system::error_code ignored;
  state_->acceptor.close(ignored);
  for (const auto& stream : state_->connections) stream->close();
  struct stat info{};
  if (::lstat(state_->path.c_str(), &info) == 0 && info.st_ino == state_->inode) ::unlink(state_->path.c_str());
}

}  // namespace turnpike::io
