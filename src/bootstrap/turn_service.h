// The bootstrap's STUN and TURN: on which ports, in the name of which addresses, and for whom.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bootstrap/config.h"
#include "io/turn/turn_server.h"

namespace turnpike::bootstrap {

namespace asio = boost::asio;

/// What relayed addresses are made of: what the operator says, else the addresses listened on, else the machine's own,
/// public ones before others. Never empty.
[[nodiscard]] std::vector<IpAddress> external_addresses(const BootstrapConfig& config,
                                                        const std::vector<IpAddress>& machines_own);

/// Tells who asks how he is seen and, with two addresses, how his NAT maps and filters; relays for those who may. One
/// thread's.
class TurnService {
 public:
  /// `random` and `payer`, who pays for what is relayed, are borrowed for life.
  TurnService(const asio::any_io_executor& loop, const BootstrapConfig& config, Random& random,
              turn::Payer* payer = nullptr);

  /// UDP and TCP at one address, or at two that differ in address and port: then all four combinations of UDP are
  /// bound. On failure one line for the operator, and nothing is bound.
  [[nodiscard]] std::optional<std::string> open(const std::vector<Endpoint>& at);
  /// A connection of the TLS port that speaks TURN.
  void serve_tls(std::unique_ptr<io::BytePipe> pipe) { server_.serve(std::move(pipe), turn::Transport::kTls); }
  void close() { server_.close(); }
  /// The bound UDP addresses, in the order of `open`.
  [[nodiscard]] const std::vector<Endpoint>& local() const { return local_; }

  [[nodiscard]] io::TurnServer& server() { return server_; }

 private:
  asio::any_io_executor loop_;
  io::TurnServer server_;
  std::vector<Endpoint> local_;
};

}  // namespace turnpike::bootstrap
