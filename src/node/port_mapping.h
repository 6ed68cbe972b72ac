// The node's port mapping: switched on or off by its configuration, its news logged for people.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "base/random.h"
#include "core/portmap/mapper.h"
#include "core/rendezvous/service.h"
#include "crypto/sign.h"
#include "io/portmap/port_mapper.h"
#include "node/config.h"

namespace turnpike::node {

/// The service that a mapped port is for.
[[nodiscard]] rendezvous::ServiceKind kind_of(portmap::Purpose purpose);

class PortMapping {
 public:
  /// `candidates` is given all that is mapped now, whenever that changes: what routers say they forward, to be proved
  /// before anybody is told of it. All arguments outlive it.
  PortMapping(boost::asio::any_io_executor loop, const NodeConfig& config, const crypto::SigningKey& identity,
              Random& random, std::function<void(const std::vector<portmap::Mapping>&)> candidates);

  /// Returns at once: nothing waits for a router.
  void start();
  void network_changed(bool woke_up);
  /// Takes the mappings back, within portmap::kRemovalPatience.
  [[nodiscard]] boost::asio::awaitable<void> stop();

  /// A row for each address family, IPv4 first; also when it is switched off.
  [[nodiscard]] std::vector<portmap::RouterView> view() const;

 private:
  void handle(const portmap::Change& change);

  std::function<void(const std::vector<portmap::Mapping>&)> candidates_;
  std::unique_ptr<io::PortMapper> mapper_;  // null: switched off
};

}  // namespace turnpike::node
