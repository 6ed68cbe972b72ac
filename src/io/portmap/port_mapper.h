// Keeps the node's ports mapped on this machine's router: core/portmap's Mapper with sockets, a clock and UPnP.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/random.h"
#include "core/portmap/mapper.h"
#include "io/disk/worker_pool.h"
#include "io/loop/event.h"
#include "io/portmap/default_route.h"
#include "io/portmap/igd.h"
#include "io/portmap/router_socket.h"

namespace turnpike::io {

struct PortMapperConfig {
  portmap::MapperConfig mapper;
  std::uint16_t announcement_port = 5350;            ///< Zero listens to no announcements.
  std::function<Surroundings()> look = look_around;  ///< For tests.
};

/// Nothing waits for it: start() returns at once, and what becomes of it is told by `on_change`. Used from one loop;
/// its worker thread only listens for UPnP's SSDP answers.
class PortMapper {
 public:
  using OnChange = std::function<void(const portmap::Change&)>;

  /// `random` and the loop outlive it, and so does whatever `on_change` touches.
  PortMapper(asio::any_io_executor loop, PortMapperConfig config, Random& random, OnChange on_change);
  PortMapper(const PortMapper&) = delete;
  PortMapper& operator=(const PortMapper&) = delete;
  ~PortMapper();

  void start();
  /// Looks at the routes again; the same ones change nothing. After a sleep the routers are asked anew all the same.
  void network_changed(bool woke_up);
  /// Gives the mappings back, and ends within portmap::kRemovalPatience.
  [[nodiscard]] asio::awaitable<void> stop();

  [[nodiscard]] std::vector<portmap::Mapping> mappings() const { return mapper_.mappings(); }
  [[nodiscard]] std::vector<portmap::RouterView> view() const { return mapper_.view(); }

 private:
  struct Side {
    std::shared_ptr<RouterSocket> socket;
    std::shared_ptr<RouterSocket> announcements;
    std::shared_ptr<Igd> igd;
    std::deque<portmap::upnp::Command> commands;
    bool is_busy = false;
  };

  void look();
  void connect(Side& side, const std::optional<portmap::Uplink>& uplink, std::uint32_t scope);
  void pump();
  void sleep();
  void serve(Side& side);
  [[nodiscard]] asio::awaitable<void> obey(std::size_t index);
  [[nodiscard]] Side& side_of(const IpAddress& address) {
    return sides_[address.family == IpAddress::Family::kV4 ? 0 : 1];
  }

  asio::any_io_executor loop_;
  PortMapperConfig config_;
  OnChange on_change_;
  portmap::Mapper mapper_;
  WorkerPool pool_;
  Surroundings here_;
  std::array<Side, 2> sides_;
  asio::steady_timer timer_;
  std::optional<Instant> armed_;
  Event closed_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // false when this object is gone before its coroutines
  bool pumping_ = false;
};

}  // namespace turnpike::io
