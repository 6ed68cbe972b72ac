#include "io/udp/udp_socket.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <boost/asio/ip/udp.hpp>
#include <cerrno>
#include <set>
#include <utility>

#include "io/loop/convert.h"
#include "io/udp/wire_message.h"

namespace turnpike::io {

namespace {

constexpr std::size_t kMessageSize = 64U << 10U;  // the largest datagram, and the largest train UDP_GRO makes

#ifdef UDP_GRO
constexpr int kUdpGro = UDP_GRO;
#else
constexpr int kUdpGro = 104;
#endif

/// What recvmmsg writes into; one for each thread that ever received, however many sockets it has. Left uninitialised:
/// memory that no datagram ever reached is never resident.
struct ReceiveArena {
  std::unique_ptr<std::uint8_t[]> bytes{new std::uint8_t[kReceiveMessages * kMessageSize]};
  std::array<mmsghdr, kReceiveMessages> messages{};
  std::array<iovec, kReceiveMessages> vectors{};
  std::array<sockaddr_storage, kReceiveMessages> addresses{};
  std::array<Control, kReceiveMessages> controls{};

  void reset() {
    for (std::size_t i = 0; i < kReceiveMessages; ++i) {
      vectors[i] = {bytes.get() + i * kMessageSize, kMessageSize};
      messages[i] = {};
      msghdr& header = messages[i].msg_hdr;
      header.msg_name = &addresses[i];
      header.msg_namelen = sizeof addresses[i];
      header.msg_iov = &vectors[i];
      header.msg_iovlen = 1;
      header.msg_control = controls[i].bytes.data();
      header.msg_controllen = kControlSize;
    }
  }
};

/// Borrowed for one round; a receiver that runs a loop within its callback gets another one.
std::unique_ptr<ReceiveArena>& spare_arena() {
  thread_local std::unique_ptr<ReceiveArena> spare;
  return spare;
}

class BorrowedArena {
 public:
  BorrowedArena() : arena_(std::move(spare_arena())) {
    if (!arena_) arena_ = std::make_unique<ReceiveArena>();
  }
  ~BorrowedArena() { spare_arena() = std::move(arena_); }
  BorrowedArena(const BorrowedArena&) = delete;
  BorrowedArena& operator=(const BorrowedArena&) = delete;

  ReceiveArena* operator->() { return arena_.get(); }

 private:
  std::unique_ptr<ReceiveArena> arena_;
};

bool set_int(int fd, int level, int option, int value) {
  return ::setsockopt(fd, level, option, &value, sizeof value) == 0;
}

void set_buffer(int fd, int force, int plain, int size) {
  if (!set_int(fd, SOL_SOCKET, force, size)) set_int(fd, SOL_SOCKET, plain, size);
}

SendStatus status_of(int error) {
  switch (error) {
    case EAGAIN:
#if EAGAIN != EWOULDBLOCK
    case EWOULDBLOCK:
#endif
      return SendStatus::kBlocked;
    case EMSGSIZE:
      return SendStatus::kTooBig;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
    case EADDRNOTAVAIL:
    case EACCES:
    case EPERM:
      return SendStatus::kUnreachable;
    default:
      return SendStatus::kFailed;
  }
}

/// A device without checksum offload says EIO, a segment above its MTU EINVAL or EMSGSIZE, an old kernel any of these.
bool may_pass_one_by_one(int error) {
  return error == EIO || error == EINVAL || error == EMSGSIZE || error == ENOPROTOOPT || error == EOPNOTSUPP;
}

template <class Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

}  // namespace

struct UdpSocket::State : std::enable_shared_from_this<State> {
  State(const asio::any_io_executor& loop, UdpOptions options_) : socket(loop), options(options_) {}

  void wait_for_datagrams();
  void receive();
  [[nodiscard]] bool receive_once(ReceiveArena& arena);
  void deliver(ReceiveArena& arena, std::size_t index);
  void wait_until_writable();
  [[nodiscard]] SendOutcome send(const GatheredBatch& batch);
  [[nodiscard]] int send_train(const GatheredBatch& batch, PartCutter cut, std::size_t size);
  [[nodiscard]] SendOutcome send_plain(const GatheredBatch& batch, PartCutter cut, std::size_t size);

  asio::ip::udp::socket socket;
  UdpOptions options;
  UdpReceiver* receiver = nullptr;
  int family = AF_INET6;
  bool waits_to_write = false;
  std::set<IpAddress> plain_paths;  // those that refused UDP_SEGMENT
  Counters counters;
};

void UdpSocket::State::wait_for_datagrams() {
  socket.async_wait(asio::ip::udp::socket::wait_read,
                    [self = shared_from_this()](const boost::system::error_code& error) {
                      if (!error && self->receiver != nullptr) self->receive();
                    });
}

void UdpSocket::State::receive() {
  {
    BorrowedArena arena;
    for (std::size_t round = 0; round < kReceivesPerWake && receiver != nullptr; ++round) {
      if (!receive_once(*arena.operator->())) break;
    }
  }
  if (receiver != nullptr) receiver->on_drained();
  if (receiver != nullptr) wait_for_datagrams();
}

/// True when there may be more.
bool UdpSocket::State::receive_once(ReceiveArena& arena) {
  arena.reset();
  const int got = uninterrupted([&] {
    return ::recvmmsg(socket.native_handle(), arena.messages.data(), kReceiveMessages, MSG_DONTWAIT, nullptr);
  });
  if (got < 0) return errno != EAGAIN && errno != EWOULDBLOCK && errno != EBADF;  // a pending error is taken by reading
  for (int i = 0; i < got && receiver != nullptr; ++i) deliver(arena, static_cast<std::size_t>(i));
  return static_cast<std::size_t>(got) == kReceiveMessages;
}

void UdpSocket::State::deliver(ReceiveArena& arena, std::size_t index) {
  const mmsghdr& message = arena.messages[index];
  if ((message.msg_hdr.msg_flags & MSG_TRUNC) != 0) {
    ++counters.truncated;
    return;
  }
  if (message.msg_len == 0) return;
  const Received control = read_control(message.msg_hdr);
  DatagramBatch batch;
  batch.remote = read_address(arena.addresses[index]);
  batch.local = control.local;
  batch.bytes = {arena.bytes.get() + index * kMessageSize, message.msg_len};
  batch.segment_size = control.segment_size != 0 ? control.segment_size : message.msg_len;
  batch.ecn = control.ecn;
  ++counters.received_batches;
  counters.received += batch.count();
  receiver->on_datagrams(batch);
}

void UdpSocket::State::wait_until_writable() {
  if (std::exchange(waits_to_write, true)) return;
  socket.async_wait(asio::ip::udp::socket::wait_write,
                    [self = shared_from_this()](const boost::system::error_code& error) {
                      self->waits_to_write = false;
                      if (!error && self->receiver != nullptr) self->receiver->on_writable();
                    });
}

SendOutcome UdpSocket::State::send(const GatheredBatch& batch) {
  const std::size_t segment = batch.segment_size;
  if (segment == 0 || !socket.is_open()) return {SendStatus::kFailed, 0};
  if (segment > kMaxSendSize) return {SendStatus::kTooBig, 0};
  const std::size_t train = std::min(kMaxSegments, kMaxSendSize / segment) * segment;
  PartCutter cut(batch.parts);
  std::size_t rest = cut.remaining();
  bool as_train = options.use_segmentation && !plain_paths.contains(batch.remote.address);
  SendOutcome out;
  while (rest > 0) {
    const std::size_t size = std::min(rest, train);
    int refused = 0;
    if (as_train && size > segment) {
      refused = send_train(batch, cut, size);
      if (refused != 0 && !may_pass_one_by_one(refused)) out.status = status_of(refused);
      if (refused == 0) out.sent += size;
      as_train = refused == 0;
    }
    if (out.status == SendStatus::kSent && !(as_train && size > segment)) {
      const SendOutcome plain = send_plain(batch, cut, size);
      out = {plain.status, out.sent + plain.sent};
      if (refused != 0 && plain.status == SendStatus::kSent) {  // it was the train that was refused, not the datagrams
        if (plain_paths.size() >= kMaxPlainPaths) plain_paths.clear();
        plain_paths.insert(batch.remote.address);
        ++counters.plain_fallbacks;
      }
    }
    if (out.status != SendStatus::kSent) break;
    std::array<iovec, kMaxSendParts> skipped;
    if (!cut.take(size, skipped)) return {SendStatus::kFailed, out.sent};
    rest -= size;
  }
  if (out.status == SendStatus::kBlocked) wait_until_writable();
  return out;
}

/// 0, or what the kernel said.
int UdpSocket::State::send_train(const GatheredBatch& batch, PartCutter cut, std::size_t size) {
  std::array<iovec, kMaxSendParts> vectors;
  const auto used = cut.take(size, vectors);
  if (!used) return EINVAL;
  sockaddr_storage to;
  Control control;
  msghdr message{};
  message.msg_name = &to;
  message.msg_namelen = write_address(batch.remote, family, to);
  message.msg_iov = vectors.data();
  message.msg_iovlen = *used;
  write_control(message, control, batch.remote, family, batch.local, batch.ecn, batch.segment_size);
  const auto sent = uninterrupted([&] { return ::sendmsg(socket.native_handle(), &message, MSG_DONTWAIT); });
  if (sent < 0) return errno;
  ++counters.sent_batches;
  counters.sent += (size + batch.segment_size - 1) / batch.segment_size;
  return 0;
}

/// At most kMaxSegments datagrams.
SendOutcome UdpSocket::State::send_plain(const GatheredBatch& batch, PartCutter cut, std::size_t size) {
  std::array<iovec, kMaxSendParts> vectors;
  std::array<mmsghdr, kMaxSegments> messages;
  sockaddr_storage to;
  Control control;
  msghdr common{};
  common.msg_name = &to;
  common.msg_namelen = write_address(batch.remote, family, to);
  write_control(common, control, batch.remote, family, batch.local, batch.ecn, 0);
  std::size_t count = 0;
  std::size_t used = 0;
  for (std::size_t left = size; left > 0; ++count) {
    const std::size_t part = std::min(left, batch.segment_size);
    const auto parts = cut.take(part, std::span(vectors).subspan(used));
    if (!parts) return {SendStatus::kFailed, 0};
    messages[count] = {common, 0};
    messages[count].msg_hdr.msg_iov = vectors.data() + used;
    messages[count].msg_hdr.msg_iovlen = *parts;
    used += *parts;
    left -= part;
  }

  const int fd = socket.native_handle();
  std::size_t done = 0;
  bool has_sendmmsg = true;
  int error = 0;
  while (done < count && error == 0) {
    int sent = -1;
    if (has_sendmmsg && count - done > 1) {
      sent = uninterrupted(
          [&] { return ::sendmmsg(fd, &messages[done], static_cast<unsigned>(count - done), MSG_DONTWAIT); });
      if (sent < 0 && errno == ENOSYS) {
        has_sendmmsg = false;
        continue;
      }
    } else {
      const auto bytes = uninterrupted([&] { return ::sendmsg(fd, &messages[done].msg_hdr, MSG_DONTWAIT); });
      sent = bytes < 0 ? -1 : 1;
    }
    if (sent < 0) {
      error = errno;
    } else {
      ++counters.sent_batches;
      done += static_cast<std::size_t>(sent);
    }
  }
  counters.sent += done;
  return {error == 0 ? SendStatus::kSent : status_of(error), std::min(size, done * batch.segment_size)};
}

Result<std::unique_ptr<UdpSocket>, IoError> UdpSocket::open(const asio::any_io_executor& loop, Endpoint at,
                                                            UdpOptions options) {
  auto state = std::make_shared<State>(loop, options);
  const asio::ip::udp::endpoint local = to_asio(at);
  boost::system::error_code error;
  state->socket.open(local.protocol(), error);
  if (error) return fail(IoError::kOther);
  state->family = local.protocol().family();
  const int fd = state->socket.native_handle();
  const bool v6 = state->family == AF_INET6;
  if (v6) set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, at.address.is_unspecified() ? 0 : 1);
  if (options.reuse_port && !set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1)) return fail(IoError::kOther);

  // Each family has its own; on a dual-stack socket the IPv4 ones are for the IPv4 peers.
  set_int(fd, IPPROTO_IP, IP_RECVTOS, 1);
  if (!v6) set_int(fd, IPPROTO_IP, IP_PKTINFO, 1);
  const int discover = options.dont_fragment ? IP_PMTUDISC_PROBE : IP_PMTUDISC_DONT;
  set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, discover);
  if (v6) {
    set_int(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
    set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, discover);
  }
  set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, options.buffer_size);
  set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, options.buffer_size);
  if (options.use_segmentation) set_int(fd, IPPROTO_UDP, kUdpGro, 1);

  state->socket.bind(local, error);
  if (error == asio::error::address_in_use) return fail(IoError::kRefused);
  if (error) return fail(IoError::kOther);
  state->socket.non_blocking(true, error);
  if (error) return fail(IoError::kOther);
  return std::unique_ptr<UdpSocket>(new UdpSocket(std::move(state)));
}

UdpSocket::UdpSocket(std::shared_ptr<State> state) : state_(std::move(state)) {}

UdpSocket::~UdpSocket() { close(); }

Endpoint UdpSocket::local() const {
  boost::system::error_code error;
  Endpoint out = from_asio(state_->socket.local_endpoint(error));
  return out;
}

void UdpSocket::start(UdpReceiver& receiver) {
  const bool waits = state_->receiver != nullptr;
  state_->receiver = &receiver;
  if (!waits) state_->wait_for_datagrams();
}

void UdpSocket::close() {
  state_->receiver = nullptr;
  boost::system::error_code ignored;
  state_->socket.close(ignored);
}

SendOutcome UdpSocket::send(const DatagramBatch& batch) {
  const std::array<ByteView, 1> whole{batch.bytes};
  return state_->send(GatheredBatch{batch.remote, batch.local, whole, batch.segment_size, batch.ecn});
}

SendOutcome UdpSocket::send(const GatheredBatch& batch) { return state_->send(batch); }

const UdpSocket::Counters& UdpSocket::counters() const { return state_->counters; }
int UdpSocket::native_handle() const { return state_->socket.native_handle(); }

}  // namespace turnpike::io
