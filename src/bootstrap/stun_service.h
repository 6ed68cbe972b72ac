// The bootstrap's STUN: tells who asks over UDP how he is seen, and, with two addresses, how his NAT maps and filters.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/stun/binding_server.h"
#include "io/udp/udp_socket.h"

namespace turnpike::bootstrap {

namespace asio = boost::asio;

/// Binding requests only (RFC 8489; RFC 5780 with two addresses); everything else is dropped. One thread's.
class StunService {
 public:
  StunService(asio::any_io_executor loop, Random& random);
  ~StunService();

  /// One address, or two that differ in address and port: then all four combinations are bound. On failure one line for
  /// the operator, and nothing is bound.
  [[nodiscard]] std::optional<std::string> open(const std::vector<Endpoint>& at);
  void close();
  /// What is bound, in the order of `open`.
  [[nodiscard]] std::vector<Endpoint> local() const;

 private:
  class Door;

  [[nodiscard]] bool bind(const Endpoint& at);
  void answer(Door& door, const DatagramBatch& batch);

  asio::any_io_executor loop_;
  Random& random_;
  std::optional<stun::BindingServer> server_;
  std::vector<std::unique_ptr<Door>> doors_;
};

}  // namespace turnpike::bootstrap
