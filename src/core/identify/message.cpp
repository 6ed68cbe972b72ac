#include "core/identify/message.h"

#include <algorithm>

#include "core/identify/identify.pb.h"

namespace turnpike::identify {
namespace {

// The work of checking a record's signature is done once for each message that has one: bounded by kMaxMessages.
void read_record(Info& into, const std::string& envelope) {
  auto record = multiaddr::open_record(bytes_of(envelope));
  if (!record || (into.record && into.record->seq >= record->seq)) return;
  into.record = *std::move(record);
  into.envelope = copy_of(bytes_of(envelope));
}

bool is_printable(const std::string& text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

wire::Identify message_of(const Self& self, const std::optional<multiaddr::Multiaddr>& observed,
                          std::size_t addresses) {
  wire::Identify out;
  const std::vector<multiaddr::Multiaddr> listen(self.listen.begin(),
                                                 self.listen.begin() + static_cast<std::ptrdiff_t>(addresses));
  const Bytes key = identity::PublicKey::of({self.key->public_key()}).encode();
  out.set_publickey(key.data(), key.size());
  for (const multiaddr::Multiaddr& address : listen) {
    const Bytes bytes = address.to_bytes();
    out.add_listenaddrs(bytes.data(), bytes.size());
  }
  for (const std::string& protocol : self.protocols) out.add_protocols(protocol);
  if (observed) {
    const Bytes bytes = observed->to_bytes();
    out.set_observedaddr(bytes.data(), bytes.size());
  }
  out.set_protocolversion(std::string(kProtocolVersion));
  out.set_agentversion(self.agent);
  const Bytes record = multiaddr::sign_record(*self.key, self.record_seq, listen);
  out.set_signedpeerrecord(record.data(), record.size());
  return out;
}

}  // namespace

bool Info::speaks(std::string_view protocol) const { return std::ranges::find(protocols, protocol) != protocols.end(); }

bool Info::is_of(const identity::AnyPeerId& peer) const {
  if (key && identity::AnyPeerId::of(*key) != peer) return false;
  return !record || record->peer == peer;
}

const std::vector<multiaddr::Multiaddr>& Info::addresses() const { return record ? record->addresses : listen; }

void Info::update(const Info& push) {
  if (push.has_protocols) protocols = push.protocols;
  if (push.has_listen) listen = push.listen;
  if (push.observed) observed = push.observed;
  if (!push.agent.empty()) agent = push.agent;
  if (!push.record || (record && push.record->seq <= record->seq)) return;
  record = push.record;
  envelope = push.envelope;
}

std::optional<Bytes> encode(const Self& self, const std::optional<multiaddr::Multiaddr>& observed) {
  std::size_t addresses = std::min(self.listen.size(), kMaxAddresses);
  for (;; --addresses) {
    const std::string message = message_of(self, observed, addresses).SerializeAsString();
    Bytes out;
    ByteWriter writer(out);
    writer.varint(message.size());
    writer.bytes(bytes_of(message));
    if (out.size() <= kMaxSent) return out;
    if (addresses == 0) return std::nullopt;
  }
}

bool merge(Info& into, ByteView message) {
  wire::Identify in;
  if (!in.ParseFromArray(message.data(), static_cast<int>(message.size()))) return false;
  if (in.has_publickey()) {
    const auto key = identity::PublicKey::decode(bytes_of(in.publickey()));
    if (!key) return false;
    into.key = key;
  }
  into.has_listen |= in.listenaddrs_size() > 0;
  into.has_protocols |= in.protocols_size() > 0;
  for (auto& address : multiaddr::read_all(in.listenaddrs(), kMaxAddresses - into.listen.size())) {
    into.listen.push_back(std::move(address));
  }
  for (const std::string& protocol : in.protocols()) {
    if (into.protocols.size() == kMaxProtocols) break;
    const bool is_name = !protocol.empty() && protocol.size() <= kMaxProtocolName && is_printable(protocol);
    if (is_name) into.protocols.push_back(protocol);
  }
  if (in.has_observedaddr()) {
    if (auto observed = multiaddr::Multiaddr::from_bytes(bytes_of(in.observedaddr()))) into.observed = *observed;
  }
  if (in.has_agentversion() && is_printable(in.agentversion())) into.agent = in.agentversion().substr(0, kMaxAgent);
  if (in.has_signedpeerrecord()) read_record(into, in.signedpeerrecord());
  return true;
}

}  // namespace turnpike::identify
