// Whoever can be asked for pieces, honest or not.
#pragma once

#include <optional>
#include <vector>

#include "base/bytes.h"
#include "core/sync/fetch.h"
#include "sim/home.h"

namespace turnpike::sim {

/// How a node serves what it announces.
enum class Honesty : std::uint8_t {
  kHonest,
  kWrongBytes,  ///< The right layer, and pieces with one bit changed.
  kWrongLayer,  ///< A layer that does not lead to the root.
  kShort,       ///< Ends every body early.
  kSilent,      ///< Takes requests, and answers nothing.
  kForgetful,   ///< Announces what it does not have.
  kBusy,        ///< Always asks to come back later.
};

struct Answer {
  sync::FetchEnd refused = sync::FetchEnd::kDone;  ///< Anything but kDone: no bytes come, for this reason.
  bool silent = false;                             ///< Nothing comes, not even a refusal.
  std::vector<Digest> layer;
  Bytes data;
};

class Source {
 public:
  virtual ~Source() = default;
  [[nodiscard]] virtual Home& home() = 0;
  [[nodiscard]] virtual bool is_running() const = 0;
  /// Changes when it is started anew: connections do not outlive that.
  [[nodiscard]] virtual std::uint64_t incarnation() const = 0;
  [[nodiscard]] virtual Answer answer(const sync::Target& target, std::uint32_t piece) = 0;
};

}  // namespace turnpike::sim
