#include "core/multiaddr/multiaddr.h"

#include <gtest/gtest.h>

#include "base/hex.h"

namespace turnpike::multiaddr {
namespace {

constexpr const char* kPeer = "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq";

std::string hex_of(std::string_view text) {
  const auto address = Multiaddr::parse(text);
  return address ? to_hex(address->to_bytes()) : "not an address";
}

Error error_of_text(std::string_view text) {
  const auto address = Multiaddr::parse(text);
  return address ? Error{99} : address.error();
}

Error error_of_hex(std::string_view hex) {
  const auto address = Multiaddr::from_bytes(*from_hex(hex));
  return address ? Error{99} : address.error();
}

// The binary forms that js-libp2p's @multiformats/multiaddr gives for these texts.
TEST(Multiaddr, IsWrittenAsOthersWriteIt) {
  EXPECT_EQ(hex_of("/ip4/127.0.0.1/tcp/4001"), "047f000001060fa1");
  EXPECT_EQ(hex_of("/ip6/::1/udp/4001/quic-v1"), "290000000000000000000000000000000191020fa1cd03");
  EXPECT_EQ(hex_of("/dns4/example.com/tcp/443/tls/ws"), "360b6578616d706c652e636f6d0601bbc003dd03");
  EXPECT_EQ(hex_of("/ip6zone/eth0/ip6/fe80::1/tcp/1"), "2a046574683029fe800000000000000000000000000001060001");
  EXPECT_EQ(hex_of("/unix/a/b"), "9003042f612f62");
}

TEST(Multiaddr, ComesBackAsItWasWritten) {
  const std::string peer = std::string("/p2p/") + kPeer;
  for (const std::string& text : {
           std::string("/ip4/192.0.2.1/tcp/4001"),
           "/ip4/192.0.2.1/tcp/4001" + peer,
           std::string("/ip6/2001:db8::1/udp/4001/quic-v1"),
           "/ip4/192.0.2.1/tcp/4001" + peer + "/p2p-circuit" + peer,
           std::string("/dns/a.example/tcp/443/wss"),
           std::string("/dns6/a.example/tcp/443/tls/sni/b.example/ws"),
           std::string("/dnsaddr/bootstrap.example"),
           std::string("/ip4/192.0.2.1/udp/9/webrtc-direct/certhash/uEiDDq4_xNyDorZBH3TlGazyJdOWSwvo4PUo5YHFMrvDE8g"),
           std::string("/ip4/192.0.2.1/udp/9/quic-v1/webtransport"),
           std::string("/ip4/192.0.2.1/udp/9/quic"),
           std::string("/ip4/192.0.2.1/tcp/9/noise"),
           std::string("/memory/18446744073709551615"),
           std::string("/unix/run/a.sock"),
           "/webrtc" + peer,
       }) {
    const auto address = Multiaddr::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->to_string(), text);
    const auto again = Multiaddr::from_bytes(address->to_bytes());
    ASSERT_TRUE(again) << text;
    EXPECT_EQ(*again, *address) << text;
  }
}

TEST(Multiaddr, ReadsTheOldNameOfAPeer) {
  const auto address = Multiaddr::parse(std::string("/ip4/192.0.2.1/tcp/1/ipfs/") + kPeer);
  ASSERT_TRUE(address);
  EXPECT_EQ(address->to_string(), std::string("/ip4/192.0.2.1/tcp/1/p2p/") + kPeer);
}

TEST(Multiaddr, NamesTheEndpointOfAPlainTcpOrQuicAddressOnly) {
  const Endpoint endpoint{IpAddress::v4(192, 0, 2, 1), 4001};
  EXPECT_EQ(Multiaddr::tcp(endpoint).tcp_endpoint(), endpoint);
  EXPECT_EQ(Multiaddr::quic_v1(endpoint).quic_endpoint(), endpoint);
  EXPECT_FALSE(Multiaddr::tcp(endpoint).quic_endpoint());
  const identity::AnyPeerId peer = *identity::AnyPeerId::parse(kPeer);
  EXPECT_EQ(Multiaddr::tcp(endpoint).with_peer(peer).tcp_endpoint(), endpoint);
  EXPECT_EQ(Multiaddr::tcp(endpoint).with_peer(peer).with_peer(peer).peer(), peer);
  for (const char* const other :
       {"/ip4/192.0.2.1/tcp/4001/ws", "/dns4/a/tcp/1", "/ip4/192.0.2.1/udp/1", "/ip4/192.0.2.1/udp/1/quic", "/tcp/1"}) {
    EXPECT_FALSE(Multiaddr::parse(other)->tcp_endpoint()) << other;
    EXPECT_FALSE(Multiaddr::parse(other)->quic_endpoint()) << other;
  }
  EXPECT_TRUE(Multiaddr::parse(std::string("/ip4/192.0.2.1/tcp/1/p2p/") + kPeer + "/p2p-circuit")->is_relayed());
}

TEST(Multiaddr, RefusesTextsThatAreNoAddress) {
  EXPECT_EQ(error_of_text(""), Error::kEmpty);
  EXPECT_EQ(error_of_text("/"), Error::kEmpty);
  EXPECT_EQ(error_of_text("/ip4"), Error::kTruncated);
  EXPECT_EQ(error_of_text("/ip4/1.2.3"), Error::kBadValue);
  EXPECT_EQ(error_of_text("/ip4/::1"), Error::kBadValue);
  EXPECT_EQ(error_of_text("/ip4/1.2.3.4/tcp/65536"), Error::kBadValue);
  EXPECT_EQ(error_of_text("/ip4/1.2.3.4/tcp/080"), Error::kBadValue);
  EXPECT_EQ(error_of_text("/ip4/1.2.3.4/tcp/"), Error::kBadValue);
  EXPECT_EQ(error_of_text("/p2p/nobody"), Error::kBadValue);
  EXPECT_EQ(error_of_text("/http-path/x"), Error::kUnknownCode);
  EXPECT_EQ(error_of_text("ip4/1.2.3.4"), Error::kBadValue);
  EXPECT_EQ(error_of_text("/dns4/a b/tcp/1"), Error::kBadValue);
}

TEST(Multiaddr, RefusesBytesThatAreNoAddress) {
  EXPECT_EQ(error_of_hex(""), Error::kEmpty);
  EXPECT_EQ(error_of_hex("047f0000"), Error::kTruncated);
  EXPECT_EQ(error_of_hex("36ff"), Error::kTruncated) << "a length that does not end";
  EXPECT_EQ(error_of_hex("36ffffffffffffffff7f61"), Error::kTruncated) << "a length of 2^63";
  EXPECT_EQ(error_of_hex("ffffffffffffffffffff01"), Error::kTruncated) << "a varint of more than nine bytes";
  EXPECT_EQ(error_of_hex("8400"), Error::kTruncated) << "a varint that is longer than it need be";
  EXPECT_EQ(error_of_hex("0501"), Error::kUnknownCode);
  EXPECT_EQ(error_of_hex("3600"), Error::kBadValue) << "a name of no length";
  EXPECT_EQ(error_of_hex("3603612f62"), Error::kBadValue) << "a slash in a name";
  EXPECT_EQ(error_of_hex("a50302ffff"), Error::kBadValue) << "no peer id";
}

TEST(Multiaddr, IsBounded) {
  std::string many;
  for (std::size_t i = 0; i < kMaxParts; ++i) many += "/tcp/1";
  EXPECT_TRUE(Multiaddr::parse(many));
  EXPECT_EQ(error_of_text(many + "/tcp/1"), Error::kTooLong);
  EXPECT_EQ(error_of_text("/dns/" + std::string(kMaxSize, 'a')), Error::kTooLong);
  EXPECT_EQ(error_of_text("/dns/" + std::string(kMaxText, 'a')), Error::kTooLong);
  EXPECT_EQ(error_of_hex(std::string(2 * (kMaxSize + 1), '0')), Error::kTooLong);
}

TEST(Multiaddr, AnUnknownCodeDropsThatAddressAndNoOther) {
  const std::vector<std::string> fields{std::string("\x04\x7f\x00\x00\x01\x06\x0f\xa1", 8), std::string("\x05\x01", 2),
                                        std::string("\x04\x7f\x00\x00\x02\x06\x0f\xa1", 8)};
  const auto read = read_all(fields, 10);
  ASSERT_EQ(read.size(), 2U);
  EXPECT_EQ(read[1].to_string(), "/ip4/127.0.0.2/tcp/4001");
  EXPECT_EQ(read_all(fields, 1).size(), 1U);
}

}  // namespace
}  // namespace turnpike::multiaddr
