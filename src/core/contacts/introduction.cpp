#include "core/contacts/introduction.h"

#include <algorithm>

#include "core/contacts/introduction.pb.h"
#include "core/identity/statement.h"
#include "core/kad/realm.h"
#include "core/multiaddr/peer_record.h"

namespace turnpike::contacts {

Bytes encode_introductions(const std::vector<Bytes>& envelopes) {
  wire::Introductions out;
  for (const Bytes& envelope : envelopes) {
    if (static_cast<std::size_t>(out.records_size()) == kMaxIntroductions) break;
    if (envelope.size() <= kMaxEnvelope) out.add_records(envelope.data(), envelope.size());
  }
  const std::string text = out.SerializeAsString();
  Bytes bytes;
  ByteWriter writer(bytes);
  writer.varint(text.size());
  writer.bytes(bytes_of(text));
  return bytes;
}

Result<std::vector<Introduced>, IntroductionError> read_introductions(ByteView answer, WallTime now,
                                                                      const identity::PeerId& self,
                                                                      const identity::PeerId& teller,
                                                                      const IpAddress& at) {
  wire::Introductions in;
  if (answer.size() > kMaxAnswer) return fail(IntroductionError::kTooLong);
  if (!in.ParseFromArray(answer.data(), static_cast<int>(answer.size()))) return fail(IntroductionError::kMalformed);
  if (static_cast<std::size_t>(in.records_size()) > kMaxIntroductions) return fail(IntroductionError::kTooMany);
  const bool is_long =
      std::ranges::any_of(in.records(), [](const std::string& record) { return record.size() > kMaxEnvelope; });
  if (is_long) return fail(IntroductionError::kTooLong);
  std::vector<Introduced> out;
  for (const std::string& envelope : in.records()) {
    const auto record = multiaddr::open_record(bytes_of(envelope));
    if (!record) return fail(IntroductionError::kBadRecord);
    if (record->seq > now.unix_ms + identity::kClockToleranceMs) return fail(IntroductionError::kBadRecord);
    const auto peer = record->peer.ed25519();
    const bool is_old = record->seq + kMaxRecordAgeMs < now.unix_ms;
    if (!peer || is_old || *peer == self || *peer == teller) continue;
    Introduced one{*peer, {}};
    for (const multiaddr::Multiaddr& address : kad::passing(record->addresses, at, record->peer)) {
      if (const auto endpoint = address.tcp_endpoint()) one.tcp.push_back(*endpoint);
    }
    const bool again = std::ranges::find(out, *peer, &Introduced::peer) != out.end();
    if (!one.tcp.empty() && !again) out.push_back(std::move(one));
  }
  return out;
}

}  // namespace turnpike::contacts
