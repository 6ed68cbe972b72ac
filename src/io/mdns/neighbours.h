// Peers of our own networks by multicast DNS: core/mdns on every interface there is, over IPv4 and IPv6.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/random.h"
#include "core/mdns/responder.h"
#include "io/interfaces/interfaces.h"

namespace turnpike::io {

namespace asio = boost::asio;

constexpr std::size_t kMaxMdnsInterfaces = 16;  ///< Those of the lowest indices; further ones are left alone.

/// All on one loop. Nothing is sent or joined before set_interfaces().
class Neighbours {
 public:
  /// Called on the loop, never from within a call to this. Who is told of has proved nothing yet.
  using Listener = std::function<void(const mdns::Found&)>;

  /// `random` and whatever `listener` refers to outlive the loop's run.
  Neighbours(asio::any_io_executor loop, identity::AnyPeerId self, Random& random, Listener listener);
  ~Neighbours();
  Neighbours(const Neighbours&) = delete;
  Neighbours& operator=(const Neighbours&) = delete;

  /// The interfaces there are now, and the TCP port at which our libp2p host answers on all of them, with QUIC over UDP
  /// or without: what is new is joined, what is gone is left, where addresses have changed it is asked anew. Call it as
  /// often as you like.
  void set_interfaces(std::vector<Interface> interfaces, std::uint16_t port, bool quic = false);
  void stop();

  /// Groups that are joined: two an interface that has both families.
  [[nodiscard]] std::size_t joined() const { return places_.size(); }

 private:
  struct Place;
  using Key = std::pair<unsigned, IpAddress::Family>;
  [[nodiscard]] static asio::awaitable<void> hear(std::shared_ptr<Place> place);
  [[nodiscard]] static asio::awaitable<void> ask(std::shared_ptr<Place> place);
  void open(const Interface& interface, IpAddress::Family family);

  asio::any_io_executor loop_;
  identity::AnyPeerId self_;
  Random& random_;
  Listener listener_;
  std::uint16_t port_ = 0;
  bool quic_ = false;
  std::vector<Interface> known_;
  std::map<Key, std::shared_ptr<Place>> places_;
};

}  // namespace turnpike::io
