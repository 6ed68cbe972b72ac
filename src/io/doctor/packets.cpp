#include "io/doctor/packets.h"

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstring>

#include "core/stun/message.h"
#include "crypto/random.h"
#include "io/loop/convert.h"
#include "io/loop/deadline.h"

namespace turnpike::io {
namespace {

using asio::ip::udp;
using boost::system::error_code;

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kHeaders = 28;  // IPv4 and UDP
constexpr std::size_t kLarge = 1500 - kHeaders;
constexpr std::size_t kMiddle = 1280 - kHeaders;
constexpr auto kPad = static_cast<stun::AttributeType>(0xC001);  // comprehension-optional, and nobody's

void set(udp::socket& socket, int option, int value) {
  (void)::setsockopt(socket.native_handle(), IPPROTO_IP, option, &value, sizeof value);
}

/// Who told that a datagram of this socket did not live long enough.
std::optional<IpAddress> read_offender(udp::socket& socket) {
  alignas(cmsghdr) std::array<char, 512> control{};
  std::array<char, 256> data{};
  iovec part{data.data(), data.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  if (::recvmsg(socket.native_handle(), &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return std::nullopt;
  for (cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr; each = CMSG_NXTHDR(&message, each)) {
    if (each->cmsg_level != IPPROTO_IP || each->cmsg_type != IP_RECVERR) continue;
    struct {
      sock_extended_err error;
      sockaddr_in from;
    } told{};
    std::memcpy(&told, CMSG_DATA(each), sizeof told);
    constexpr std::uint8_t kTimeExceeded = 11;  // RFC 792
    if (told.error.ee_origin != SO_EE_ORIGIN_ICMP || told.error.ee_type != kTimeExceeded) continue;
    if (told.from.sin_family != AF_INET) continue;
    IpAddress out;
    std::memcpy(out.octets.data(), &told.from.sin_addr, sizeof told.from.sin_addr);
    return out;
  }
  return std::nullopt;
}

Bytes padded_request(std::size_t size) {
  crypto::SecureRandom random;
  stun::MessageWriter out(stun::Class::kRequest, stun::Method::kBinding, random.array<12>());
  const Bytes pad(size - stun::kHeaderSize - 4);
  out.add(kPad, pad);
  return std::move(out).take();
}

/// Three tries within kMtuTime. Any answer will do: even a refusal has come from the far end.
asio::awaitable<bool> is_answered(udp::socket& socket, std::size_t size) {
  constexpr int kTries = 3;
  const auto loop = socket.get_executor();
  const Bytes request = padded_request(size);
  Bytes buffer(2048);
  for (int tried = 0; tried < kTries; ++tried) {
    error_code failed;
    socket.send(asio::buffer(request), 0, failed);  // EMSGSIZE: the kernel has learnt that it is too large
    Deadline patience(loop, [&socket] {
      error_code ignored;
      socket.cancel(ignored);
    });
    patience.arm(kMtuTime / kTries);
    const auto [broken, got] = co_await socket.async_receive(asio::buffer(buffer), kTuple);
    if (!broken && got >= stun::kHeaderSize) co_return true;
    if (patience.expired()) continue;
    co_await pause(kMtuTime / kTries);  // an ICMP error ended the wait at once; the next try may know better
  }
  co_return false;
}

}  // namespace

asio::awaitable<std::vector<std::optional<IpAddress>>> find_hops(Endpoint server) {
  std::vector<std::optional<IpAddress>> hops;
  const auto loop = co_await asio::this_coro::executor;
  std::vector<udp::socket> sockets;
  const Bytes request = padded_request(64);
  for (std::size_t ttl = 1; ttl <= kMaxHops; ++ttl) {
    error_code failed;
    udp::socket& socket = sockets.emplace_back(loop);
    socket.open(udp::v4(), failed);
    if (failed) co_return hops;
    set(socket, IP_RECVERR, 1);
    set(socket, IP_TTL, static_cast<int>(ttl));
    socket.send_to(asio::buffer(request), to_asio(server), 0, failed);
  }
  co_await pause(kHopTime);
  for (udp::socket& socket : sockets) hops.push_back(read_offender(socket));
  while (!hops.empty() && !hops.back()) hops.pop_back();
  co_return hops;
}

asio::awaitable<doctor::MtuFacts> measure_mtu(Endpoint server) {
  doctor::MtuFacts facts;
  const auto loop = co_await asio::this_coro::executor;
  error_code failed;
  udp::socket socket(loop);
  socket.open(udp::v4(), failed);
  if (failed) co_return facts;
  set(socket, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
  socket.connect(to_asio(server), failed);
  if (failed) co_return facts;
  facts.measured = true;
  const bool large = co_await is_answered(socket, kLarge);
  facts.large_answered = large;
  int path = 0;
  socklen_t size = sizeof path;
  if (::getsockopt(socket.native_handle(), IPPROTO_IP, IP_MTU, &path, &size) == 0 && path > 0) {
    facts.path = static_cast<unsigned>(path);
  }
  if (large) {
    facts.middle_answered = true;
    co_return facts;
  }
  const bool middle = co_await is_answered(socket, kMiddle);
  facts.middle_answered = middle;
  co_return facts;
}

}  // namespace turnpike::io
