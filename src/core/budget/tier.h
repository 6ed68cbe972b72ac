// Tiers: what the operator lets an identity have. They are granted, never claimed.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/time.h"

namespace turnpike::budget {

enum class Tier : std::uint8_t { kFree, kBasic, kStandard, kPremium };
constexpr std::array kAllTiers{Tier::kFree, Tier::kBasic, Tier::kStandard, Tier::kPremium};

/// "free", "basic", "standard", "premium"
[[nodiscard]] std::string_view name_of(Tier tier);
[[nodiscard]] std::optional<Tier> parse_tier(std::string_view name);

/// Of one identity, over all its sessions together.
struct TierTerms {
  std::uint64_t bytes_per_second = 0;  ///< 0 = not limited.
  std::uint32_t sessions = 1;
  std::uint32_t weight = 1;  ///< In sharing what is left, against other identities'. At least 1.
};

constexpr std::uint32_t kMaxTierSessions = 4096;
constexpr std::uint32_t kMaxWeight = 1000;

struct TierTable {
  std::array<TierTerms, kAllTiers.size()> terms{{{625'000, 1, 1},          // 5 Mbit/s
                                                 {1'250'000, 2, 10},       // 10 Mbit/s
                                                 {6'250'000, 5, 50},       // 50 Mbit/s
                                                 {12'500'000, 10, 100}}};  // 100 Mbit/s
  Tier without_grant = Tier::kFree;                                        ///< Of whom nothing is granted.

  [[nodiscard]] const TierTerms& of(Tier tier) const { return terms[static_cast<std::size_t>(tier)]; }
  [[nodiscard]] TierTerms& of(Tier tier) { return terms[static_cast<std::size_t>(tier)]; }
};

/// What the operator granted one peer.
struct TierGrant {
  Tier tier{};
  std::optional<WallTime> until{};  ///< Without one it holds until it is revoked.

  [[nodiscard]] bool holds(WallTime now) const { return !until || now < *until; }
  friend bool operator==(const TierGrant&, const TierGrant&) = default;
};

}  // namespace turnpike::budget
