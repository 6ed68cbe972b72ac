#include "core/identify/receiver.h"

#include <gmock/gmock.h>

#include "core/identify/identify.pb.h"

namespace turnpike::identify {
namespace {

const crypto::SigningKey kKey{Digest{5}};
const identity::AnyPeerId kPeer{identity::PeerId{kKey.public_key()}};
constexpr Instant kStart{std::chrono::seconds(100)};

Bytes delimited(const std::string& message) {
  Bytes out;
  ByteWriter writer(out);
  writer.varint(message.size());
  writer.bytes(bytes_of(message));
  return out;
}

Bytes whole() { return *encode({.key = &kKey, .listen = {}, .protocols = {"/a"}, .agent = "x", .record_seq = 1}, {}); }

ReceiveError error_of(const Receiver& receiver) {
  if (!receiver.result() || *receiver.result()) return ReceiveError{99};
  return receiver.result()->error();
}

TEST(IdentifyReceiver, ReadsAMessageThatComesInPieces) {
  const Bytes bytes = whole();
  for (std::size_t piece = 1; piece < bytes.size(); piece += 7) {
    Receiver receiver(kStart, kPeer);
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      receiver.handle_bytes(kStart, ByteView(bytes).subspan(at, std::min(piece, bytes.size() - at)));
    }
    EXPECT_FALSE(receiver.result()) << "the peer has not finished";
    receiver.handle_end(kStart);
    ASSERT_TRUE(receiver.result() && *receiver.result());
    EXPECT_TRUE((*receiver.result())->speaks("/a"));
  }
}

TEST(IdentifyReceiver, MergesTheMessagesThatALongOneWasSplitInto) {
  Receiver receiver(kStart, kPeer);
  receiver.handle_bytes(kStart, whole());
  wire::Identify second;
  second.add_protocols("/b");
  receiver.handle_bytes(kStart, delimited(second.SerializeAsString()));
  receiver.handle_end(kStart);
  ASSERT_TRUE(receiver.result() && *receiver.result());
  EXPECT_THAT((*receiver.result())->protocols, testing::ElementsAre("/a", "/b"));
}

TEST(IdentifyReceiver, RefusesMoreMessagesThanAPeerMaySend) {
  Receiver receiver(kStart, kPeer);
  for (std::size_t i = 0; i < kMaxMessages; ++i) receiver.handle_bytes(kStart, delimited(""));
  EXPECT_FALSE(receiver.result());
  receiver.handle_bytes(kStart, delimited(""));
  EXPECT_EQ(error_of(receiver), ReceiveError::kTooLong);
}

TEST(IdentifyReceiver, RefusesAMessageLongerThanItsLimitBeforeItComes) {
  Receiver receiver(kStart, kPeer);
  Bytes length;
  ByteWriter(length).varint(kMaxMessage + 1);
  receiver.handle_bytes(kStart, length);
  EXPECT_EQ(error_of(receiver), ReceiveError::kTooLong);
  Receiver another(kStart, kPeer);
  another.handle_bytes(kStart, Bytes(9, 0xff));
  EXPECT_EQ(error_of(another), ReceiveError::kTooLong) << "a varint that does not end";
}

TEST(IdentifyReceiver, TakesOneThatIsAsLongAsItMayBe) {
  wire::Identify message;
  while (message.ByteSizeLong() < kMaxMessage - 16) message.add_protocols("/p/12345");
  message.set_protocolversion(std::string(kMaxMessage - message.ByteSizeLong() - 2, 'x'));
  ASSERT_EQ(message.ByteSizeLong(), kMaxMessage);
  Receiver receiver(kStart, kPeer);
  receiver.handle_bytes(kStart, delimited(message.SerializeAsString()));
  receiver.handle_end(kStart);
  EXPECT_TRUE(receiver.result() && *receiver.result());
}

TEST(IdentifyReceiver, RefusesTheIdentityOfSomebodyElse) {
  Receiver receiver(kStart, identity::AnyPeerId(identity::PeerId{Digest{1}}));
  receiver.handle_bytes(kStart, whole());
  receiver.handle_end(kStart);
  EXPECT_EQ(error_of(receiver), ReceiveError::kWrongPeer);
}

TEST(IdentifyReceiver, RefusesAnEndWithinAMessageOrBeforeOne) {
  Receiver cut(kStart, kPeer);
  const Bytes bytes = whole();
  cut.handle_bytes(kStart, ByteView(bytes).first(bytes.size() - 1));
  cut.handle_end(kStart);
  EXPECT_EQ(error_of(cut), ReceiveError::kTruncated);
  Receiver empty(kStart, kPeer);
  empty.handle_end(kStart);
  EXPECT_EQ(error_of(empty), ReceiveError::kTruncated);
}

TEST(IdentifyReceiver, GivesASlowPeerUp) {
  Receiver receiver(kStart, kPeer);
  EXPECT_EQ(receiver.poll_timeout(), kStart + kReceiveTime);
  receiver.handle_timeout(kStart + kReceiveTime - Duration(1));
  EXPECT_FALSE(receiver.result());
  receiver.handle_timeout(kStart + kReceiveTime);
  EXPECT_EQ(error_of(receiver), ReceiveError::kTimeout);
}

}  // namespace
}  // namespace turnpike::identify
