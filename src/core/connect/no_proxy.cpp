#include "core/connect/no_proxy.h"

#include <algorithm>
#include <charconv>

namespace turnpike::connect {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lowered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

bool is_domain_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

// The next entry off the front of `text`; empty at its end.
std::string_view take_entry(std::string_view& text) {
  constexpr std::string_view kBreaks = ", \t";
  const std::size_t begin = std::min(text.find_first_not_of(kBreaks), text.size());
  text.remove_prefix(begin);
  const std::size_t size = std::min(text.find_first_of(kBreaks), text.size());
  const std::string_view entry = text.substr(0, size);
  text.remove_prefix(size);
  return entry;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

}  // namespace

std::optional<NoProxy::Entry> NoProxy::parse_entry(std::string_view text) {
  Entry out;
  std::string_view host = text;
  const std::size_t colon = text.rfind(':');
  const bool is_bare_v6 = !text.starts_with('[') && text.find(':') != colon;
  if (colon != std::string_view::npos && !is_bare_v6 && !text.ends_with(']')) {
    out.port = parse_port(text.substr(colon + 1));
    if (!out.port) return std::nullopt;
    host = text.substr(0, colon);
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  out.network = IpNetwork::parse(host);
  if (out.network) return out;
  if (host.starts_with("*.")) host.remove_prefix(1);
  if (host.starts_with('.')) host.remove_prefix(1);
  out.domain = lowered(host);
  if (out.domain.empty() || !std::ranges::all_of(out.domain, is_domain_character)) return std::nullopt;
  return out;
}

std::optional<NoProxy> NoProxy::parse(std::string_view text) {
  NoProxy out;
  for (std::string_view entry = take_entry(text); !entry.empty(); entry = take_entry(text)) {
    if (entry == "*") {
      out.all_ = true;
      continue;
    }
    auto parsed = parse_entry(entry);
    if (!parsed || out.entries_.size() == kMaxNoProxyEntries) return std::nullopt;
    out.entries_.push_back(*std::move(parsed));
  }
  return out;
}

std::string_view NoProxy::bad_entry(std::string_view text) {
  for (std::string_view entry = take_entry(text); !entry.empty(); entry = take_entry(text)) {
    if (entry != "*" && !parse_entry(entry)) return entry;
  }
  return {};
}

bool NoProxy::covers(std::string_view host, std::uint16_t port) const {
  if (all_) return true;
  const auto address = IpAddress::parse(host);
  std::string name = lowered(host);
  if (name.ends_with('.')) name.pop_back();
  return std::ranges::any_of(entries_, [&](const Entry& entry) {
    if (entry.port && *entry.port != port) return false;
    if (entry.network) return address && entry.network->contains(*address);
    return name == entry.domain || name.ends_with("." + entry.domain);
  });
}

}  // namespace turnpike::connect
