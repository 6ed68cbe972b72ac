// The UDP sockets of port mapping: one towards the router, one for what routers announce to everybody.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/udp.hpp>
#include <functional>
#include <memory>

#include "base/bytes.h"
#include "base/endpoint.h"

namespace turnpike::io {

namespace asio = boost::asio;

/// Beyond the largest message of either protocol (RFC 6887 §7) there is nothing to read.
constexpr std::size_t kMaxRouterDatagram = 1104;

class RouterSocket {
 public:
  using OnDatagram = std::function<void(const Endpoint& from, ByteView datagram)>;

  /// Bound to `own` and a port of the kernel's choice. Null when that address is not ours any more.
  [[nodiscard]] static std::shared_ptr<RouterSocket> open(const asio::any_io_executor& loop, const IpAddress& own,
                                                          std::uint32_t scope, OnDatagram on_datagram);
  /// Bound to `port`, shared with whoever else listens there, and in the group 224.0.0.1 or ff02::1 of the interface
  /// that has `own` (IPv4) or the index `scope` (IPv6).
  [[nodiscard]] static std::shared_ptr<RouterSocket> open_announcements(const asio::any_io_executor& loop,
                                                                        const IpAddress& own, std::uint32_t scope,
                                                                        std::uint16_t port, OnDatagram on_datagram);

  void send(const Endpoint& to, ByteView datagram);
  /// `on_datagram` is not called any more.
  void close();

 private:
  RouterSocket(const asio::any_io_executor& loop, std::uint32_t scope, OnDatagram on_datagram)
      : socket_(loop), scope_(scope), on_datagram_(std::move(on_datagram)) {}
  static asio::awaitable<void> read(std::shared_ptr<RouterSocket> self);

  asio::ip::udp::socket socket_;
  std::uint32_t scope_;
  OnDatagram on_datagram_;
  bool is_closed_ = false;
};

}  // namespace turnpike::io
