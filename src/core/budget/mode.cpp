#include "core/budget/mode.h"

namespace turnpike::budget {
namespace {

Ratio threshold_of(Mode mode) {
  switch (mode) {
    case Mode::kNormal:
      return 0;
    case Mode::kWarning:
      return kWarningAbove;
    case Mode::kPremiumOnly:
      return kPremiumOnlyAbove;
    case Mode::kFinishQuotes:
    case Mode::kSpent:
      return kFinishQuotesAbove;
  }
  return 0;
}

constexpr Mode kDownwards[]{Mode::kFinishQuotes, Mode::kPremiumOnly, Mode::kWarning};

}  // namespace

std::string_view name_of(Mode mode) {
  switch (mode) {
    case Mode::kNormal:
      return "normal";
    case Mode::kWarning:
      return "warning";
    case Mode::kPremiumOnly:
      return "premium-only";
    case Mode::kFinishQuotes:
      return "finish-quotes";
    case Mode::kSpent:
      return "spent";
  }
  return "";
}

Mode mode_after(Mode before, Ratio projected, Ratio spent) {
  if (spent >= kSpentFrom) return Mode::kSpent;
  for (const Mode mode : kDownwards) {
    const Ratio threshold = threshold_of(mode);
    const bool was_in_it = before >= mode;
    if (projected > threshold || (was_in_it && projected >= threshold - kHysteresis)) return mode;
  }
  return Mode::kNormal;
}

}  // namespace turnpike::budget
