#include "base/endpoint_bytes.h"

#include <algorithm>

namespace turnpike {

Bytes endpoint_to_bytes(const Endpoint& endpoint) {
  Bytes out;
  ByteWriter writer(out);
  writer.bytes(ByteView(endpoint.address.octets).first(endpoint.address.size()));
  writer.u16(endpoint.port);
  return out;
}

std::optional<Endpoint> endpoint_from_bytes(ByteView bytes) {
  if (bytes.size() != 6 && bytes.size() != 18) return std::nullopt;
  ByteReader in(bytes);
  Endpoint out;
  out.address.family = bytes.size() == 6 ? IpAddress::Family::kV4 : IpAddress::Family::kV6;
  std::ranges::copy(in.take(out.address.size()), out.address.octets.begin());
  out.port = in.u16();
  return out;
}

}  // namespace turnpike
