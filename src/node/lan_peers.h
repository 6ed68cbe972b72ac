// The peers of our own networks: found by multicast DNS, told to the brain, and connected to, so that each learns what
// the other has with nobody else's help.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <set>
#include <vector>

#include "io/host/host.h"
#include "io/mdns/neighbours.h"
#include "node/brain.h"

namespace turnpike::node {

namespace asio = boost::asio;

constexpr std::size_t kMaxGreetings = 16;  ///< Neighbours that are being connected to; others wait to be heard again.
/// Both find each other at about the same time: the one with the higher id waits for the other's connection so long.
constexpr Duration kGreetingHold = std::chrono::seconds(1);

/// All on the loop; all references outlive its run.
class LanPeers {
 public:
  /// Without `enabled` nothing is ever sent or heard.
  LanPeers(asio::any_io_executor loop, const identity::PeerId& self, bool enabled, io::Host& host, Brain& brain,
           Random& random);

  /// Looks at the interfaces there are now. To be called every second or so.
  void look(std::uint16_t port);
  void stop();

 private:
  void found(const mdns::Found& neighbour);
  [[nodiscard]] asio::awaitable<void> greet(identity::PeerId peer, mdns::Found neighbour);

  asio::any_io_executor loop_;
  identity::PeerId self_;
  bool enabled_;
  io::Host& host_;
  Brain& brain_;
  io::Neighbours neighbours_;
  std::vector<IpNetwork> networks_;
  std::set<identity::PeerId> greeting_;
  bool stopping_ = false;
};

}  // namespace turnpike::node
