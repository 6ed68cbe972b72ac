// The bootstrap's HTTP API: /health, /v1/… and the two WebSocket upgrades (docs/protocols/bootstrap.md).
#pragma once

#include "bootstrap/brain.h"
#include "bootstrap/relay_switch.h"
#include "io/http/server.h"
#include "io/tcp/url.h"

namespace turnpike::bootstrap {

/// What the API tells of the process beside what its brain knows.
struct Facts {
  Instant started;
  std::string version;
  std::optional<io::Url> public_url;  ///< Where others reach it, if the operator said so.
};

/// Adds the routes. All arguments must outlive the server.
void add_routes(io::http::Server& server, Brain& brain, RelaySwitch& relays, const Facts& facts);

}  // namespace turnpike::bootstrap
