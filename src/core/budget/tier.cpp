#include "core/budget/tier.h"

namespace turnpike::budget {

std::string_view name_of(Tier tier) {
  switch (tier) {
    case Tier::kFree:
      return "free";
    case Tier::kBasic:
      return "basic";
    case Tier::kStandard:
      return "standard";
    case Tier::kPremium:
      return "premium";
  }
  return "";
}

std::optional<Tier> parse_tier(std::string_view name) {
  for (const Tier tier : kAllTiers) {
    if (name == name_of(tier)) return tier;
  }
  return std::nullopt;
}

}  // namespace turnpike::budget
