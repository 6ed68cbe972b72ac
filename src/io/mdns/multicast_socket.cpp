#include "io/mdns/multicast_socket.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>

#include "io/loop/convert.h"

namespace turnpike::io {
namespace {

constexpr int kHops = 255;
#ifdef IPV6_MULTICAST_ALL
constexpr int kOnlyJoined6 = IPV6_MULTICAST_ALL;
#else
constexpr int kOnlyJoined6 = 29;  // linux/in6.h
#endif

template <class Value>
bool set(int fd, int level, int name, const Value& value) {
  return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

bool join4(int fd, unsigned interface, const IpAddress& group) {
  ip_mreqn wish{};
  std::memcpy(&wish.imr_multiaddr, group.octets.data(), sizeof wish.imr_multiaddr);
  wish.imr_ifindex = static_cast<int>(interface);
  return set(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0) && set(fd, IPPROTO_IP, IP_MULTICAST_IF, wish) &&
         set(fd, IPPROTO_IP, IP_MULTICAST_TTL, kHops) && set(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 1) &&
         set(fd, IPPROTO_IP, IP_PKTINFO, 1) && set(fd, IPPROTO_IP, IP_RECVTTL, 1) &&
         set(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, wish);
}

bool join6(int fd, unsigned interface, const IpAddress& group) {
  ipv6_mreq wish{};
  std::memcpy(&wish.ipv6mr_multiaddr, group.octets.data(), sizeof wish.ipv6mr_multiaddr);
  wish.ipv6mr_interface = interface;
  const int index = static_cast<int>(interface);
  (void)set(fd, IPPROTO_IPV6, kOnlyJoined6, 0);  // older kernels do not know it; the packet's interface is checked too
  return set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) && set(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, index) &&
         set(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, kHops) && set(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 1) &&
         set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) && set(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1) &&
         set(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, wish);
}

/// How a datagram came here, as far as the kernel told.
struct Arrival {
  unsigned interface = 0;
  int hops = 0;
};

Arrival arrival_of(msghdr& message) {
  Arrival out;
  for (cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr; each = CMSG_NXTHDR(&message, each)) {
    if (each->cmsg_level == IPPROTO_IP && each->cmsg_type == IP_TTL) {
      std::memcpy(&out.hops, CMSG_DATA(each), sizeof out.hops);
    } else if (each->cmsg_level == IPPROTO_IPV6 && each->cmsg_type == IPV6_HOPLIMIT) {
      std::memcpy(&out.hops, CMSG_DATA(each), sizeof out.hops);
    } else if (each->cmsg_level == IPPROTO_IP && each->cmsg_type == IP_PKTINFO) {
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(each), sizeof info);
      out.interface = static_cast<unsigned>(info.ipi_ifindex);
    } else if (each->cmsg_level == IPPROTO_IPV6 && each->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(each), sizeof info);
      out.interface = info.ipi6_ifindex;
    }
  }
  return out;
}

}  // namespace

Result<std::unique_ptr<MulticastSocket>, IoError> MulticastSocket::open(const asio::any_io_executor& loop,
                                                                        unsigned interface, const Endpoint& group) {
  const bool is_v4 = group.address.family == IpAddress::Family::kV4;
  boost::system::error_code failed;
  asio::ip::udp::socket socket(loop);
  socket.open(is_v4 ? asio::ip::udp::v4() : asio::ip::udp::v6(), failed);
  if (failed) return fail(IoError::kOther);
  const int fd = socket.native_handle();
  // Others that listen for the group set the one or the other; only who sets both gets along with all of them.
  const bool is_shared = set(fd, SOL_SOCKET, SO_REUSEADDR, 1) && set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  const bool is_joined = is_v4 ? join4(fd, interface, group.address) : join6(fd, interface, group.address);
  socket.bind({is_v4 ? asio::ip::udp::v4() : asio::ip::udp::v6(), group.port}, failed);
  if (failed || !is_shared || !is_joined) return fail(IoError::kOther);
  socket.non_blocking(true, failed);
  if (failed) return fail(IoError::kOther);
  return std::unique_ptr<MulticastSocket>(new MulticastSocket(std::move(socket), interface, group));
}

std::optional<GroupDatagram> MulticastSocket::take(std::size_t limit) {
  GroupDatagram out{.from = {}, .bytes = Bytes(limit)};
  asio::ip::udp::endpoint from;
  alignas(cmsghdr) std::array<char, 256> control{};
  iovec part{.iov_base = out.bytes.data(), .iov_len = out.bytes.size()};
  msghdr message{};
  message.msg_name = from.data();
  message.msg_namelen = static_cast<socklen_t>(from.capacity());
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t size = ::recvmsg(socket_.native_handle(), &message, 0);
  if (size < 0) return std::nullopt;
  from.resize(message.msg_namelen);
  out.from = from_asio(from);
  const Arrival arrival = arrival_of(message);
  const bool is_ours = arrival.interface == interface_ && arrival.hops == kHops && (message.msg_flags & MSG_TRUNC) == 0;
  out.bytes.resize(is_ours ? static_cast<std::size_t>(size) : 0);
  return out;
}

asio::awaitable<Result<GroupDatagram, IoError>> MulticastSocket::receive(std::size_t limit) {
  boost::system::error_code failed;
  while (socket_.is_open()) {
    auto datagram = take(limit);
    if (datagram && !datagram->bytes.empty()) co_return *std::move(datagram);
    if (datagram) continue;
    if (errno != EAGAIN && errno != EINTR) co_return fail(IoError::kOther);
    co_await socket_.async_wait(asio::ip::udp::socket::wait_read, asio::redirect_error(asio::use_awaitable, failed));
    if (failed) co_return fail(IoError::kClosed);
  }
  co_return fail(IoError::kClosed);
}

bool MulticastSocket::send(ByteView datagram) {
  boost::system::error_code failed;
  socket_.send_to(asio::buffer(datagram.data(), datagram.size()), to_asio(group_), 0, failed);
  return !failed;
}

void MulticastSocket::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

}  // namespace turnpike::io
