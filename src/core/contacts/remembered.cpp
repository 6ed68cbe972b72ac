#include "core/contacts/remembered.h"

#include <algorithm>

#include "core/contacts/contacts.pb.h"

namespace turnpike::contacts {
namespace {

constexpr std::size_t kV4 = 4 + 2;
constexpr std::size_t kV6 = 16 + 2;

std::string text_of_endpoint(const Endpoint& endpoint) {
  Bytes out(endpoint.address.octets.begin(),
            endpoint.address.octets.begin() + static_cast<std::ptrdiff_t>(endpoint.address.size()));
  ByteWriter(out).u16(endpoint.port);
  return std::string(text_of(out));
}

std::optional<Endpoint> endpoint_of(std::string_view text) {
  if (text.size() != kV4 && text.size() != kV6) return std::nullopt;
  Endpoint out;
  out.address.family = text.size() == kV4 ? IpAddress::Family::kV4 : IpAddress::Family::kV6;
  ByteReader in(bytes_of(text));
  std::ranges::copy(in.take(text.size() - 2), out.address.octets.begin());
  out.port = in.u16();
  return out;
}

}  // namespace

Bytes encode(const std::vector<Remembered>& peers) {
  wire::Book out;
  for (std::size_t i = 0; i < std::min(peers.size(), kMaxRemembered); ++i) {
    wire::Remembered& row = *out.add_peers();
    const Bytes id = peers[i].peer.to_bytes();
    row.set_peer(id.data(), id.size());
    for (const Endpoint& each : peers[i].tcp) row.add_addresses(text_of_endpoint(each));
    row.set_met(peers[i].met);
  }
  return copy_of(bytes_of(out.SerializeAsString()));
}

std::vector<Remembered> decode(ByteView bytes) {
  std::vector<Remembered> out;
  wire::Book in;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return out;
  for (const wire::Remembered& row : in.peers()) {
    const auto peer = identity::PeerId::from_bytes(bytes_of(row.peer()));
    if (!peer || out.size() == kMaxRemembered) continue;
    Remembered one{*peer, {}, row.met()};
    for (const std::string& each : row.addresses()) {
      const auto endpoint = endpoint_of(each);
      if (endpoint && one.tcp.size() < kMaxAddresses) one.tcp.push_back(*endpoint);
    }
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace turnpike::contacts
