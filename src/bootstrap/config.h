// What the operator says of a bootstrap: from flags and the configuration file, already checked, for bootstrap::run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/endpoint.h"
#include "base/network.h"
#include "core/budget/budget.h"
#include "core/turn/authenticator.h"
#include "io/tcp/url.h"

namespace turnpike::bootstrap {

/// One port. TLS carries everything, told apart inside; plain HTTP is for old nodes and reverse proxies.
struct Listen {
  bool tls = false;
  Endpoint endpoint;

  friend bool operator==(const Listen&, const Listen&) = default;
};

struct BootstrapConfig {
  std::filesystem::path data;  ///< Identity, certificate and state, in `.turnpike` below. Need not exist yet.
  std::vector<Listen> listen{{.tls = true, .endpoint = {IpAddress::v4(0, 0, 0, 0), 443}},
                             {.tls = false, .endpoint = {IpAddress::v4(0, 0, 0, 0), 3000}}};  ///< Never empty.

  /// PEM files; both or neither. Without them a self-signed certificate is made, and its pin printed.
  std::filesystem::path certificate;
  std::filesystem::path key;
  std::optional<io::Url> public_url;       ///< Where others reach it, when a proxy stands before it.
  std::vector<IpAddress> probe_addresses;  ///< Of this machine, and not those that peers connect to.
  /// STUN and TURN over UDP and TCP: nowhere, at one, or at two that differ in address and port (RFC 5780). With the
  /// default a taken port is no failure.
  std::vector<Endpoint> stun{{{IpAddress::Family::kV6, {}}, 3478}};
  bool stun_is_default = true;
  /// Reverse proxies of the operator's own, whose word on the client's address is believed. At most
  /// io::http::kMaxTrustedProxies.
  std::vector<IpNetwork> trusted_proxies;
  /// What relayed addresses are made of. Without any, the addresses that are listened on, or this machine's own.
  std::vector<IpAddress> turn_external;
  std::vector<turn::StaticUser> turn_users;  ///< Foreign TURN clients, whose own allocations may talk to each other.
  budget::Budget::Config budget{};           ///< What relaying may cost, and for whom.
  std::optional<WallTime> budget_date;       ///< What the budget takes for the date at the start: a rehearsal.
  std::string log_level = "info";            ///< debug, info, warning, error
};

}  // namespace turnpike::bootstrap
