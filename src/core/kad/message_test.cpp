#include "core/kad/message.h"

#include <gtest/gtest.h>

#include "core/kad/kad_test_support.h"

namespace turnpike::kad {
namespace {

ByteView body_of(const Bytes& encoded) {
  ByteReader in(encoded);
  const auto size = static_cast<std::size_t>(in.varint());
  EXPECT_EQ(size, in.remaining());
  return in.take(size);
}

void append_field(Bytes& out, std::uint8_t tag, ByteView value) {
  ByteWriter writer(out);
  writer.u8(tag);
  writer.varint(value.size());
  writer.bytes(value);
}

TEST(KadMessage, ComesBackAsItWasWritten) {
  for (const Type type : {Type::kAddProvider, Type::kGetProviders, Type::kFindNode, Type::kPutValue}) {
    const Message message{type, Bytes(34, 1), {peer(1), peer(2)}, {peer(3)}};
    const Bytes bytes = encode(message);
    const auto read = decode(body_of(bytes));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, message);
  }
}

TEST(KadMessage, TakesAnAbsentTypeForZero) {
  const Bytes key_only{0x12, 1, 5};
  const auto read = decode(key_only);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->type, Type::kPutValue);
  EXPECT_EQ(read->key, Bytes{5});
}

TEST(KadMessage, RefusesEveryTruncationThatCutsAField) {
  const Bytes bytes = encode({Type::kFindNode, Bytes(34, 1), {peer(1)}, {}});
  const ByteView body = body_of(bytes);
  for (std::size_t size = 5; size < body.size(); ++size) {
    if (size == 38) continue;  // between the key and the peer: a whole message of its own
    EXPECT_FALSE(decode(body.first(size))) << "at " << size;
  }
}

TEST(KadMessage, RefusesATypeThatDoesNotExist) {
  const Bytes six{0x08, 6};
  ASSERT_FALSE(decode(six));
  EXPECT_EQ(decode(six).error(), ParseError::kUnknownType);
}

TEST(KadMessage, RefusesAKeyLongerThanAnyoneAllows) {
  Bytes bytes;
  append_field(bytes, 0x12, Bytes(kMaxKey, 1));
  EXPECT_TRUE(decode(bytes));
  Bytes longer;
  append_field(longer, 0x12, Bytes(kMaxKey + 1, 1));
  ASSERT_FALSE(decode(longer));
  EXPECT_EQ(decode(longer).error(), ParseError::kKeyTooLong);
}

Bytes listing(std::uint8_t tag, std::uint32_t count) {
  Bytes bytes{0x08, 4};
  for (std::uint32_t i = 0; i < count; ++i) {
    Bytes entry;
    append_field(entry, 0x0a, peer_id(i).to_bytes());
    append_field(bytes, tag, entry);
  }
  return bytes;
}

TEST(KadMessage, IgnoresPeersBeyondTheLimit) {
  EXPECT_EQ(decode(listing(0x42, kMaxListed))->closer.size(), kMaxPeers);
  EXPECT_EQ(decode(listing(0x4a, kMaxListed))->providers.size(), kMaxPeers);
}

TEST(KadMessage, RefusesAReplyOfTenThousandPeers) {
  for (const std::uint8_t tag : {std::uint8_t{0x42}, std::uint8_t{0x4a}}) {
    EXPECT_EQ(decode(listing(tag, kMaxListed + 1)).error(), ParseError::kTooManyPeers);
    EXPECT_EQ(decode(listing(tag, 10'000)).error(), ParseError::kTooManyPeers);
  }
  Bytes empty_ones{0x08, 4};
  for (std::size_t i = 0; i < 10'000; ++i) empty_ones.insert(empty_ones.end(), {0x42, 0});
  ASSERT_LT(empty_ones.size(), kMaxMessage) << "short enough to be read at all";
  EXPECT_EQ(decode(empty_ones).error(), ParseError::kTooManyPeers);
}

TEST(KadMessage, LeavesOutAnAddressOfAnUnknownKindAndAPeerWithoutAnId) {
  Bytes entry;
  append_field(entry, 0x0a, peer_id(1).to_bytes());
  append_field(entry, 0x12, Bytes{0x7f, 1, 2});  // no such code
  append_field(entry, 0x12, peer(1).addresses[0].to_bytes());
  Bytes bytes{0x08, 4};
  append_field(bytes, 0x42, Bytes{0x0a, 1, 9});
  append_field(bytes, 0x42, entry);
  const auto read = decode(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->closer, std::vector{peer(1)});
}

TEST(KadMessage, IgnoresAnAddressLongerThanTheLimit) {
  const auto of_size = [](std::size_t size) {
    return *multiaddr::Multiaddr::parse("/dns4/" + std::string(size - 6, 'a') + "/tcp/1");
  };
  ASSERT_EQ(of_size(kMaxAddressSize).to_bytes().size(), kMaxAddressSize);
  const Peer given{peer_id(1), {of_size(kMaxAddressSize + 1), of_size(kMaxAddressSize)}};
  const Bytes bytes = encode({Type::kFindNode, {}, {given}, {}});
  EXPECT_EQ(decode(body_of(bytes))->closer[0].addresses, std::vector{of_size(kMaxAddressSize)});
}

TEST(KadMessage, WritesNeverMoreThanAReaderTakes) {
  Peer heavy = peer(1);
  const auto address = multiaddr::Multiaddr::parse("/dns4/" + std::string(900, 'a') + "/tcp/1");
  ASSERT_TRUE(address);
  heavy.addresses.assign(kMaxAddresses, *address);
  const Bytes bytes = encode({Type::kFindNode, Bytes(34, 1), std::vector(kMaxPeers, heavy), {heavy}});
  EXPECT_LE(body_of(bytes).size(), kMaxMessage);
  EXPECT_EQ(decode(body_of(bytes))->closer.size(), kMaxPeers);
}

}  // namespace
}  // namespace turnpike::kad
