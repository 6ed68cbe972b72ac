// What the commands ask of a running bootstrap, over its local API (docs/commands.md).
#pragma once

#include "bootstrap/treasury.h"
#include "io/control/server.h"

namespace turnpike::bootstrap {

/// How the money stands: the fields of `turnpike bootstrap budget`.
[[nodiscard]] nlohmann::json budget_shape(const budget::Figures& figures);

class ControlApi {
 public:
  /// Borrowed; it outlives the API.
  explicit ControlApi(Treasury& treasury) : treasury_(treasury) {}

  /// One request to its last line. What it does not know is refused, with the commands it knows.
  [[nodiscard]] asio::awaitable<void> answer(nlohmann::json request, io::Reply& reply);

 private:
  struct Outcome {
    nlohmann::json body = nlohmann::json::object();
    std::string refusal{};
    int code = 0;
  };
  [[nodiscard]] Outcome show();
  [[nodiscard]] Outcome change(const nlohmann::json& request, bool is_grant);

  Treasury& treasury_;
};

}  // namespace turnpike::bootstrap
