#include "console.h"

#include <nlohmann/json.hpp>

namespace turnpike::cli {

int complain(Console& console, std::string_view text, int code) {
  console.err << "turnpike: " << text << std::endl;
  return code;
}

void print_json(Console& console, const nlohmann::json& value) {
  console.out << value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << std::endl;
}

}  // namespace turnpike::cli
