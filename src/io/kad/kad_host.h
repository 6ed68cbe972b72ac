// Drives one node of the DHT (core/kad) over the libp2p host: asks over connections, answers streams, and tells its
// owner of whom it has found.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "core/kad/node.h"
#include "io/host/host.h"

namespace turnpike::io {

constexpr std::size_t kKadStreams = 32;  ///< Of kad::kProtocol over one connection.

/// All on the loop; all references outlive its run.
class KadHost {
 public:
  /// Called on the loop, also from within a call to this.
  using OnEvent = std::function<void(const kad::NodeEvent&)>;

  KadHost(asio::any_io_executor loop, const identity::PeerId& self, Host& host, Random& random, OnEvent on_event);

  void start();
  void stop();
  /// Whether others are offered answers: only who can be reached should. Else this is a client, which identify does not
  /// name, and whose streams are reset.
  void set_serving(bool serving);
  /// Where this node can be reached, as far as others may be told.
  void set_addresses(const std::vector<multiaddr::Multiaddr>& addresses);
  /// To be told of by the host's events.
  void peer_identified(const HostConnection& connection);
  /// Calls verbs of the node; what it then wants is done.
  void tell(const std::function<void(kad::Node&, Instant)>& change);

  [[nodiscard]] const kad::Node& node() const { return node_; }
  [[nodiscard]] bool is_serving() const { return serving_; }

 private:
  void pump();
  void sleep();
  [[nodiscard]] asio::awaitable<void> ask(kad::Ask given);
  [[nodiscard]] asio::awaitable<std::shared_ptr<HostConnection>> reach(kad::Peer peer);
  [[nodiscard]] asio::awaitable<void> serve(std::shared_ptr<HostConnection> connection,
                                            std::unique_ptr<LinkStream> stream);

  asio::any_io_executor loop_;
  Host& host_;
  OnEvent on_event_;
  kad::Node node_;
  std::vector<multiaddr::Multiaddr> addresses_;
  asio::steady_timer timer_;
  std::optional<Instant> armed_;
  bool serving_ = false;
  bool pumping_ = false;
  bool stopped_ = false;
};

}  // namespace turnpike::io
