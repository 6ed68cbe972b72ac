#include "core/kad/message.h"

#include <algorithm>

#include "core/kad/kad.pb.h"

namespace turnpike::kad {
namespace {

constexpr int kLastType = 5;
constexpr std::uint64_t kCloserTag = 8U << 3U | 2U;
constexpr std::uint64_t kProviderTag = 9U << 3U | 2U;

// Counts the peers that are listed without making anything of them: an empty one takes two bytes here and a hundred in
// memory. What is not understood is left to the parser.
std::size_t listed(ByteView message) {
  ByteReader in(message);
  std::size_t peers = 0;
  while (in.remaining() > 0 && !in.failed()) {
    const std::uint64_t tag = in.varint();
    switch (tag & 7U) {
      case 0:
        in.varint();
        break;
      case 1:
        in.take(8);
        break;
      case 2:
        in.take(static_cast<std::size_t>(in.varint()));
        if (tag == kCloserTag || tag == kProviderTag) ++peers;
        break;
      case 5:
        in.take(4);
        break;
      default:
        return peers;
    }
  }
  return peers;
}

std::vector<multiaddr::Multiaddr> read_addresses(const google::protobuf::RepeatedPtrField<std::string>& fields) {
  std::vector<multiaddr::Multiaddr> out;
  for (const std::string& field : fields) {
    if (out.size() == kMaxAddresses) break;
    if (field.size() > kMaxAddressSize) continue;
    if (auto address = multiaddr::Multiaddr::from_bytes(bytes_of(field))) out.push_back(*std::move(address));
  }
  return out;
}

std::vector<Peer> read_peers(const google::protobuf::RepeatedPtrField<wire::Peer>& fields) {
  std::vector<Peer> out;
  for (const wire::Peer& field : fields) {
    if (out.size() == kMaxPeers) break;
    auto id = identity::AnyPeerId::from_bytes(bytes_of(field.id()));
    if (id) out.push_back({*std::move(id), read_addresses(field.addrs())});
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
  if (listed(message) > kMaxListed) return fail(ParseError::kTooManyPeers);
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

}  // namespace turnpike::kad
