#include "core/doctor/check.h"

#include <algorithm>

namespace turnpike::doctor {

std::string_view name_of(State state) {
  switch (state) {
    case State::kGood:
      return "good";
    case State::kNote:
      return "note";
    case State::kProblem:
      return "problem";
    case State::kUnknown:
      break;
  }
  return "unknown";
}

bool has_problem(const std::vector<Check>& checks) {
  return std::ranges::any_of(checks, [](const Check& check) { return check.state == State::kProblem; });
}

}  // namespace turnpike::doctor
