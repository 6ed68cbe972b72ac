#include "core/kad/message.h"

#include <algorithm>

#include "core/kad/kad.pb.h"

namespace turnpike::kad {
namespace {

constexpr int kLastType = 5;

std::vector<Peer> read_peers(const google::protobuf::RepeatedPtrField<wire::Peer>& fields) {
  std::vector<Peer> out;
  for (const wire::Peer& field : fields) {
    if (out.size() == kMaxPeers) break;
    auto id = identity::AnyPeerId::from_bytes(bytes_of(field.id()));
    if (id) out.push_back({*std::move(id), multiaddr::read_all(field.addrs(), kMaxAddresses)});
  }
  return out;
}

// Peers whose addresses do not fit are written without them: their ids alone can still be looked up.
void write_peer(wire::Peer& out, const Peer& peer, std::size_t& room) {
  out.set_id(peer.id.to_bytes().data(), peer.id.to_bytes().size());
  for (std::size_t i = 0; i < std::min(peer.addresses.size(), kMaxAddresses); ++i) {
    const Bytes bytes = peer.addresses[i].to_bytes();
    constexpr std::size_t kOverhead = 4;  // tag and length
    if (bytes.size() + kOverhead > room) return;
    room -= bytes.size() + kOverhead;
    out.add_addrs(bytes.data(), bytes.size());
  }
}

}  // namespace

Result<Message, ParseError> decode(ByteView message) {
  wire::Message in;
  if (!in.ParseFromArray(message.data(), static_cast<int>(message.size()))) return fail(ParseError::kMalformed);
  if (in.type() < 0 || in.type() > kLastType) return fail(ParseError::kUnknownType);
  if (in.key().size() > kMaxKey) return fail(ParseError::kKeyTooLong);
  return Message{static_cast<Type>(in.type()), copy_of(bytes_of(in.key())), read_peers(in.closerpeers()),
                 read_peers(in.providerpeers())};
}

Bytes encode(const Message& message) {
  wire::Message out;
  std::size_t room = kMaxMessage - 8192;  // for the key, the ids and what is around them
  out.set_type(static_cast<int>(message.type));
  out.set_key(message.key.data(), message.key.size());
  for (std::size_t i = 0; i < std::min(message.closer.size(), kMaxPeers); ++i) {
    write_peer(*out.add_closerpeers(), message.closer[i], room);
  }
  for (std::size_t i = 0; i < std::min(message.providers.size(), kMaxPeers); ++i) {
    write_peer(*out.add_providerpeers(), message.providers[i], room);
  }
  const std::string text = out.SerializeAsString();
  Bytes bytes;
  ByteWriter writer(bytes);
  writer.varint(text.size());
  writer.bytes(bytes_of(text));
  return bytes;
}

std::optional<Endpoint> endpoint_of(const multiaddr::Multiaddr& address) {
  const auto tcp = address.tcp_endpoint();
  return tcp ? tcp : address.quic_endpoint();
}

bool is_public(const multiaddr::Multiaddr& address) {
  const auto endpoint = endpoint_of(address);
  return endpoint && endpoint->port != 0 && endpoint->address.unmapped().is_global();
}

}  // namespace turnpike::kad
