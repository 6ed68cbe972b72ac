#include "core/portmap/nat_pmp.h"

namespace turnpike::portmap::nat_pmp {
namespace {

constexpr std::uint8_t kVersion = 0;
constexpr std::uint8_t kAddress = 0;
constexpr std::uint8_t kMapUdp = 1;
constexpr std::uint8_t kMapTcp = 2;
constexpr std::uint8_t kResponse = 128;

std::uint8_t opcode_of(Transport transport) { return transport == Transport::kUdp ? kMapUdp : kMapTcp; }
Transport transport_of_opcode(std::uint8_t opcode) { return opcode == kMapUdp ? Transport::kUdp : Transport::kTcp; }

IpAddress read_v4(ByteReader& in) {
  const auto octets = in.array<4>();
  return IpAddress::v4(octets[0], octets[1], octets[2], octets[3]);
}

struct OpcodeOf {
  std::uint8_t operator()(const AddressAnswer&) const { return kAddress; }
  std::uint8_t operator()(const MapAnswer& map) const { return opcode_of(map.transport); }
  std::uint8_t operator()(const ErrorAnswer& error) const { return error.opcode; }
};

void put_body(ByteWriter& out, const AddressAnswer& answer) { out.bytes(ByteView(answer.external.octets).first(4)); }
void put_body(ByteWriter& out, const MapAnswer& answer) {
  out.u16(answer.internal_port);
  out.u16(answer.external_port);
  out.u32(answer.lifetime);
}
void put_body(ByteWriter& out, const ErrorAnswer& answer) {
  if (!answer.internal_port) return;
  out.u16(*answer.internal_port);
  out.u16(0);
  out.u32(0);
}

}  // namespace

Bytes make_request(const Request& request) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.u8(kVersion);
  const auto* map = std::get_if<MapRequest>(&request);
  out.u8(map == nullptr ? kAddress : opcode_of(map->transport));
  if (map == nullptr) return bytes;
  out.u16(0);
  out.u16(map->internal_port);
  out.u16(map->external_port);
  out.u32(map->lifetime);
  return bytes;
}

Result<Request, ParseError> parse_request(ByteView datagram) {
  ByteReader in(datagram);
  const std::uint8_t version = in.u8();
  const std::uint8_t opcode = in.u8();
  if (in.failed()) return fail(ParseError::kTruncated);
  if (version != kVersion) return fail(ParseError::kNotNatPmp);
  if (opcode == kAddress) return Request{AddressRequest{}};
  if (opcode != kMapUdp && opcode != kMapTcp) return fail(ParseError::kUnknownOpcode);
  in.take(2);
  MapRequest map{.transport = transport_of_opcode(opcode)};
  map.internal_port = in.u16();
  map.external_port = in.u16();
  map.lifetime = in.u32();
  if (in.failed()) return fail(ParseError::kTruncated);
  return Request{map};
}

Bytes make_response(const Response& response) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.u8(kVersion);
  out.u8(static_cast<std::uint8_t>(kResponse | std::visit(OpcodeOf{}, response.body)));
  out.u16(static_cast<std::uint16_t>(response.code));
  out.u32(response.epoch);
  std::visit([&out](const auto& body) { put_body(out, body); }, response.body);
  return bytes;
}

Result<Response, ParseError> parse_response(ByteView datagram) {
  ByteReader in(datagram);
  const std::uint8_t version = in.u8();
  const std::uint8_t opcode = in.u8();
  Response response{.code = static_cast<Code>(in.u16()), .epoch = in.u32(), .body = {}};
  if (in.failed()) return fail(ParseError::kTruncated);
  if (version != kVersion) return fail(ParseError::kNotNatPmp);
  if ((opcode & kResponse) == 0) return fail(ParseError::kNotAResponse);

  const std::uint8_t asked = opcode & 0x7fU;
  if (response.code != Code::kSuccess) {
    ErrorAnswer error{.opcode = asked, .internal_port = std::nullopt};
    if (asked != kAddress && in.remaining() >= 8) error.internal_port = in.u16();
    response.body = error;
    return response;
  }
  if (asked == kAddress) {
    response.body = AddressAnswer{read_v4(in)};
  } else if (asked == kMapUdp || asked == kMapTcp) {
    MapAnswer map{.transport = transport_of_opcode(asked)};
    map.internal_port = in.u16();
    map.external_port = in.u16();
    map.lifetime = in.u32();
    response.body = map;
  } else {
    return fail(ParseError::kUnknownOpcode);
  }
  if (in.failed()) return fail(ParseError::kTruncated);
  return response;
}

}  // namespace turnpike::portmap::nat_pmp
