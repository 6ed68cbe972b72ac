// Asking the node that runs on a data folder, and waiting for what it says.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/result.h"

namespace turnpike::cli {

/// How long a node may be silent before it counts as hanging.
constexpr std::chrono::seconds kAnswerPatience{15};

/// Why a command ends without its answer.
struct Refusal {
  int code = 1;
  std::string text;
};

/// Sees each line before the last; a refusal ends the command.
using OnLine = std::function<std::optional<Refusal>(const nlohmann::json&)>;

/// Sends one request and gives the last line of the answer, without "ok" and "done".
[[nodiscard]] Result<nlohmann::json, Refusal> ask_node(const std::filesystem::path& data, nlohmann::json request,
                                                       OnLine on_line = {});

}  // namespace turnpike::cli
