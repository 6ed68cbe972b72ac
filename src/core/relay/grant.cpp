#include "core/relay/grant.h"

#include <algorithm>
#include <charconv>

#include "base/base64.h"
#include "base/hex.h"

namespace turnpike::relay {
namespace {

// Takes "<name>=<decimal>" off the front of `text`, and the separator behind it unless it is the last.
std::optional<std::uint64_t> take_field(std::string_view& text, std::string_view name, bool last) {
  if (!text.starts_with(name)) return std::nullopt;
  text.remove_prefix(name.size());
  const std::size_t end = last ? text.size() : text.find(';');
  if (end == std::string_view::npos || end == 0) return std::nullopt;
  const std::string_view digits = text.substr(0, end);
  std::uint64_t value = 0;
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || stop != digits.data() + digits.size()) return std::nullopt;
  if (digits.size() > 1 && digits.front() == '0') return std::nullopt;
  text.remove_prefix(last ? end : end + 1);
  return value;
}

}  // namespace

std::optional<SessionId> SessionId::parse(std::string_view text) {
  if (text.size() != 2 * sizeof(SessionId::bytes)) return std::nullopt;
  const auto read = from_hex(text);
  if (!read) return std::nullopt;
  SessionId out;
  std::ranges::copy(*read, out.bytes.begin());
  return out;
}

std::string SessionId::to_string() const { return to_hex(bytes); }

std::optional<Credential> Credential::parse(std::string_view text) {
  if (text.size() != 43) return std::nullopt;
  const auto read = from_base64url(text);
  if (!read || read->size() != sizeof(Credential::bytes)) return std::nullopt;
  Credential out;
  std::ranges::copy(*read, out.bytes.begin());
  return out;
}

std::string Credential::to_string() const { return to_base64url(bytes); }

std::optional<Quote> Quote::parse(std::string_view text) {
  const auto bytes = take_field(text, "bytes=", false);
  const auto rate = bytes ? take_field(text, "rate=", false) : std::nullopt;
  const auto until = rate ? take_field(text, "until=", true) : std::nullopt;
  if (!until) return std::nullopt;
  return Quote{*bytes, *rate, WallTime{*until}};
}

std::string Quote::to_string() const {
  return "bytes=" + std::to_string(bytes) + ";rate=" + std::to_string(bytes_per_second) +
         ";until=" + std::to_string(until.unix_ms);
}

}  // namespace turnpike::relay
