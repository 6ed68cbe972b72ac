// Where a command speaks: answers to one stream, complaints to the other.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <ostream>
#include <string_view>

namespace turnpike::cli {

struct Console {
  std::ostream& out;
  std::ostream& err;
  bool is_terminal = false;  ///< A person watches `err`: progress may redraw its line there.
  int columns = 80;
};

/// One line, "turnpike: …", and the code to end with.
int complain(Console& console, std::string_view text, int code);
/// One JSON value on one line.
void print_json(Console& console, const nlohmann::json& value);

}  // namespace turnpike::cli
