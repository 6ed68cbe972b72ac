// Who pays for what is relayed, where it is not given away: asked before data flows.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace turnpike::turn {

class Payer {
 public:
  virtual ~Payer() = default;
  /// Zero rest: there is no money. Another: not yet, ask again then.
  struct Answer {
    bool allowed = false;
    Duration rest{};
  };
  [[nodiscard]] virtual Answer pay(Now now, std::uint64_t bytes) = 0;
  /// No new session is worth opening.
  [[nodiscard]] virtual bool is_spent(Now now) = 0;
};

}  // namespace turnpike::turn
