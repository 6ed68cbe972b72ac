// A whole node: its stores, its brain, its ports, until a signal.
#pragma once

#include "node/config.h"

namespace turnpike::node {

/// Blocks until SIGINT or SIGTERM. Prints `peer id: …` and, once its ports are open, `listening …` lines on standard
/// output. Returns a process exit code: 0 after an orderly end, 1 when it could not start.
[[nodiscard]] int run(const NodeConfig& config);

}  // namespace turnpike::node
