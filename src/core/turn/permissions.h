// Whom an allocation hears (RFC 8656, section 9): addresses, each for five minutes.
#pragma once

#include <algorithm>
#include <vector>

#include "base/endpoint.h"
#include "base/time.h"

namespace turnpike::turn {

constexpr Duration kPermissionLifetime = std::chrono::minutes(5);

/// The server lets only its own external addresses in here, so there are never more than it has of those.
class Permissions {
 public:
  void install(Instant now, const IpAddress& address) {
    const auto at = std::ranges::find(entries_, address, &Entry::address);
    if (at == entries_.end()) {
      entries_.push_back({address, now + kPermissionLifetime});
    } else {
      at->expires = now + kPermissionLifetime;
    }
  }
  /// Until when; in the past or at `Instant{}` when there is none.
  [[nodiscard]] Instant until(const IpAddress& address) const {
    const auto at = std::ranges::find(entries_, address, &Entry::address);
    return at == entries_.end() ? Instant{} : at->expires;
  }
  [[nodiscard]] bool allows(Instant now, const IpAddress& address) const { return now < until(address); }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    IpAddress address;
    Instant expires;
  };
  std::vector<Entry> entries_;
};

}  // namespace turnpike::turn
