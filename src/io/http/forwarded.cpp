#include "io/http/forwarded.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace turnpike::io::http {
namespace {

constexpr std::string_view kText = "PROXY ";
constexpr std::array<std::uint8_t, 12> kBinary{0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A};
constexpr std::size_t kMaxLine = 107;  // of version 1, its line end included

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
  text.remove_prefix(begin);
  const std::size_t end = text.find_last_not_of(" \t");
  return text.substr(0, end == std::string_view::npos ? 0 : end + 1);
}

// "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80".
std::optional<Endpoint> parse_hop(std::string_view text) {
  if (const auto address = IpAddress::parse(text)) return Endpoint{address->unmapped(), 0};
  if (text.starts_with('[') && text.ends_with(']')) return parse_hop(text.substr(1, text.size() - 2));
  auto endpoint = Endpoint::parse(text);
  if (endpoint) endpoint->address = endpoint->address.unmapped();
  return endpoint;
}

// The next word of a line, up to a blank.
std::string_view take_word(std::string_view& line) {
  const std::size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool whole = !text.empty() && error == std::errc() && end == text.data() + text.size();
  return whole ? std::optional(port) : std::nullopt;
}

Result<ProxyHeader, ProxyHeaderError> parse_text(ByteView bytes) {
  const std::string_view text = text_of(bytes.first(std::min(bytes.size(), kMaxLine)));
  const std::size_t end = text.find("\r\n");
  if (end == std::string_view::npos) {
    return fail(bytes.size() < kMaxLine ? ProxyHeaderError::kIncomplete : ProxyHeaderError::kBad);
  }
  ProxyHeader out{.size = end + 2, .client = {}};
  std::string_view line = text.substr(kText.size(), end - kText.size());
  const std::string_view family = take_word(line);
  if (family == "UNKNOWN") return out;
  const auto source = IpAddress::parse(take_word(line));
  const auto target = IpAddress::parse(take_word(line));
  const auto source_port = parse_port(take_word(line));
  const auto target_port = parse_port(take_word(line));
  const auto wanted = family == "TCP6" ? IpAddress::Family::kV6 : IpAddress::Family::kV4;
  const bool good = (family == "TCP4" || family == "TCP6") && source && target && source_port && target_port &&
                    source->family == wanted && target->family == wanted && line.empty();
  if (!good) return fail(ProxyHeaderError::kBad);
  out.client = Endpoint{source->unmapped(), *source_port};
  return out;
}

Result<ProxyHeader, ProxyHeaderError> parse_binary(ByteView bytes) {
  constexpr std::size_t kFixed = 16;
  if (bytes.size() < kFixed) return fail(ProxyHeaderError::kIncomplete);
  const unsigned command = bytes[12];
  const unsigned family = bytes[13];
  const std::size_t length = std::size_t{bytes[14]} << 8U | bytes[15];
  if ((command != 0x20 && command != 0x21) || kFixed + length > kMaxProxyHeader) return fail(ProxyHeaderError::kBad);
  if (bytes.size() < kFixed + length) return fail(ProxyHeaderError::kIncomplete);
  ProxyHeader out{.size = kFixed + length, .client = {}};
  const ByteView addresses = bytes.subspan(kFixed, length);
  const bool is_v6 = family == 0x21;
  if (command == 0x20 || (family != 0x11 && !is_v6)) return out;  // LOCAL, or a carrier we do not have
  const std::size_t size = is_v6 ? 16 : 4;
  if (length < 2 * size + 4) return fail(ProxyHeaderError::kBad);
  IpAddress source{is_v6 ? IpAddress::Family::kV6 : IpAddress::Family::kV4, {}};
  std::copy_n(addresses.begin(), size, source.octets.begin());
  const std::size_t at = 2 * size;
  const auto port = static_cast<std::uint16_t>(addresses[at] << 8U | addresses[at + 1]);
  out.client = Endpoint{source.unmapped(), port};
  return out;
}

}  // namespace

bool TrustedProxies::contains(const IpAddress& address) const {
  return std::ranges::any_of(networks_, [&](const IpNetwork& network) { return network.contains(address); });
}

Endpoint TrustedProxies::client_of(const Endpoint& peer, std::string_view forwarded_for) const {
  if (!contains(peer.address)) return peer;
  Endpoint client = peer;
  for (std::size_t hop = 0; hop < kMaxForwardedHops && !forwarded_for.empty(); ++hop) {
    const std::size_t comma = forwarded_for.rfind(',');
    const bool is_first = comma == std::string_view::npos;
    const auto parsed = parse_hop(trimmed(is_first ? forwarded_for : forwarded_for.substr(comma + 1)));
    if (!parsed) return client;
    client = *parsed;
    if (!contains(client.address)) return client;
    forwarded_for = is_first ? std::string_view() : forwarded_for.substr(0, comma);
  }
  return client;
}

bool may_be_proxy_header(ByteView bytes) {
  const auto begins = [&](auto sign) {
    const std::size_t size = std::min(bytes.size(), sign.size());
    return std::equal(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size), sign.begin());
  };
  return begins(kText) || begins(kBinary);
}

Result<ProxyHeader, ProxyHeaderError> parse_proxy_header(ByteView bytes) {
  if (!may_be_proxy_header(bytes)) return fail(ProxyHeaderError::kBad);
  if (bytes.empty() || (bytes[0] == kText[0] && bytes.size() < kText.size())) {
    return fail(ProxyHeaderError::kIncomplete);
  }
  return bytes[0] == kText[0] ? parse_text(bytes) : parse_binary(bytes);
}

}  // namespace turnpike::io::http
