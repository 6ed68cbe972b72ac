// Whom the node knows besides those its bootstraps name: remembers whom it met, connects to enough of them to live
// without any bootstrap, and has peers introduce it to others (core/contacts).
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "core/contacts/contacts.h"
#include "core/contacts/shelf.h"
#include "io/host/host.h"
#include "io/state/state_db.h"
#include "node/brain.h"

namespace turnpike::node {

namespace asio = boost::asio;

constexpr Duration kRememberPeriod = std::chrono::minutes(1);    ///< What is lost at most if we are killed.
constexpr Duration kIntroducePeriod = std::chrono::minutes(10);  ///< A peer is asked so often whom it has met.
constexpr std::size_t kMaxMeetings = 16;  ///< Holders of what is wanted that are being connected to.
constexpr Duration kBootstrapPeersPeriod = std::chrono::seconds(5);

/// All on the loop; all references outlive its run.
class Acquaintances {
 public:
  struct Allowed {
    bool dialling = true;       ///< Else it connects to nobody and remembers nobody,
    bool introductions = true;  ///< and else nobody is asked for, or told of, others.
  };
  Acquaintances(asio::any_io_executor loop, const identity::PeerId& self, const Allowed& allowed, io::Host& host,
                Brain& brain, io::StateDb& state, Random& random);

  /// `named` by the operator: each with a TCP address and a peer id.
  void start(const std::vector<multiaddr::Multiaddr>& named);
  void stop();
  /// Somebody says that `peer` answers there: tells the brain, and connects to it in its turn.
  void heard_of(const identity::PeerId& peer, path::Found found, const std::vector<Endpoint>& tcp);
  /// The same of somebody who has what is wanted here: connects at once, however many are connected.
  void meet(const identity::PeerId& peer, path::Found found, const std::vector<Endpoint>& tcp);
  void peer_identified(const std::shared_ptr<io::HostConnection>& connection);
  void peer_disconnected(const identity::PeerId& peer);
  void network_changed();
  /// To be called every second or so.
  void look();

 private:
  void pump();
  void sleep();
  void keep();
  void learn_from_bootstraps();
  [[nodiscard]] asio::awaitable<void> dial(contacts::Dial given);
  [[nodiscard]] asio::awaitable<void> connect(identity::PeerId peer, path::Found found, std::vector<Endpoint> tcp);
  [[nodiscard]] asio::awaitable<void> ask(std::shared_ptr<io::HostConnection> connection);
  [[nodiscard]] asio::awaitable<void> answer(std::shared_ptr<io::HostConnection> connection,
                                             std::unique_ptr<io::LinkStream> stream);

  asio::any_io_executor loop_;
  identity::PeerId self_;
  bool enabled_;
  bool introduces_;
  io::Host& host_;
  Brain& brain_;
  io::StateDb& state_;
  Random& random_;
  contacts::Contacts contacts_;
  contacts::Shelf shelf_;
  std::map<identity::PeerId, Instant> asked_;  // of those connected
  std::set<identity::PeerId> meeting_;
  asio::steady_timer timer_;
  std::optional<Instant> armed_;
  Instant kept_;
  Instant looked_;
  bool stopped_ = false;
};

}  // namespace turnpike::node
