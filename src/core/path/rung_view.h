// One rung to one peer, as people are shown it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"
#include "core/path/rung.h"
#include "core/relay/grant.h"

namespace turnpike::path {

struct RungView {
  Rung rung = Rung::kHttp;
  std::string state;  ///< off, idle, trying, open, waiting
  std::string reason{};
  std::optional<Instant> next_action{};
  std::optional<Duration> rtt{};
  std::optional<relay::Quote> quote{};  ///< Of an open relay session,
  std::uint64_t quote_left = 0;         ///< and what of its bytes may still be asked for.
  std::uint64_t bytes = 0;              ///< Verified bytes this rung brought from this peer.
};

}  // namespace turnpike::path
