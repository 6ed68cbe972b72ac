#include "core/identify/message.h"

#include <gmock/gmock.h>

#include "core/identify/identify.pb.h"

namespace turnpike::identify {
namespace {

using multiaddr::Multiaddr;

const crypto::SigningKey kKey{Digest{5}};
const identity::AnyPeerId kPeer{identity::PeerId{kKey.public_key()}};
const Multiaddr kHere = Multiaddr::tcp({IpAddress::v4(192, 0, 2, 1), 4001});
const Multiaddr kSeen = Multiaddr::tcp({IpAddress::v4(203, 0, 113, 9), 50000});

Self self() {
  return {.key = &kKey,
          .listen = {kHere},
          .protocols = {"/ipfs/id/1.0.0", "/dig/1.0.0"},
          .agent = "turnpike/1",
          .record_seq = 1000};
}

Info read(ByteView delimited) {
  ByteReader in(delimited);
  const auto size = static_cast<std::size_t>(in.varint());
  Info info;
  EXPECT_TRUE(merge(info, in.take(size)));
  EXPECT_EQ(in.remaining(), 0U);
  return info;
}

TEST(IdentifyMessage, TellsKeyAddressesProtocolsAndWhereThePeerIsSeen) {
  const Info info = read(*encode(self(), kSeen));
  EXPECT_TRUE(info.is_of(kPeer));
  EXPECT_THAT(info.listen, testing::ElementsAre(kHere));
  EXPECT_TRUE(info.speaks("/dig/1.0.0"));
  EXPECT_FALSE(info.speaks("/dig/2.0.0"));
  EXPECT_EQ(info.observed, kSeen);
  EXPECT_EQ(info.agent, "turnpike/1");
  ASSERT_TRUE(info.record);
  EXPECT_EQ(info.record->seq, 1000U);
  EXPECT_EQ(info.addresses(), std::vector{kHere});
}

TEST(IdentifyMessage, SendsNoMoreThanOthersReadAndKeepsEveryProtocol) {
  Self many = self();
  for (std::uint16_t i = 0; i < 500; ++i) {
    many.listen.push_back(Multiaddr::tcp({*IpAddress::parse("2001:db8::1"), i}));
  }
  const auto message = encode(many, kSeen);
  ASSERT_TRUE(message);
  EXPECT_LE(message->size(), kMaxSent);
  const Info info = read(*message);
  EXPECT_GT(info.listen.size(), 40U);
  EXPECT_EQ(info.protocols.size(), 2U);
  many.protocols.assign(100, std::string(60, 'x'));
  EXPECT_FALSE(encode(many, kSeen)) << "protocols are never left out";
}

TEST(IdentifyMessage, IsSomebodyElsesWhenItsKeyOrItsRecordIs) {
  const identity::AnyPeerId other{identity::PeerId{Digest{1}}};
  EXPECT_FALSE(read(*encode(self(), {})).is_of(other));
  Info only_record = read(*encode(self(), {}));
  only_record.key.reset();
  EXPECT_FALSE(only_record.is_of(other));
  EXPECT_TRUE(only_record.is_of(kPeer));
}

TEST(IdentifyMessage, APushChangesWhatItTellsAndNothingElse) {
  Info known = read(*encode(self(), kSeen));
  wire::Identify message;
  message.add_protocols("/new/1");
  Info push;
  ASSERT_TRUE(merge(push, bytes_of(message.SerializeAsString())));
  known.update(push);
  EXPECT_THAT(known.protocols, testing::ElementsAre("/new/1"));
  EXPECT_THAT(known.listen, testing::ElementsAre(kHere));
  EXPECT_EQ(known.agent, "turnpike/1");
}

TEST(IdentifyMessage, AnOlderRecordChangesNothing) {
  Info known = read(*encode(self(), {}));
  Self older = self();
  older.record_seq = 999;
  older.listen = {kSeen};
  known.update(read(*encode(older, {})));
  EXPECT_EQ(known.addresses(), std::vector{kHere});
  older.record_seq = 1001;
  known.update(read(*encode(older, {})));
  EXPECT_EQ(known.addresses(), std::vector{kSeen});
}

TEST(IdentifyMessage, IgnoresARecordWhoseSignatureDoesNotHold) {
  Bytes record = multiaddr::sign_record(kKey, 1, {kHere});
  record.back() ^= 1U;
  wire::Identify message;
  message.set_signedpeerrecord(record.data(), record.size());
  Info info;
  EXPECT_TRUE(merge(info, bytes_of(message.SerializeAsString())));
  EXPECT_FALSE(info.record);
}

TEST(IdentifyMessage, HoldsNoMoreThanItsLimits) {
  wire::Identify message;
  for (std::size_t i = 0; i < 2 * kMaxProtocols; ++i) message.add_protocols("/p/" + std::to_string(i));
  for (std::size_t i = 0; i < 2 * kMaxAddresses; ++i) message.add_listenaddrs(std::string(text_of(kHere.to_bytes())));
  message.set_agentversion(std::string(1000, 'a'));
  Info info;
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(merge(info, bytes_of(message.SerializeAsString())));
  EXPECT_EQ(info.protocols.size(), kMaxProtocols);
  EXPECT_EQ(info.listen.size(), kMaxAddresses);
  EXPECT_EQ(info.agent.size(), kMaxAgent);
}

TEST(IdentifyMessage, IgnoresNamesThatWouldSpoilATerminal) {
  wire::Identify message;
  message.add_protocols("/esc/\x1b[2J");
  message.add_protocols(std::string(kMaxProtocolName + 1, 'x'));
  message.set_agentversion("\x07");
  Info info;
  ASSERT_TRUE(merge(info, bytes_of(message.SerializeAsString())));
  EXPECT_TRUE(info.protocols.empty());
  EXPECT_TRUE(info.agent.empty());
}

TEST(IdentifyMessage, RefusesWhatIsNoMessage) {
  Info info;
  EXPECT_FALSE(merge(info, bytes_of("\xff\xff\xff")));
  wire::Identify bad_key;
  bad_key.set_publickey("no key");
  EXPECT_FALSE(merge(info, bytes_of(bad_key.SerializeAsString())));
}

}  // namespace
}  // namespace turnpike::identify
