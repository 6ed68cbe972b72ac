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

TEST(KadMessage, IgnoresPeersBeyondTheLimit) {
  Bytes bytes{0x08, 4};
  for (std::uint32_t i = 0; i < 10000; ++i) {
    Bytes entry;
    append_field(entry, 0x0a, peer_id(i).to_bytes());
    append_field(bytes, 0x42, entry);
  }
  const auto read = decode(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->closer.size(), kMaxPeers);
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

TEST(KadMessage, WritesNeverMoreThanAReaderTakes) {
  Peer heavy = peer(1);
  const auto address = multiaddr::Multiaddr::parse("/dns4/" + std::string(900, 'a') + "/tcp/1");
  ASSERT_TRUE(address);
  heavy.addresses.assign(kMaxAddresses, *address);
  const Bytes bytes = encode({Type::kFindNode, Bytes(34, 1), std::vector(kMaxPeers, heavy), {heavy}});
  EXPECT_LE(body_of(bytes).size(), kMaxMessage);
  EXPECT_EQ(decode(body_of(bytes))->closer.size(), kMaxPeers);
}

TEST(KadMessage, TakesOnlyAddressesThatAreReachableFromAnywhereForPublic) {
  const auto is = [](std::string_view text) { return is_public(*multiaddr::Multiaddr::parse(text)); };
  EXPECT_TRUE(is("/ip4/8.8.8.8/tcp/4001"));
  EXPECT_TRUE(is("/ip4/8.8.8.8/udp/4001/quic-v1"));
  EXPECT_TRUE(is("/ip6/2600::1/tcp/4001"));
  for (const auto* text :
       {"/ip4/10.0.0.1/tcp/1", "/ip4/192.168.1.1/tcp/1", "/ip4/127.0.0.1/tcp/1", "/ip6/::1/tcp/1",
        "/ip4/100.64.0.1/tcp/1", "/ip4/169.254.1.1/tcp/1", "/ip6/fe80::1/tcp/1", "/ip6/fd00::1/tcp/1",
        "/ip4/8.8.8.8/tcp/0", "/ip6/::ffff:10.0.0.1/tcp/1", "/dns4/example.org/tcp/1"}) {
    EXPECT_FALSE(is(text)) << text;
  }
}

}  // namespace
}  // namespace turnpike::kad
