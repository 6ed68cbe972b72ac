// One rung to one peer, as people are shown it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"
#include "core/path/rung.h"

namespace turnpike::path {

struct RungView {
  Rung rung = Rung::kHttp;
  std::string state;  ///< off, idle, trying, open, waiting
  std::string reason{};
  std::optional<Instant> next_action{};
  std::optional<Duration> rtt{};
  std::uint64_t bytes = 0;  ///< Verified bytes this rung brought from this peer.
};

}  // namespace turnpike::path
