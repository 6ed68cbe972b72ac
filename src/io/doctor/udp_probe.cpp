#include "io/doctor/udp_probe.h"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "crypto/random.h"
#include "io/loop/convert.h"
#include "io/loop/deadline.h"

namespace turnpike::io {
namespace {

using asio::ip::udp;
using boost::system::error_code;
using Mapped = stun::BindingClient::Mapped;

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr Duration kHairpinTime = std::chrono::milliseconds(600);
// Three requests: at 0, 300 and 900 ms.
constexpr stun::RetransmissionPolicy kHurried{
    .initial_rto = std::chrono::milliseconds(300), .max_requests = 3, .last_wait = std::chrono::milliseconds(500)};

std::optional<udp::socket> open_socket(const asio::any_io_executor& loop) {
  error_code failed;
  udp::socket socket(loop);
  socket.open(udp::v4(), failed);
  if (!failed) socket.bind({udp::v4(), 0}, failed);
  if (failed) return std::nullopt;
  return socket;
}

/// Waits for a datagram until `deadline`; empty when none came.
struct Datagram {
  Endpoint from;
  Bytes bytes;
};
asio::awaitable<std::optional<Datagram>> receive(udp::socket& socket, Instant deadline) {
  std::optional<Datagram> out;
  const auto loop = socket.get_executor();
  Deadline patience(loop, [&socket] {
    error_code ignored;
    socket.cancel(ignored);
  });
  patience.arm(std::max<Duration>(deadline - now(), Duration(1)));
  Bytes buffer(2048);
  udp::endpoint from;
  const auto [failed, size] = co_await socket.async_receive_from(asio::buffer(buffer), from, kTuple);
  if (failed) co_return out;
  buffer.resize(size);
  out = Datagram{from_asio(from), std::move(buffer)};
  co_return out;
}

/// One Binding transaction over the socket.
asio::awaitable<std::optional<Mapped>> ask(udp::socket& socket, Endpoint server,
                                           std::optional<stun::ChangeRequest> change = std::nullopt) {
  std::optional<Mapped> out;
  crypto::SecureRandom random;
  stun::BindingClient client(now(), server, random.array<12>(), {.retransmission = kHurried, .change = change});
  for (;;) {
    while (const auto transmit = client.poll_transmit()) {
      error_code failed;
      socket.send_to(asio::buffer(transmit->payload), to_asio(transmit->to), 0, failed);
      if (failed) co_return out;  // no route
    }
    const auto event = client.poll_event();
    if (event) {
      if (const auto* mapped = std::get_if<Mapped>(&*event)) out = *mapped;
      co_return out;
    }
    const auto datagram = co_await receive(socket, *client.poll_timeout());
    if (datagram) {
      client.handle_datagram(now(), datagram->from, datagram->bytes);
    } else {
      client.handle_timeout(std::max(now(), *client.poll_timeout()));
    }
  }
}

/// The address by which this machine goes to `server`.
Endpoint local_towards(const asio::any_io_executor& loop, const Endpoint& server, std::uint16_t port) {
  error_code failed;
  udp::socket socket(loop);
  socket.open(udp::v4(), failed);
  if (!failed) socket.connect(to_asio(server), failed);
  Endpoint out = failed ? Endpoint{} : from_asio(socket.local_endpoint(failed));
  out.port = port;
  return out;
}

asio::awaitable<void> measure_filter(Endpoint server, doctor::UdpFacts& facts) {
  const auto loop = co_await asio::this_coro::executor;
  auto socket = open_socket(loop);  // a fresh one: it has sent to nobody else
  if (!socket) co_return;
  const auto first = co_await ask(*socket, server);
  if (!first) co_return;
  const stun::ChangeRequest both{.address = true, .port = true};
  const auto elsewhere = co_await ask(*socket, server, both);
  facts.heard_from_elsewhere = elsewhere.has_value();
  if (elsewhere) co_return;
  const stun::ChangeRequest port_only{.address = false, .port = true};
  const auto other_port = co_await ask(*socket, server, port_only);
  facts.heard_from_other_port = other_port.has_value();
}

asio::awaitable<void> measure_hairpin(Endpoint server, doctor::UdpFacts& facts) {
  const auto loop = co_await asio::this_coro::executor;
  auto one = open_socket(loop);
  auto other = open_socket(loop);
  if (!one || !other) co_return;
  const auto outside = co_await ask(*one, server);
  const auto opened = co_await ask(*other, server);  // so that a filter lets its address in, where it can
  if (!outside || !opened) co_return;
  crypto::SecureRandom random;
  const auto token = random.array<16>();
  error_code failed;
  other->send_to(asio::buffer(token), to_asio(outside->address), 0, failed);
  const auto came = co_await receive(*one, now() + kHairpinTime);
  facts.hairpin = came && std::ranges::equal(came->bytes, token);
}

}  // namespace

asio::awaitable<doctor::UdpFacts> measure_udp(std::vector<Endpoint> servers) {
  doctor::UdpFacts facts;
  const auto loop = co_await asio::this_coro::executor;
  const Instant deadline = now() + kUdpTime;
  auto socket = open_socket(loop);
  if (!socket || servers.empty()) co_return facts;
  facts.asked = true;
  error_code ignored;
  const std::uint16_t port = socket->local_endpoint(ignored).port();
  std::optional<Mapped> first;
  Endpoint asked;
  for (const Endpoint& server : servers) {
    if (first || now() + kStunTime > deadline) break;
    asked = server;
    first = co_await ask(*socket, server);
  }
  if (!first) co_return facts;
  facts.answered = true;
  facts.first = first->address;
  facts.local = local_towards(loop, asked, port);
  if (first->other && first->other->address.family == asked.address.family) {
    facts.has_second_address = true;
    const Endpoint by_address{first->other->address, asked.port};
    const auto second = co_await ask(*socket, by_address);
    if (second) facts.other_address = second->address;
    const auto third = co_await ask(*socket, *first->other);
    if (third) facts.other_both = third->address;
    co_await measure_filter(asked, facts);
  } else {
    for (const Endpoint& server : servers) {
      if (server.address == asked.address || facts.other_address || now() + kStunTime > deadline) continue;
      facts.has_second_address = true;
      const auto second = co_await ask(*socket, server);
      if (second) facts.other_address = second->address;
    }
  }
  if (now() + kStunTime < deadline) co_await measure_hairpin(asked, facts);
  co_return facts;
}

}  // namespace turnpike::io
