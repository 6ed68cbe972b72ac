#include "base/endpoint.h"

#include <algorithm>
#include <charconv>
#include <vector>

namespace turnpike {
namespace {

template <class Number>
std::optional<Number> number_of(std::string_view text, int base, std::size_t max_digits) {
  Number value = 0;
  if (text.empty() || text.size() > max_digits) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<IpAddress> parse_v4(std::string_view text) {
  IpAddress out;
  for (std::size_t i = 0; i < 4; ++i) {
    const std::size_t end = i == 3 ? text.size() : text.find('.');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view digits = text.substr(0, end);
    const auto octet = number_of<std::uint8_t>(digits, 10, 3);
    if (!octet || (digits.size() > 1 && digits.front() == '0')) return std::nullopt;
    out.octets[i] = *octet;
    if (i < 3) text.remove_prefix(end + 1);
  }
  return out;
}

// One side of "::": groups, the last of which may be an IPv4 address.
std::optional<std::vector<std::uint8_t>> parse_groups(std::string_view text, bool may_end_in_v4) {
  std::vector<std::uint8_t> out;
  while (!text.empty()) {
    const std::size_t colon = text.find(':');
    const std::string_view group = text.substr(0, colon);
    const bool last = colon == std::string_view::npos;
    if (last && may_end_in_v4 && group.find('.') != std::string_view::npos) {
      const auto v4 = parse_v4(group);
      if (!v4) return std::nullopt;
      out.insert(out.end(), v4->octets.begin(), v4->octets.begin() + 4);
      return out;
    }
    const auto value = number_of<std::uint16_t>(group, 16, 4);
    if (!value || out.size() >= 16) return std::nullopt;
    out.push_back(static_cast<std::uint8_t>(*value >> 8U));
    out.push_back(static_cast<std::uint8_t>(*value));
    if (last) return out;
    text.remove_prefix(colon + 1);
    if (text.empty()) return std::nullopt;  // a lone trailing colon
  }
  return out;
}

std::optional<IpAddress> parse_v6(std::string_view text) {
  IpAddress out{IpAddress::Family::kV6, {}};
  const std::size_t gap = text.find("::");
  if (gap == std::string_view::npos) {
    const auto whole = parse_groups(text, true);
    if (!whole || whole->size() != 16) return std::nullopt;
    std::ranges::copy(*whole, out.octets.begin());
    return out;
  }
  const auto head = parse_groups(text.substr(0, gap), false);
  const auto tail = parse_groups(text.substr(gap + 2), true);
  if (!head || !tail || head->size() + tail->size() > 14) return std::nullopt;
  std::ranges::copy(*head, out.octets.begin());
  std::ranges::copy(*tail, out.octets.end() - static_cast<std::ptrdiff_t>(tail->size()));
  return out;
}

std::uint16_t group_of(const IpAddress& address, std::size_t i) {
  return static_cast<std::uint16_t>(address.octets[2 * i] << 8U | address.octets[2 * i + 1]);
}

// The longest run of two or more zero groups, as [first, first + length).
std::pair<std::size_t, std::size_t> longest_gap(const IpAddress& address) {
  std::size_t first = 8;
  std::size_t length = 1;
  for (std::size_t i = 0; i < 8;) {
    std::size_t end = i;
    while (end < 8 && group_of(address, end) == 0) ++end;
    if (end - i > length) {
      first = i;
      length = end - i;
    }
    i = std::max(end, i + 1);
  }
  return {first, length};
}

std::string v6_text(const IpAddress& address) {
  const auto [gap, length] = longest_gap(address);
  std::string out;
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == gap) {
      out += "::";
      i += length - 1;
      continue;
    }
    if (!out.empty() && out.back() != ':') out += ':';
    std::array<char, 4> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), group_of(address, i), 16).ptr;
    out.append(digits.data(), end);
  }
  return out;
}

bool is_private_v4(const IpAddress& address) {
  const auto& o = address.octets;
  return o[0] == 0 || o[0] == 10 || o[0] == 127 || (o[0] == 100 && (o[1] & 0xc0U) == 64) ||
         (o[0] == 169 && o[1] == 254) || (o[0] == 172 && (o[1] & 0xf0U) == 16) || (o[0] == 192 && o[1] == 168) ||
         o[0] >= 224;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  return text.find(':') == std::string_view::npos ? parse_v4(text) : parse_v6(text);
}

std::string IpAddress::to_string() const {
  if (family == Family::kV6) return v6_text(*this);
  std::string out;
  for (std::size_t i = 0; i < 4; ++i) out += (i > 0 ? "." : "") + std::to_string(octets[i]);
  return out;
}

bool IpAddress::is_unspecified() const {
  return std::ranges::all_of(octets, [](std::uint8_t octet) { return octet == 0; });
}

bool IpAddress::is_loopback() const {
  if (family == Family::kV4) return octets[0] == 127;
  return *this == IpAddress{Family::kV6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
}

bool IpAddress::is_global() const {
  const IpAddress address = unmapped();
  if (address.family == Family::kV4) return !is_private_v4(address);
  return (address.octets[0] & 0xe0U) == 0x20;  // 2000::/3, all that is allocated (RFC 4291)
}

IpAddress IpAddress::unmapped() const {
  constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (family == Family::kV4 || !std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), octets.begin())) return *this;
  return v4(octets[12], octets[13], octets[14], octets[15]);
}

IpAddress network_of(const IpAddress& address) {
  IpAddress out = address.unmapped();
  const std::size_t kept = out.family == IpAddress::Family::kV4 ? 3 : 6;
  std::fill(out.octets.begin() + static_cast<std::ptrdiff_t>(kept), out.octets.end(), std::uint8_t{0});
  return out;
}

std::optional<Endpoint> Endpoint::parse(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  const auto port = number_of<std::uint16_t>(text.substr(colon + 1), 10, 5);
  if (!address || !port || bracketed != (address->family == IpAddress::Family::kV6)) return std::nullopt;
  return Endpoint{*address, *port};
}

std::string Endpoint::to_string() const {
  const bool v6 = address.family == IpAddress::Family::kV6;
  return (v6 ? "[" : "") + address.to_string() + (v6 ? "]:" : ":") + std::to_string(port);
}

}  // namespace turnpike
