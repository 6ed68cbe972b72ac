#include "core/multiaddr/peer_record.h"

#include <gtest/gtest.h>

#include "base/hex.h"
#include "core/multiaddr/peer_record.pb.h"

namespace turnpike::multiaddr {
namespace {

const crypto::SigningKey kKey{Digest{4}};
const identity::PeerId kPeer{kKey.public_key()};
const std::vector<Multiaddr> kAddresses{Multiaddr::tcp({IpAddress::v4(192, 0, 2, 1), 4001}),
                                        Multiaddr::quic_v1({IpAddress::v4(192, 0, 2, 1), 4001})};

Bytes payload_of(const identity::PeerId& peer) {
  const Bytes id = peer.to_bytes();
  wire::PeerRecord record;
  record.set_peer_id(id.data(), id.size());
  record.add_addresses()->set_multiaddr("\x05\x01");  // a kind of address that nobody knows
  return copy_of(bytes_of(record.SerializeAsString()));
}

RecordError error_of(const Bytes& envelope) {
  const auto record = open_record(envelope);
  return record ? RecordError{99} : record.error();
}

TEST(MultiaddrPeerRecord, ComesBackAsItWasSigned) {
  const auto record = open_record(sign_record(kKey, 7, kAddresses));
  ASSERT_TRUE(record);
  EXPECT_EQ(*record, (PeerRecord{identity::AnyPeerId(kPeer), 7, kAddresses}));
}

TEST(MultiaddrPeerRecord, RefusesOneOfAnotherPeer) {
  const identity::PeerId other{Digest{1}};
  EXPECT_EQ(error_of(identity::sign_envelope(kKey, kRecordDomain, kRecordPayloadType, payload_of(other))),
            RecordError::kWrongSigner);
}

TEST(MultiaddrPeerRecord, RefusesOneThatWasChangedOrMadeForAnotherUse) {
  Bytes changed = sign_record(kKey, 7, kAddresses);
  changed.back() ^= 1U;
  EXPECT_EQ(error_of(changed), RecordError::kBadSignature);
  EXPECT_EQ(error_of(identity::sign_envelope(kKey, "another domain", kRecordPayloadType, payload_of(kPeer))),
            RecordError::kBadSignature);
  EXPECT_EQ(error_of(identity::sign_envelope(kKey, kRecordDomain, *from_hex("0302"), payload_of(kPeer))),
            RecordError::kWrongType);
}

TEST(MultiaddrPeerRecord, LeavesOutAddressesOfUnknownKinds) {
  const auto record = open_record(identity::sign_envelope(kKey, kRecordDomain, kRecordPayloadType, payload_of(kPeer)));
  ASSERT_TRUE(record);
  EXPECT_TRUE(record->addresses.empty());
}

TEST(MultiaddrPeerRecord, IsBounded) {
  std::vector<Multiaddr> many;
  for (std::size_t i = 0; i <= kMaxRecordAddresses; ++i) many.push_back(kAddresses[0]);
  EXPECT_EQ(open_record(sign_record(kKey, 1, many))->addresses.size(), kMaxRecordAddresses);
  many.assign(2000, kAddresses[0]);
  EXPECT_EQ(error_of(sign_record(kKey, 1, many)), RecordError::kMalformed) << "longer than kMaxRecordSize";
  EXPECT_EQ(error_of({}), RecordError::kMalformed);
}

}  // namespace
}  // namespace turnpike::multiaddr
