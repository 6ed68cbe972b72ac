#include "io/tcp/tcp.h"

#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <csignal>

#include "io/loop/convert.h"
#include "io/loop/deadline.h"
#include "io/loop/event.h"
#include "io/tcp/buffer_pool.h"

namespace turnpike::io {
namespace {

using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
/// How much one connection moves before the others on the loop have their turn.
constexpr std::size_t kMaxBurst = std::size_t{1} << 20U;
/// The same for a file, whose bytes pass through nobody's hands: this many take the kernel about a millisecond.
constexpr std::size_t kMaxFileBurst = std::size_t{4} << 20U;
/// One call of sendfile: it may wait for the disk, with all of the loop behind it.
constexpr std::size_t kMaxSendfile = std::size_t{1} << 20U;
/// Between two attempts of `connect_host` (RFC 8305 §5).
constexpr Duration kAttemptDelay = std::chrono::milliseconds(250);

IoError io_error_of(int number) {
  switch (number) {
    case ECONNREFUSED:
      return IoError::kRefused;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
      return IoError::kUnreachable;
    case ETIMEDOUT:
      return IoError::kTimeout;
    case EPIPE:
      return IoError::kClosed;
    case ECANCELED:
      return IoError::kCancelled;
    default:
      return IoError::kOther;
  }
}

/// sendfile has no MSG_NOSIGNAL: without this, a peer that hangs up in mid-file would end the program.
void ignore_broken_pipes() {
  static const auto before = std::signal(SIGPIPE, SIG_IGN);
  static_cast<void>(before);
}

class TcpPipe final : public BytePipe {
 public:
  explicit TcpPipe(tcp::socket socket) : socket_(std::move(socket)) {
    ignore_broken_pipes();
    error_code ignored;
    socket_.non_blocking(true, ignored);
    socket_.set_option(tcp::no_delay(true), ignored);
    socket_.set_option(tcp::socket::keep_alive(true), ignored);
    const auto remote = socket_.remote_endpoint(ignored);
    remote_ = from_asio(remote);
    remote_.address = remote_.address.unmapped();
  }

  asio::awaitable<Result<std::size_t, IoError>> read_some(std::span<std::uint8_t> into) override {
    const auto turn = co_await take_turn();
    if (!turn) co_return fail(turn.error());
    while (!finishing_) {
      const ssize_t got = ::recv(socket_.native_handle(), into.data(), into.size(), 0);
      if (got > 0) {
        burst_ += static_cast<std::size_t>(got);
        co_return static_cast<std::size_t>(got);
      }
      if (got == 0) break;
      const auto waited = co_await wait(tcp::socket::wait_read, errno);
      if (!waited) co_return fail(waited.error());
    }
    co_return fail(IoError::kClosed);
  }

  asio::awaitable<Status<IoError>> write(ByteView bytes) override {
    const ByteView all = bytes;
    co_return co_await send_all(all, 0);
  }

  asio::awaitable<Status<IoError>> send_all(ByteView bytes, int flags) {
    const auto turn = co_await take_turn();
    if (!turn) co_return fail(turn.error());
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL | flags);
      if (sent >= 0) {
        bytes = bytes.subspan(static_cast<std::size_t>(sent));
        burst_ += static_cast<std::size_t>(sent);
        continue;
      }
      const auto waited = co_await wait(tcp::socket::wait_write, errno);
      if (!waited) co_return fail(waited.error());
    }
    co_return Ok{};
  }

  asio::awaitable<Status<IoError>> write_both(ByteView head, ByteView body) override {
    const auto turn = co_await take_turn();
    if (!turn) co_return fail(turn.error());
    while (!head.empty()) {
      const ssize_t sent = send_both(head, body);
      if (sent >= 0) {
        const auto of_head = std::min(head.size(), static_cast<std::size_t>(sent));
        head = head.subspan(of_head);
        body = body.subspan(static_cast<std::size_t>(sent) - of_head);
        burst_ += static_cast<std::size_t>(sent);
        continue;
      }
      const auto waited = co_await wait(tcp::socket::wait_write, errno);
      if (!waited) co_return fail(waited.error());
    }
    co_return co_await write(body);
  }

  asio::awaitable<Status<IoError>> write_ahead(ByteView bytes) override {
    const ByteView all = bytes;
    co_return co_await send_all(all, MSG_MORE);
  }

  asio::awaitable<Result<std::uint64_t, IoError>> write_some_file(int fd, std::uint64_t offset,
                                                                  std::uint64_t length) override {
    auto position = static_cast<off_t>(offset);
    const auto want = std::min<std::uint64_t>(length, kMaxSendfile);
    for (;;) {
      const auto turn = co_await take_turn(kMaxFileBurst);
      if (!turn) co_return fail(turn.error());
      const ssize_t sent = ::sendfile(socket_.native_handle(), fd, &position, want);
      if (sent == 0) co_return fail(IoError::kOther);  // the file is shorter than it was
      if (sent > 0) {
        burst_ += static_cast<std::size_t>(sent);
        co_return static_cast<std::uint64_t>(sent);
      }
      const auto waited = co_await wait(tcp::socket::wait_write, errno);
      if (!waited) co_return fail(waited.error());
    }
  }

  asio::awaitable<Status<IoError>> wait_readable() override {
    std::uint8_t peeked = 0;
    if (finishing_ || !socket_.is_open()) co_return fail(IoError::kClosed);
    const ssize_t got = ::recv(socket_.native_handle(), &peeked, 1, MSG_PEEK);
    if (got >= 0) co_return Ok{};
    co_return co_await wait(tcp::socket::wait_read, errno);
  }

  asio::awaitable<void> finish() override {
    const auto loop = socket_.get_executor();
    const bool is_over = finishing_ || !socket_.is_open();
    if (is_over) co_return;
    finishing_ = true;
    error_code failed;
    socket_.cancel(failed);  // a read under way ends as closed: what comes now is only drained
    socket_.shutdown(tcp::socket::shutdown_send, failed);
    Deadline patience(loop, [this] { close(); });
    patience.arm(kFinishTime);
    PooledBuffer scrap = PooledBuffer::take();
    while (!failed && socket_.is_open()) {
      const ssize_t got = ::recv(socket_.native_handle(), scrap.span().data(), scrap.span().size(), 0);
      if (got == 0) break;
      if (got > 0) continue;
      const auto waited = co_await wait(tcp::socket::wait_read, errno);
      if (!waited) break;
    }
    close();
  }

  void close() override {
    error_code ignored;
    socket_.close(ignored);
  }

  Endpoint remote() const override { return remote_; }

 private:
  ssize_t send_both(ByteView head, ByteView body) {
    const auto part = [](ByteView bytes) { return iovec{const_cast<std::uint8_t*>(bytes.data()), bytes.size()}; };
    std::array<iovec, 2> parts{part(head), part(body)};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    return ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL);
  }

  /// Lets the loop's other work run after every `most` bytes: a fast peer never makes us wait by itself.
  asio::awaitable<Status<IoError>> take_turn(std::size_t most = kMaxBurst) {
    const auto loop = socket_.get_executor();
    if (burst_ >= most) {
      burst_ = 0;
      co_await asio::post(loop, asio::use_awaitable);
    }
    if (!socket_.is_open()) co_return fail(IoError::kClosed);
    co_return Ok{};
  }

  /// After a call on the socket failed with `number`: waits if that is what it asks for.
  asio::awaitable<Status<IoError>> wait(tcp::socket::wait_type what, int number) {
    const bool must_wait = number == EAGAIN || number == EWOULDBLOCK;
    burst_ = 0;
    if (number == EINTR) co_return Ok{};
    if (!socket_.is_open()) co_return fail(IoError::kClosed);
    if (!must_wait) co_return fail(io_error_of(number));
    const auto [failed] = co_await socket_.async_wait(what, kTuple);
    if (!socket_.is_open()) co_return fail(IoError::kClosed);
    if (failed && !finishing_) co_return fail(io_error_of(failed.value()));
    co_return Ok{};
  }

  tcp::socket socket_;
  Endpoint remote_;
  std::size_t burst_ = 0;
  bool finishing_ = false;
};

using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

void keep_queue_short(tcp::socket& socket) {
  setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kShortQueue, sizeof kShortQueue);
}

/// Opens and binds; the error of the first step that failed.
template <class Socket>
error_code bind_shared(Socket& socket, const tcp::endpoint& at, bool may_share) {
  error_code failed;
  socket.open(at.protocol(), failed);
  if (failed) return failed;
  socket.set_option(asio::socket_base::reuse_address(true), failed);
  if (may_share) socket.set_option(ReusePort(true), failed);
  if (at.protocol() == tcp::v6()) socket.set_option(asio::ip::v6_only(false), failed);
  socket.bind(at, failed);
  return failed;
}

asio::awaitable<Result<std::unique_ptr<BytePipe>, IoError>> connect_with(tcp::socket socket, Endpoint to,
                                                                         Duration timeout) {
  const auto loop = socket.get_executor();
  Deadline deadline(loop, [&socket] {
    error_code ignored;
    socket.close(ignored);
  });
  deadline.arm(timeout);
  const auto [failed] = co_await socket.async_connect(to_asio_tcp(to), kTuple);
  if (deadline.expired()) co_return fail(IoError::kTimeout);
  if (failed) co_return fail(io_error_of(failed.value()));
  co_return make_tcp_pipe(std::move(socket));
}

/// The attempts of one `connect_host`, and who won. Shared by the attempts, which may outlive the call by a turn.
struct Race {
  explicit Race(const asio::any_io_executor& loop) : changed(loop) {}

  void close_all() {
    error_code ignored;
    for (const auto& socket : sockets) socket->close(ignored);
  }

  Event changed;
  std::vector<std::shared_ptr<tcp::socket>> sockets;
  std::unique_ptr<BytePipe> winner;
  std::size_t running = 0;
  bool is_over = false;
  IoError last = IoError::kUnreachable;
};

asio::awaitable<void> attempt(std::shared_ptr<Race> race, std::shared_ptr<tcp::socket> socket, Endpoint to) {
  const auto [failed] = co_await socket->async_connect(to_asio_tcp(to), kTuple);
  --race->running;
  race->changed.set();
  if (race->is_over || race->winner) co_return;
  if (failed) {
    race->last = io_error_of(failed.value());
    co_return;
  }
  race->winner = make_tcp_pipe(std::move(*socket));
}

/// One look-up, on asio's resolver thread: it cannot be interrupted, so it may outlive the call that began it.
struct Lookup {
  explicit Lookup(const asio::any_io_executor& loop) : resolver(loop), done(loop) {}

  tcp::resolver resolver;
  Event done;
  std::vector<IpAddress> found;
};

asio::awaitable<void> look_up(std::shared_ptr<Lookup> lookup, std::string host) {
  const auto [failed, results] = co_await lookup->resolver.async_resolve(host, "", kTuple);
  if (!failed) {
    for (const auto& entry : results) {
      const auto address = from_asio(entry.endpoint().address());
      if (std::ranges::find(lookup->found, address) == lookup->found.end()) lookup->found.push_back(address);
    }
  }
  lookup->done.set();
}

}  // namespace

std::unique_ptr<BytePipe> make_tcp_pipe(tcp::socket socket) { return std::make_unique<TcpPipe>(std::move(socket)); }

asio::awaitable<Result<std::unique_ptr<BytePipe>, IoError>> connect(Endpoint to, Duration timeout) {
  const auto loop = co_await asio::this_coro::executor;
  tcp::socket socket(loop);
  co_return co_await connect_with(std::move(socket), to, timeout);
}

asio::awaitable<Result<std::unique_ptr<BytePipe>, IoError>> connect_from(std::uint16_t port, Endpoint to,
                                                                         Duration timeout) {
  const auto loop = co_await asio::this_coro::executor;
  const bool is_v4 = to.address.family == IpAddress::Family::kV4;
  const tcp::endpoint here(is_v4 ? tcp::v4() : tcp::v6(), port);
  tcp::socket from_port(loop);
  if (!bind_shared(from_port, here, true)) {
    keep_queue_short(from_port);
    auto connected = co_await connect_with(std::move(from_port), to, timeout);
    // The same two ends may be joined already, by a connection of theirs or by one that lingers: then from elsewhere.
    const bool is_taken = !connected && connected.error() == IoError::kUnreachable;
    if (!is_taken) co_return std::move(connected);
  }
  tcp::socket from_any(loop);
  error_code failed;
  from_any.open(here.protocol(), failed);
  if (failed) co_return fail(io_error_of(failed.value()));
  keep_queue_short(from_any);
  co_return co_await connect_with(std::move(from_any), to, timeout);
}

asio::awaitable<Result<std::vector<IpAddress>, IoError>> resolve(std::string host, Duration timeout) {
  const auto loop = co_await asio::this_coro::executor;
  const auto literal = IpAddress::parse(host);
  if (literal) co_return std::vector<IpAddress>{*literal};
  const auto lookup = std::make_shared<Lookup>(loop);
  Deadline deadline(loop, [lookup] { lookup->done.set(); });
  deadline.arm(timeout);
  asio::co_spawn(loop, look_up(lookup, std::move(host)), asio::detached);
  co_await lookup->done.wait();
  if (deadline.expired()) co_return fail(IoError::kTimeout);
  if (lookup->found.empty()) co_return fail(IoError::kUnreachable);
  co_return std::move(lookup->found);
}

asio::awaitable<Result<std::unique_ptr<BytePipe>, IoError>> connect_host(std::string host, std::uint16_t port,
                                                                         Duration timeout) {
  const auto loop = co_await asio::this_coro::executor;
  const auto started = now();
  const auto addresses = co_await resolve(std::move(host), timeout);
  if (!addresses) co_return fail(addresses.error());

  const auto race = std::make_shared<Race>(loop);
  Deadline deadline(loop, [race] {
    race->is_over = true;
    race->changed.set();
  });
  deadline.arm(timeout - (now() - started));
  std::size_t next = 0;
  while (!race->winner && !race->is_over) {
    if (next == addresses->size() && race->running == 0) break;
    std::unique_ptr<Deadline> next_attempt;
    if (next < addresses->size()) {
      const auto socket = std::make_shared<tcp::socket>(loop);
      race->sockets.push_back(socket);
      ++race->running;
      asio::co_spawn(loop, attempt(race, socket, {(*addresses)[next], port}), asio::detached);
      if (++next < addresses->size()) {
        next_attempt = std::make_unique<Deadline>(loop, [race] { race->changed.set(); });
        next_attempt->arm(kAttemptDelay);
      }
    }
    co_await race->changed.wait();
    race->changed.reset();
  }
  race->is_over = true;
  race->close_all();
  if (race->winner) co_return std::move(race->winner);
  co_return fail(deadline.expired() ? IoError::kTimeout : race->last);
}

Result<std::unique_ptr<TcpListener>, IoError> TcpListener::open(asio::any_io_executor loop, Endpoint at) {
  tcp::acceptor acceptor(loop);
  error_code failed;
  const auto where = to_asio_tcp(at);
  acceptor.open(where.protocol(), failed);
  if (failed) return fail(io_error_of(failed.value()));
  acceptor.set_option(tcp::acceptor::reuse_address(true), failed);
  if (at.address.family == IpAddress::Family::kV6) acceptor.set_option(asio::ip::v6_only(false), failed);
  acceptor.bind(where, failed);
  if (!failed) acceptor.listen(tcp::acceptor::max_listen_connections, failed);
  if (failed) return fail(failed.value() == EADDRINUSE ? IoError::kRefused : io_error_of(failed.value()));
  return std::unique_ptr<TcpListener>(new TcpListener(std::move(acceptor), false));
}

Result<std::unique_ptr<TcpListener>, IoError> TcpListener::open_shared(asio::any_io_executor loop, Endpoint at) {
  const auto where = to_asio_tcp(at);
  if (at.port != 0) {  // sharing a port with another program would not be noticed: first try to have it alone
    tcp::acceptor alone(loop);
    const error_code taken = bind_shared(alone, where, false);
    if (taken) return fail(taken.value() == EADDRINUSE ? IoError::kRefused : io_error_of(taken.value()));
  }
  tcp::acceptor acceptor(loop);
  error_code failed = bind_shared(acceptor, where, true);
  if (!failed) acceptor.listen(tcp::acceptor::max_listen_connections, failed);
  if (failed) return fail(failed.value() == EADDRINUSE ? IoError::kRefused : io_error_of(failed.value()));
  return std::unique_ptr<TcpListener>(new TcpListener(std::move(acceptor), true));
}

Endpoint TcpListener::local() const {
  error_code ignored;
  return from_asio(acceptor_.local_endpoint(ignored));
}

asio::awaitable<Result<std::unique_ptr<BytePipe>, IoError>> TcpListener::accept() {
  const auto loop = co_await asio::this_coro::executor;
  while (acceptor_.is_open()) {
    tcp::socket socket(loop);
    const auto [failed] = co_await acceptor_.async_accept(socket, kTuple);
    if (!failed && is_shared_) keep_queue_short(socket);
    if (!failed) co_return make_tcp_pipe(std::move(socket));
    if (failed == asio::error::operation_aborted) break;
    // Connections that were gone before we took them, or no file descriptor left: neither is for ever.
    if (failed != asio::error::connection_aborted) co_await pause(std::chrono::milliseconds(100));
  }
  co_return fail(IoError::kClosed);
}

void TcpListener::close() {
  error_code ignored;
  acceptor_.close(ignored);
}

}  // namespace turnpike::io
