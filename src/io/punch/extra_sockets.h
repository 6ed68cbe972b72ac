// The many sockets of one punch whose own NAT gives out ports at random: checks go and come by them, and QUIC by the
// one that gets through.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "core/punch/checklist.h"
#include "io/quic/quic_host.h"
#include "io/udp/udp_socket.h"

namespace turnpike::io {

/// Everything on the loop's one thread.
class ExtraSockets {
 public:
  /// A datagram that has STUN's form. Borrowed.
  using OnStun = std::function<void(punch::SocketNumber, const Endpoint& from, ByteView datagram)>;

  /// `quic` must outlive it.
  ExtraSockets(asio::any_io_executor loop, QuicHost& quic, OnStun on_stun);
  ~ExtraSockets();
  ExtraSockets(const ExtraSockets&) = delete;
  ExtraSockets& operator=(const ExtraSockets&) = delete;

  /// Opens up to `count` more of the family; they are numbered from 1 on. Gives how many there are now: the system may
  /// have no more to give.
  std::size_t open(std::size_t count, IpAddress::Family family);
  /// What cannot be sent is lost.
  void send(punch::SocketNumber socket, const Endpoint& to, ByteView datagram);
  /// QUIC goes by that one from now on, and the others are closed.
  [[nodiscard]] std::optional<quic::CarrierId> keep_only(punch::SocketNumber socket);
  [[nodiscard]] std::size_t size() const;

 private:
  class Socket;

  asio::any_io_executor loop_;
  QuicHost& quic_;
  OnStun on_stun_;
  std::vector<std::unique_ptr<Socket>> sockets_;  // number 1 first; null once closed
};

}  // namespace turnpike::io
