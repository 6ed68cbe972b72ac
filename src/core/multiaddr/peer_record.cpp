#include "core/multiaddr/peer_record.h"

#include <algorithm>

#include "core/multiaddr/peer_record.pb.h"

namespace turnpike::multiaddr {

Bytes sign_record(const crypto::SigningKey& key, std::uint64_t seq, const std::vector<Multiaddr>& addresses) {
  const Bytes peer = identity::PeerId{key.public_key()}.to_bytes();
  wire::PeerRecord record;
  record.set_peer_id(peer.data(), peer.size());
  record.set_seq(seq);
  for (const Multiaddr& address : addresses) {
    const Bytes bytes = address.to_bytes();
    record.add_addresses()->set_multiaddr(bytes.data(), bytes.size());
  }
  return identity::sign_envelope(key, kRecordDomain, kRecordPayloadType, bytes_of(record.SerializeAsString()));
}

Result<PeerRecord, RecordError> open_record(ByteView envelope) {
  if (envelope.size() > kMaxRecordSize) return fail(RecordError::kMalformed);
  const auto opened = identity::open_foreign_envelope(envelope, kRecordDomain);
  if (!opened) {
    const bool is_forged = opened.error() == identity::EnvelopeError::kBadSignature;
    return fail(is_forged ? RecordError::kBadSignature : RecordError::kMalformed);
  }
  if (!std::ranges::equal(opened->payload_type, kRecordPayloadType)) return fail(RecordError::kWrongType);
  wire::PeerRecord record;
  const Bytes& payload = opened->payload;
  if (!record.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) return fail(RecordError::kMalformed);
  const auto peer = identity::AnyPeerId::from_bytes(bytes_of(record.peer_id()));
  if (!peer) return fail(RecordError::kMalformed);
  if (*peer != identity::AnyPeerId::of(opened->signer)) return fail(RecordError::kWrongSigner);
  PeerRecord out{*peer, record.seq(), {}};
  for (const auto& info : record.addresses()) {
    if (out.addresses.size() == kMaxRecordAddresses) break;
    if (auto address = Multiaddr::from_bytes(bytes_of(info.multiaddr()))) out.addresses.push_back(*std::move(address));
  }
  return out;
}

}  // namespace turnpike::multiaddr
