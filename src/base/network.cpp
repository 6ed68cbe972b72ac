#include "base/network.h"

#include <charconv>

namespace turnpike {

std::optional<IpNetwork> IpNetwork::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  const auto bits = static_cast<unsigned>(8 * address->size());
  if (slash == std::string_view::npos) return IpNetwork{*address, bits};
  const std::string_view digits = text.substr(slash + 1);
  unsigned prefix = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
  const bool whole = error == std::errc() && end == digits.data() + digits.size();
  if (!whole || prefix > bits) return std::nullopt;
  return IpNetwork{*address, prefix};
}

std::string IpNetwork::to_string() const { return address.to_string() + "/" + std::to_string(prefix); }

bool IpNetwork::contains(const IpAddress& other) const {
  const IpAddress plain = other.unmapped();
  if (plain.family != address.family) return false;
  const unsigned whole = prefix / 8;
  for (unsigned i = 0; i < whole; ++i) {
    if (plain.octets[i] != address.octets[i]) return false;
  }
  const unsigned rest = prefix % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xFFU << (8 - rest));
  return (plain.octets[whole] & mask) == (address.octets[whole] & mask);
}

}  // namespace turnpike
