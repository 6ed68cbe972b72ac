// The bootstrap's HTTP API: /v1/… and the two WebSocket upgrades (docs/protocols/bootstrap.md).
#pragma once

#include "bootstrap/brain.h"
#include "bootstrap/relay_switch.h"
#include "io/http/server.h"
#include "io/tcp/url.h"

namespace turnpike::bootstrap {

/// Adds the routes. All arguments must outlive the server.
void add_routes(io::http::Server& server, Brain& brain, RelaySwitch& relays);

}  // namespace turnpike::bootstrap
