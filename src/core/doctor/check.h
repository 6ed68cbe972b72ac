// What one check of `turnpike doctor` comes to.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace turnpike::doctor {

enum class State : std::uint8_t {
  kGood,
  kNote,     ///< Worth knowing; nothing is wrong.
  kProblem,  ///< Something does not work, or works worse than it could: `advice` says what to do.
  kUnknown,  ///< It could not be measured: `text` says why.
};
/// "good", "note", "problem", "unknown"
[[nodiscard]] std::string_view name_of(State state);

struct Check {
  std::string name{};  ///< "udp", "nat-mapping", … (docs/commands.md)
  State state = State::kUnknown;
  std::string value{};   ///< For programs: one of the words that docs/commands.md lists for this check.
  std::string text{};    ///< For people: what was found, one line.
  std::string advice{};  ///< What to do about it; empty unless there is something.
};

/// Whether anything is to be mended.
[[nodiscard]] bool has_problem(const std::vector<Check>& checks);

}  // namespace turnpike::doctor
