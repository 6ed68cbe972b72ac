// Nonces that need no table: a time and a MAC over it and the client (RFC 8489, sections 9.2 and 9.2.4).
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/random.h"
#include "base/time.h"
#include "core/turn/five_tuple.h"

namespace turnpike::turn {

constexpr Duration kNonceLifetime = std::chrono::minutes(30);

/// Makes and checks nonces. They hold for one client address on one link, for kNonceLifetime by boot time: setting the
/// wall clock neither revives nor kills one. They announce that password algorithms can be agreed on.
class Nonces {
 public:
  explicit Nonces(Random& random) : secret_(random.array<32>()) {}

  [[nodiscard]] std::string make(Instant now, const FiveTuple& client) const;
  [[nodiscard]] bool is_valid(Instant now, const FiveTuple& client, std::string_view nonce) const;

 private:
  [[nodiscard]] std::string at(std::uint32_t seconds, const FiveTuple& client) const;

  Digest secret_;
};

/// Whether a server's nonce says, before its first 13 bytes are over, that password algorithms can be agreed on.
[[nodiscard]] bool announces_password_algorithms(std::string_view nonce);

}  // namespace turnpike::turn
