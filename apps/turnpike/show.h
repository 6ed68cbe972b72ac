// The node's answers as people read them.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace turnpike::cli {

/// Each takes the answer of the local API (docs/commands.md) and gives whole lines. What a node leaves out is left out.
[[nodiscard]] std::string show_ls(const nlohmann::json& answer);
[[nodiscard]] std::string show_transfers(const nlohmann::json& answer);
[[nodiscard]] std::string show_peers(const nlohmann::json& answer);
[[nodiscard]] std::string show_status(const nlohmann::json& answer);
[[nodiscard]] std::string show_why(const nlohmann::json& answer);

// Fields of an answer, with a stand-in where they are absent, null or of another type.

[[nodiscard]] std::string text_at(const nlohmann::json& object, const char* key, const std::string& otherwise = "");
[[nodiscard]] double number_at(const nlohmann::json& object, const char* key);
[[nodiscard]] std::uint64_t count_at(const nlohmann::json& object, const char* key);
[[nodiscard]] const nlohmann::json& rows_at(const nlohmann::json& object, const char* key);

}  // namespace turnpike::cli
