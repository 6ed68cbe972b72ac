#include "core/stun/attribute.h"

#include <algorithm>

namespace turnpike::stun {
namespace {

constexpr std::uint8_t kFamilyV4 = 1;
constexpr std::uint8_t kFamilyV6 = 2;
constexpr std::uint32_t kChangeAddress = 4;
constexpr std::uint32_t kChangePort = 2;

// XOR with the cookie and then the transaction id (RFC 8489, section 14.2). Its own inverse.
Endpoint masked(Endpoint endpoint, const TransactionId& id) {
  std::array<std::uint8_t, 16> mask{0x21, 0x12, 0xA4, 0x42};
  std::ranges::copy(id, mask.begin() + 4);
  endpoint.port = static_cast<std::uint16_t>(endpoint.port ^ (kMagicCookie >> 16U));
  for (std::size_t i = 0; i < endpoint.address.size(); ++i) endpoint.address.octets[i] ^= mask[i];
  return endpoint;
}

// One entry: algorithm, size of its parameters, parameters padded to words.
struct RawAlgorithm {
  std::uint16_t number = 0;
  std::uint16_t parameters = 0;
};

RawAlgorithm take_algorithm(ByteReader& in) {
  const RawAlgorithm out{in.u16(), in.u16()};
  in.take((out.parameters + 3U) & ~3U);
  return out;
}

std::optional<PasswordAlgorithm> known_algorithm(const RawAlgorithm& raw) {
  if (raw.parameters != 0 || (raw.number != 1 && raw.number != 2)) return std::nullopt;
  return static_cast<PasswordAlgorithm>(raw.number);
}

}  // namespace

std::optional<std::uint32_t> read_u32(ByteView value) {
  if (value.size() != 4) return std::nullopt;
  return ByteReader(value).u32();
}

std::optional<std::uint64_t> read_u64(ByteView value) {
  if (value.size() != 8) return std::nullopt;
  return ByteReader(value).u64();
}

std::optional<std::string_view> read_text(ByteView value, std::size_t max_size) {
  if (value.size() > max_size || std::ranges::find(value, 0) != value.end()) return std::nullopt;
  return text_of(value);
}

std::optional<Endpoint> read_address(ByteView value) {
  ByteReader in(value);
  in.u8();  // reserved
  const std::uint8_t family = in.u8();
  Endpoint endpoint{.address = {}, .port = in.u16()};
  if (family == kFamilyV6) endpoint.address.family = IpAddress::Family::kV6;
  const ByteView octets = in.take(endpoint.address.size());
  if ((family != kFamilyV4 && family != kFamilyV6) || in.failed() || in.remaining() > 0) return std::nullopt;
  std::ranges::copy(octets, endpoint.address.octets.begin());
  return endpoint;
}

void add_address(MessageWriter& out, AttributeType type, const Endpoint& endpoint) {
  std::array<std::uint8_t, 20> value{};
  value[1] = endpoint.address.family == IpAddress::Family::kV4 ? kFamilyV4 : kFamilyV6;
  value[2] = static_cast<std::uint8_t>(endpoint.port >> 8U);
  value[3] = static_cast<std::uint8_t>(endpoint.port);
  std::ranges::copy(endpoint.address.octets, value.begin() + 4);
  out.add(type, ByteView(value).first(4 + endpoint.address.size()));
}

std::optional<Endpoint> read_xor_address(ByteView value, const TransactionId& id) {
  const auto wire = read_address(value);
  if (!wire) return std::nullopt;
  return masked(*wire, id);
}

void add_xor_address(MessageWriter& out, AttributeType type, const Endpoint& endpoint) {
  add_address(out, type, masked(endpoint, out.id()));
}

std::string_view default_reason(ErrorCode code) {
  switch (code) {
    case ErrorCode::kTryAlternate:
      return "Try Alternate";
    case ErrorCode::kBadRequest:
      return "Bad Request";
    case ErrorCode::kUnauthenticated:
      return "Unauthenticated";
    case ErrorCode::kForbidden:
      return "Forbidden";
    case ErrorCode::kUnknownAttribute:
      return "Unknown Attribute";
    case ErrorCode::kAllocationMismatch:
      return "Allocation Mismatch";
    case ErrorCode::kStaleNonce:
      return "Stale Nonce";
    case ErrorCode::kAddressFamilyNotSupported:
      return "Address Family not Supported";
    case ErrorCode::kWrongCredentials:
      return "Wrong Credentials";
    case ErrorCode::kUnsupportedTransport:
      return "Unsupported Transport Protocol";
    case ErrorCode::kPeerAddressFamilyMismatch:
      return "Peer Address Family Mismatch";
    case ErrorCode::kAllocationQuotaReached:
      return "Allocation Quota Reached";
    case ErrorCode::kRoleConflict:
      return "Role Conflict";
    case ErrorCode::kServerError:
      return "Server Error";
    case ErrorCode::kInsufficientCapacity:
      return "Insufficient Capacity";
  }
  return "Error";
}

std::optional<Error> read_error(ByteView value) {
  ByteReader in(value);
  in.u16();  // reserved
  const std::uint8_t hundreds = in.u8() & 7U;
  const std::uint8_t number = in.u8();
  if (in.failed() || hundreds < 3 || hundreds > 6 || number > 99) return std::nullopt;
  const auto code = static_cast<ErrorCode>(hundreds * 100 + number);
  return Error{code, read_text(in.take(in.remaining())).value_or("")};
}

void add_error(MessageWriter& out, ErrorCode code) {
  const auto number = static_cast<unsigned>(code);
  Bytes value{0, 0, static_cast<std::uint8_t>(number / 100), static_cast<std::uint8_t>(number % 100)};
  ByteWriter(value).bytes(bytes_of(default_reason(code)));
  out.add(AttributeType::kErrorCode, value);
}

std::vector<AttributeType> read_unknown_attributes(ByteView value) {
  std::vector<AttributeType> out;
  ByteReader in(value);
  while (in.remaining() >= 2 && out.size() < kMaxUnknownTold) out.push_back(static_cast<AttributeType>(in.u16()));
  return out;
}

void add_unknown_attributes(MessageWriter& out, std::span<const AttributeType> types) {
  Bytes value;
  ByteWriter writer(value);
  for (const AttributeType type : types.first(std::min(types.size(), kMaxUnknownTold))) {
    writer.u16(static_cast<std::uint16_t>(type));
  }
  out.add(AttributeType::kUnknownAttributes, value);
}

std::vector<AttributeType> unknown_attributes(const MessageView& message, std::span<const AttributeType> known) {
  std::vector<AttributeType> out;
  for (auto at = message.next(kHeaderSize); at && out.size() < kMaxUnknownTold;
       at = message.next(MessageView::end_of(*at))) {
    if (!is_comprehension_required(at->type) || std::ranges::find(known, at->type) != known.end()) continue;
    if (std::ranges::find(out, at->type) == out.end()) out.push_back(at->type);
  }
  return out;
}

std::optional<ChangeRequest> read_change_request(ByteView value) {
  const auto flags = read_u32(value);
  if (!flags) return std::nullopt;
  return ChangeRequest{(*flags & kChangeAddress) != 0, (*flags & kChangePort) != 0};
}

void add_change_request(MessageWriter& out, ChangeRequest change) {
  out.add_u32(AttributeType::kChangeRequest, (change.address ? kChangeAddress : 0) | (change.port ? kChangePort : 0));
}

std::optional<std::vector<PasswordAlgorithm>> read_password_algorithms(ByteView value) {
  std::vector<PasswordAlgorithm> out;
  ByteReader in(value);
  while (in.remaining() > 0) {
    const auto algorithm = known_algorithm(take_algorithm(in));
    if (in.failed()) return std::nullopt;
    if (algorithm && std::ranges::find(out, *algorithm) == out.end()) out.push_back(*algorithm);
  }
  return out;
}

std::optional<PasswordAlgorithm> read_password_algorithm(ByteView value) {
  ByteReader in(value);
  const auto algorithm = known_algorithm(take_algorithm(in));
  if (in.failed() || in.remaining() > 0) return std::nullopt;
  return algorithm;
}

void add_password_algorithms(MessageWriter& out, std::span<const PasswordAlgorithm> algorithms) {
  Bytes value;
  ByteWriter writer(value);
  for (const PasswordAlgorithm algorithm : algorithms) {
    writer.u16(static_cast<std::uint16_t>(algorithm));
    writer.u16(0);
  }
  out.add(AttributeType::kPasswordAlgorithms, value);
}

void add_password_algorithm(MessageWriter& out, PasswordAlgorithm algorithm) {
  out.add_u32(AttributeType::kPasswordAlgorithm, static_cast<std::uint32_t>(algorithm) << 16U);
}

}  // namespace turnpike::stun
