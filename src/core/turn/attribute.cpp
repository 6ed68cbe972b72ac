#include "core/turn/attribute.h"

#include <algorithm>

namespace turnpike::turn {
namespace {

constexpr std::uint8_t kFamilyV4 = 1;
constexpr std::uint8_t kFamilyV6 = 2;

std::uint8_t number_of(IpAddress::Family family) { return family == IpAddress::Family::kV4 ? kFamilyV4 : kFamilyV6; }

}  // namespace

std::optional<ChannelNumber> read_channel_number(ByteView value) {
  const auto word = stun::read_u32(value);
  if (!word) return std::nullopt;
  return static_cast<ChannelNumber>(*word >> 16U);
}

void add_channel_number(MessageWriter& out, ChannelNumber number) {
  out.add_u32(AttributeType::kChannelNumber, std::uint32_t{number} << 16U);
}

std::optional<Duration> read_lifetime(ByteView value) {
  const auto seconds = stun::read_u32(value);
  if (!seconds) return std::nullopt;
  return std::chrono::seconds(*seconds);
}

void add_lifetime(MessageWriter& out, Duration lifetime) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(lifetime).count();
  out.add_u32(AttributeType::kLifetime, static_cast<std::uint32_t>(std::clamp<long long>(seconds, 0, UINT32_MAX)));
}

std::optional<std::uint8_t> read_requested_transport(ByteView value) {
  const auto word = stun::read_u32(value);
  if (!word) return std::nullopt;
  return static_cast<std::uint8_t>(*word >> 24U);
}

void add_requested_transport(MessageWriter& out) {
  out.add_u32(AttributeType::kRequestedTransport, std::uint32_t{kProtocolUdp} << 24U);
}

std::optional<RequestedFamily> read_address_family(ByteView value) {
  const auto word = stun::read_u32(value);
  if (!word) return std::nullopt;
  const std::uint32_t family = *word >> 24U;
  if (family == kFamilyV4) return RequestedFamily::kV4;
  return family == kFamilyV6 ? RequestedFamily::kV6 : RequestedFamily::kUnknown;
}

void add_address_family(MessageWriter& out, AttributeType type, IpAddress::Family family) {
  out.add_u32(type, std::uint32_t{number_of(family)} << 24U);
}

void add_address_error(MessageWriter& out, IpAddress::Family family, ErrorCode code) {
  const auto number = static_cast<unsigned>(code);
  Bytes value{number_of(family), 0, static_cast<std::uint8_t>(number / 100), static_cast<std::uint8_t>(number % 100)};
  ByteWriter(value).bytes(bytes_of(stun::default_reason(code)));
  out.add(AttributeType::kAddressErrorCode, value);
}

std::optional<bool> read_even_port(ByteView value) {
  if (value.size() != 1) return std::nullopt;
  return (value.front() & 0x80U) != 0;
}

}  // namespace turnpike::turn
