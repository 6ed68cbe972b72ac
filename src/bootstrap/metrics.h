// GET /metrics: the bootstrap's figures in the text format of Prometheus (docs/metrics.md).
#pragma once

#include <string>

#include "core/budget/budget.h"
#include "core/rendezvous/server.h"
#include "core/turn/server.h"

namespace turnpike::bootstrap {

struct MetricsInput {
  rendezvous::Stats stats{};
  std::size_t old_nodes = 0;  ///< Registered without a signature.
  std::uint64_t uptime_seconds = 0;
  std::string version;
  std::optional<budget::Figures> budget{};
  std::optional<turn::ServerCounters> turn{};
  std::size_t turn_allocations = 0;
};

[[nodiscard]] std::string metrics_text(const MetricsInput& input);

}  // namespace turnpike::bootstrap
