#include "core/portmap/pcp.h"

namespace turnpike::portmap::pcp {
namespace {

constexpr std::uint8_t kVersion = 2;
constexpr std::uint8_t kAnnounce = 0;
constexpr std::uint8_t kMap = 1;
constexpr std::uint8_t kResponse = 0x80;
constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kUdp = 17;

// §5: IPv4 addresses travel as ::ffff:a.b.c.d, also when all of the four are zero.
void put_address(ByteWriter& out, const IpAddress& address) {
  if (address.family == IpAddress::Family::kV6) return out.bytes(address.octets);
  for (int i = 0; i < 10; ++i) out.u8(0);
  out.u16(0xffff);
  out.bytes(ByteView(address.octets).first(4));
}

IpAddress read_address(ByteReader& in) { return IpAddress{IpAddress::Family::kV6, in.array<16>()}.unmapped(); }

void put_body(ByteWriter&, const Announce&) {}
void put_body(ByteWriter& out, const Map& map) {
  out.bytes(map.nonce);
  out.u8(map.transport == Transport::kTcp ? kTcp : kUdp);
  out.u8(0);
  out.u16(0);
  out.u16(map.internal_port);
  out.u16(map.external.port);
  put_address(out, map.external.address);
}

std::uint8_t opcode_of(const Body& body) { return std::holds_alternative<Map>(body) ? kMap : kAnnounce; }

// §7.3: a code, a reserved octet, a length without the padding to 32 bits.
bool options_fit(ByteReader& in) {
  while (in.remaining() > 0) {
    in.take(2);
    const std::uint16_t length = in.u16();
    in.take(length);
    in.take((4U - length % 4U) % 4U);
    if (in.failed()) return false;
  }
  return true;
}

Result<Body, ParseError> read_body(ByteReader& in, std::uint8_t opcode) {
  if (opcode != kAnnounce && opcode != kMap) return fail(ParseError::kUnknown);
  Body body = Announce{};
  if (opcode == kMap) {
    Map map;
    map.nonce = in.array<12>();
    const std::uint8_t protocol = in.u8();
    in.take(3);
    map.internal_port = in.u16();
    map.external.port = in.u16();
    map.external.address = read_address(in);
    if (in.failed()) return fail(ParseError::kTruncated);
    if (protocol != kTcp && protocol != kUdp) return fail(ParseError::kUnknown);
    map.transport = protocol == kTcp ? Transport::kTcp : Transport::kUdp;
    body = map;
  }
  if (!options_fit(in)) return fail(ParseError::kBadLength);
  return body;
}

std::optional<ParseError> wrong_size(ByteView datagram) {
  if (datagram.size() > kMaxMessage) return ParseError::kTooLong;
  if (datagram.size() < 24) return ParseError::kTruncated;
  if (datagram.size() % 4 != 0) return ParseError::kBadLength;
  return std::nullopt;
}

}  // namespace

Bytes make_request(const Request& request) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.u8(kVersion);
  out.u8(opcode_of(request.body));
  out.u16(0);
  out.u32(request.lifetime);
  put_address(out, request.client);
  std::visit([&out](const auto& body) { put_body(out, body); }, request.body);
  return bytes;
}

Result<Request, ParseError> parse_request(ByteView datagram) {
  if (const auto wrong = wrong_size(datagram)) return fail(*wrong);
  ByteReader in(datagram);
  if (in.u8() != kVersion) return fail(ParseError::kOtherVersion);
  const std::uint8_t opcode = in.u8();
  if ((opcode & kResponse) != 0) return fail(ParseError::kUnknown);
  in.take(2);
  Request request{.lifetime = in.u32(), .client = read_address(in), .body = {}};
  auto body = read_body(in, opcode);
  if (!body) return fail(body.error());
  request.body = *std::move(body);
  return request;
}

Bytes make_response(const Response& response) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.u8(kVersion);
  out.u8(static_cast<std::uint8_t>(kResponse | opcode_of(response.body)));
  out.u8(0);
  out.u8(static_cast<std::uint8_t>(response.code));
  out.u32(response.lifetime);
  out.u32(response.epoch);
  for (int i = 0; i < 3; ++i) out.u32(0);
  std::visit([&out](const auto& body) { put_body(out, body); }, response.body);
  return bytes;
}

Result<Response, ParseError> parse_response(ByteView datagram) {
  ByteReader in(datagram);
  const std::uint8_t version = in.u8();
  const std::uint8_t opcode = in.u8();
  if (in.failed()) return fail(ParseError::kTruncated);
  if ((opcode & kResponse) == 0) return fail(ParseError::kNotAResponse);
  if (version != kVersion) return fail(ParseError::kOtherVersion);  // whatever its size: NAT-PMP's is 8 bytes
  if (const auto wrong = wrong_size(datagram)) return fail(*wrong);
  in.u8();
  Response response{.code = static_cast<Code>(in.u8()), .lifetime = in.u32(), .epoch = in.u32(), .body = {}};
  in.take(12);
  auto body = read_body(in, opcode & 0x7fU);
  if (!body) return fail(body.error());
  response.body = *std::move(body);
  return response;
}

}  // namespace turnpike::portmap::pcp
