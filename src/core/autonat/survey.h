// Whom to ask about which of our addresses, and when again.
#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/endpoint.h"
#include "base/time.h"

namespace turnpike::autonat {

constexpr Duration kAskAgain = std::chrono::minutes(20);  ///< The same network about the same address.
/// Between any two asks; so no more than kAskAgain / kAskPause are ever remembered.
constexpr Duration kAskPause = std::chrono::seconds(10);

/// Pure.
class Survey {
 public:
  /// Which of `unproved` the peer at `server` should be asked about now, if any. It counts as asked.
  [[nodiscard]] std::optional<Endpoint> next(Instant now, const IpAddress& server,
                                             const std::vector<Endpoint>& unproved);

 private:
  std::map<std::pair<IpAddress, Endpoint>, Instant> asked_;
  Instant pause_until_;
};

}  // namespace turnpike::autonat
