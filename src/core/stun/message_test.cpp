#include "core/stun/message.h"

#include <gtest/gtest.h>

#include "core/stun/test_vectors.h"

namespace turnpike::stun {
namespace {

constexpr TransactionId kId{1, 2, 3};

Bytes request_with(AttributeType type, std::size_t size) {
  MessageWriter out(Class::kRequest, Method::kAllocate, kId);
  out.add(type, Bytes(size, 7));
  return std::move(out).take();
}

TEST(StunMessage, ReadsTheRfc5769Request) {
  const auto message = MessageView::parse(vectors::kRequest);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->message_class(), Class::kRequest);
  EXPECT_EQ(message->method(), Method::kBinding);
  EXPECT_EQ(message->id().front(), 0xb7);
  EXPECT_EQ(text_of(*message->find(AttributeType::kUsername)), "evtj:h6vY");
  EXPECT_EQ(text_of(*message->find(AttributeType::kSoftware)), "STUN test client");
  EXPECT_EQ(message->find(AttributeType::kIceControlled)->size(), 8U);
  EXPECT_TRUE(message->integrity() && message->fingerprint());
}

TEST(StunMessage, ComesBackAsItWasWrittenForEveryClassAndMethod) {
  for (unsigned method = 0; method < 0x1000; ++method) {
    for (const Class message_class : {Class::kRequest, Class::kIndication, Class::kSuccess, Class::kError}) {
      const Bytes bytes = MessageWriter(message_class, static_cast<Method>(method), kId).take();
      const auto message = MessageView::parse(bytes);
      ASSERT_TRUE(message) << method;
      ASSERT_EQ(message->method(), static_cast<Method>(method));
      ASSERT_EQ(message->message_class(), message_class);
      ASSERT_EQ(message->id(), kId);
    }
  }
}

TEST(StunMessage, RefusesEveryTruncation) {
  for (std::size_t size = 0; size < vectors::kRequest.size(); ++size) {
    EXPECT_FALSE(MessageView::parse(ByteView(vectors::kRequest).first(size))) << "at " << size << " bytes";
  }
}

TEST(StunMessage, RefusesWhatIsNotOne) {
  struct Case {
    const char* what;
    std::size_t offset;
    std::uint8_t value;
    ParseError error;
  };
  for (const Case& c : {
           Case{"a first byte of QUIC", 0, 0x40, ParseError::kNotStun},
           Case{"another protocol's cookie", 4, 0x22, ParseError::kNotStun},
           Case{"a length beyond the datagram", 3, 0x5c, ParseError::kTruncated},
           Case{"a length short of the datagram", 3, 0x54, ParseError::kBadLength},
           Case{"a length of zero and bytes behind it", 3, 0x00, ParseError::kBadLength},
           Case{"an attribute that reaches past the end", 22, 0x01, ParseError::kTruncated},
       }) {
    Bytes datagram = vectors::kRequest;
    datagram[c.offset] = c.value;
    const auto message = MessageView::parse(datagram);
    ASSERT_FALSE(message) << c.what;
    EXPECT_EQ(message.error(), c.error) << c.what;
  }
}

TEST(StunMessage, RefusesALengthThatIsNotWholeWords) {
  Bytes datagram = request_with(AttributeType::kData, 4);
  datagram[3] += 1;
  datagram.push_back(0);
  EXPECT_EQ(MessageView::parse(datagram).error(), ParseError::kBadLength);
}

TEST(StunMessage, TakesAttributesOfNoLengthAndOfTheGreatest) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kMaxMessageSize - kHeaderSize - 4}) {
    const Bytes bytes = request_with(AttributeType::kData, size);
    const auto message = MessageView::parse(bytes);
    ASSERT_TRUE(message) << size;
    EXPECT_EQ(message->find(AttributeType::kData)->size(), size);
    EXPECT_EQ(bytes.size() % 4, 0U);
  }
}

TEST(StunMessage, GivesTheFirstOfTwoEqualAttributes) {
  MessageWriter out(Class::kRequest, Method::kBinding, kId);
  out.add(AttributeType::kRealm, "first");
  out.add(AttributeType::kRealm, "second");
  const Bytes bytes = std::move(out).take();
  EXPECT_EQ(text_of(*MessageView::parse(bytes)->find(AttributeType::kRealm)), "first");
}

TEST(StunMessage, GivesNothingThatStandsBehindTheIntegrity) {
  MessageWriter out(Class::kRequest, Method::kBinding, kId);
  out.add(AttributeType::kMessageIntegrity, Bytes(20));
  out.add(AttributeType::kUsername, "smuggled");
  out.add(AttributeType::kMessageIntegritySha256, Bytes(32));
  out.add(AttributeType::kFingerprint, Bytes(4));
  const Bytes bytes = std::move(out).take();
  const auto message = MessageView::parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_FALSE(message->has(AttributeType::kUsername));
  EXPECT_TRUE(message->integrity() && message->integrity_sha256() && message->fingerprint());
}

TEST(StunMessage, TakesAFingerprintOnlyAtTheEnd) {
  MessageWriter out(Class::kRequest, Method::kBinding, kId);
  out.add(AttributeType::kFingerprint, Bytes(4));
  out.add(AttributeType::kUsername, "evtj");
  const Bytes bytes = std::move(out).take();
  EXPECT_FALSE(MessageView::parse(bytes)->fingerprint());
}

TEST(StunDemultiplexing, TellsStunFromQuicAndDtlsAndChannels) {
  EXPECT_TRUE(looks_like_stun(vectors::kRequest));
  for (const std::uint8_t first : std::initializer_list<std::uint8_t>{0x04, 0x16, 0x40, 0x80, 0xc3}) {
    Bytes other = vectors::kRequest;
    other[0] = first;
    EXPECT_FALSE(looks_like_stun(other)) << int{first};
  }
  Bytes longer = vectors::kRequest;
  longer.push_back(0);
  EXPECT_FALSE(looks_like_stun(longer));
  EXPECT_FALSE(looks_like_stun({}));
}

}  // namespace
}  // namespace turnpike::stun
