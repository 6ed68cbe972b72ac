// A UDP socket that hears one multicast group on one interface and nothing else, beside whoever else of this machine
// listens for it (RFC 6762, section 15).
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/udp.hpp>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "base/endpoint.h"
#include "base/result.h"
#include "io/tcp/byte_pipe.h"

namespace turnpike::io {

struct GroupDatagram {
  Endpoint from;
  Bytes bytes;
};

/// Lives on the loop; everything fails once it is closed.
class MulticastSocket {
 public:
  /// Joins `group` on the interface of that index and binds the group's port, shared (SO_REUSEADDR and SO_REUSEPORT).
  /// Sends with a hop limit of 255, and to our own machine too: another node may run on it. kOther where the system
  /// does not let us, or the interface has no address of that family.
  [[nodiscard]] static Result<std::unique_ptr<MulticastSocket>, IoError> open(const asio::any_io_executor& loop,
                                                                              unsigned interface,
                                                                              const Endpoint& group);

  /// The next datagram that came by this interface with a hop limit of 255: one that has crossed no router (RFC 6762,
  /// section 11). Of one that is longer than `limit` nothing is told.
  [[nodiscard]] asio::awaitable<Result<GroupDatagram, IoError>> receive(std::size_t limit);
  /// To the group. False where the system refuses; it may later succeed.
  bool send(ByteView datagram);
  void close();

 private:
  MulticastSocket(asio::ip::udp::socket socket, unsigned interface, const Endpoint& group)
      : socket_(std::move(socket)), interface_(interface), group_(group) {}
  /// None where nothing more waits, an empty one where what waited is none of ours.
  [[nodiscard]] std::optional<GroupDatagram> take(std::size_t limit);

  asio::ip::udp::socket socket_;
  unsigned interface_;
  Endpoint group_;
};

}  // namespace turnpike::io
