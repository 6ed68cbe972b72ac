#include "config_file.h"

#include <toml++/toml.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

namespace turnpike::cli {
namespace {

std::optional<std::string> text_of_value(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  return std::nullopt;
}

std::optional<std::vector<std::string>> texts_of(const toml::node& node) {
  std::vector<std::string> out;
  const auto* array = node.as_array();
  if (array == nullptr) {
    const auto text = text_of_value(node);
    if (!text) return std::nullopt;
    return std::vector{*text};
  }
  for (const toml::node& element : *array) {
    const auto text = text_of_value(element);
    if (!text) return std::nullopt;
    out.push_back(*text);
  }
  return out;
}

std::string place(std::string_view name, const toml::source_region& where) {
  return std::string(name) + ":" + std::to_string(where.begin.line);
}

}  // namespace

Result<Settings, std::string> parse_config(std::string_view text, std::string_view name) {
  Settings out;
  try {
    const toml::table table = toml::parse(text);
    for (const auto& [key, node] : table) {
      auto values = texts_of(node);
      if (!values) {
        return fail(place(name, node.source()) + ": " + std::string(key.str()) +
                    " must be text, a number or a list of those");
      }
      out.emplace(key.str(), *std::move(values));
    }
  } catch (const toml::parse_error& error) {
    return fail(place(name, error.source()) + ": " + std::string(error.description()));
  }
  return out;
}

Result<Settings, std::string> read_config_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  if (!in.good() && text.empty() && !in.eof()) return fail(file.string() + ": " + std::strerror(errno));
  return parse_config(text, file.string());
}

}  // namespace turnpike::cli
