// A whole bootstrap: opens its ports, serves until a signal, and goes down in good order.
#pragma once

#include "bootstrap/config.h"

namespace turnpike::bootstrap {

/// Blocks until SIGINT or SIGTERM. Prints `peer id: …`, `pin: …` (with TLS) and, once every port is open, `listening …`
/// lines on standard output. Returns a process exit code: 0 after an orderly end, 1 when it could not start.
[[nodiscard]] int run(const BootstrapConfig& config);

}  // namespace turnpike::bootstrap
