#include "io/portmap/router_socket.h"

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/multicast.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "io/loop/convert.h"
#include "io/loop/deadline.h"

namespace turnpike::io {
namespace {

using asio::ip::udp;

udp protocol_of(const IpAddress& address) { return address.family == IpAddress::Family::kV4 ? udp::v4() : udp::v6(); }

bool join(udp::socket& socket, const IpAddress& own, std::uint32_t scope) {
  boost::system::error_code error;
  if (own.family == IpAddress::Family::kV4) {
    const auto group = asio::ip::make_address_v4("224.0.0.1");
    socket.set_option(asio::ip::multicast::join_group(group, to_asio(own).to_v4()), error);
  } else {
    const auto group = asio::ip::make_address_v6("ff02::1");
    socket.set_option(asio::ip::multicast::join_group(group, scope), error);
  }
  return !error;
}

bool is_link_local(const IpAddress& address) {
  return address.family == IpAddress::Family::kV6 && address.octets[0] == 0xfe && (address.octets[1] & 0xc0U) == 0x80;
}

}  // namespace

std::shared_ptr<RouterSocket> RouterSocket::open(const asio::any_io_executor& loop, const IpAddress& own,
                                                 std::uint32_t scope, OnDatagram on_datagram) {
  std::shared_ptr<RouterSocket> out(new RouterSocket(loop, scope, std::move(on_datagram)));
  boost::system::error_code error;
  out->socket_.open(protocol_of(own), error);
  if (!error) out->socket_.bind(to_asio(Endpoint{own, 0}), error);
  if (!error) out->socket_.non_blocking(true, error);
  if (error) return nullptr;
  asio::co_spawn(loop, read(out), asio::detached);
  return out;
}

std::shared_ptr<RouterSocket> RouterSocket::open_announcements(const asio::any_io_executor& loop, const IpAddress& own,
                                                               std::uint32_t scope, std::uint16_t port,
                                                               OnDatagram on_datagram) {
  std::shared_ptr<RouterSocket> out(new RouterSocket(loop, scope, std::move(on_datagram)));
  boost::system::error_code error;
  out->socket_.open(protocol_of(own), error);
  if (!error) out->socket_.set_option(udp::socket::reuse_address(true), error);
  if (!error && own.family == IpAddress::Family::kV6) out->socket_.set_option(asio::ip::v6_only(true), error);
  IpAddress any;
  any.family = own.family;
  if (!error) out->socket_.bind(to_asio(Endpoint{any, port}), error);
  if (!error) out->socket_.non_blocking(true, error);
  if (error || !join(out->socket_, own, scope)) return nullptr;
  asio::co_spawn(loop, read(out), asio::detached);
  return out;
}

void RouterSocket::send(const Endpoint& to, ByteView datagram) {
  udp::endpoint target = to_asio(to);
  if (is_link_local(to.address)) {
    auto address = target.address().to_v6();
    address.scope_id(scope_);
    target.address(address);
  }
  boost::system::error_code lost;  // as any datagram may be: the machine sends it again
  socket_.send_to(asio::buffer(datagram.data(), datagram.size()), target, 0, lost);
}

void RouterSocket::close() {
  is_closed_ = true;  // perhaps in the middle of on_datagram_, which is therefore left alone
  boost::system::error_code ignored;
  socket_.close(ignored);
}

asio::awaitable<void> RouterSocket::read(std::shared_ptr<RouterSocket> self) {
  std::array<std::uint8_t, kMaxRouterDatagram> buffer{};
  while (!self->is_closed_) {
    udp::endpoint from;
    boost::system::error_code error;
    const auto space = asio::buffer(buffer);
    const std::size_t size =
        co_await self->socket_.async_receive_from(space, from, asio::redirect_error(asio::use_awaitable, error));
    if (self->is_closed_) co_return;
    if (error) {
      co_await pause(std::chrono::milliseconds(100));  // the network went away under it; never a loop without a rest
      continue;
    }
    const Endpoint sender = from_asio(from);
    self->on_datagram_(sender, ByteView(buffer).first(size));
  }
}

}  // namespace turnpike::io
