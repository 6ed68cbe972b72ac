#include "core/dig/address.h"

#include <gtest/gtest.h>

namespace turnpike::dig {
namespace {

constexpr Endpoint kHome{IpAddress::v4(192, 0, 2, 1), 4001};

TEST(DigAddress, ReadsIpAndTcpPort) {
  EXPECT_EQ(tcp_of("/ip4/192.0.2.1/tcp/4001"), kHome);
  EXPECT_EQ(tcp_of("/ip4/192.0.2.1/tcp/4001/p2p/12D3KooWx"), kHome);
  EXPECT_EQ(tcp_of("/ip4/192.0.2.1/tcp/4001/ws"), kHome);
  const auto v6 = tcp_of("/ip6/2001:db8::1/tcp/1");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->to_string(), "[2001:db8::1]:1");
}

TEST(DigAddress, ReadsNothingOutOfAnythingElse) {
  for (const char* text : {"",
                           "/",
                           "ip4/1.2.3.4/tcp/1",
                           "/ip4",
                           "/ip4/1.2.3.4",
                           "/ip4/1.2.3.4/tcp",
                           "/ip4/1.2.3.4/tcp/",
                           "/ip4//tcp/1",
                           "/ip4/1.2.3.4/udp/1",
                           "/ip4/1.2.3.4/tcp/0",
                           "/ip4/1.2.3.4/tcp/65536",
                           "/ip4/1.2.3.4/tcp/1x",
                           "/ip4/1.2.3.4/tcp/-1",
                           "/ip4/1.2.3/tcp/1",
                           "/ip4/01.2.3.4/tcp/1",
                           "/ip6/1.2.3.4/tcp/1",
                           "/ip4/::1/tcp/1",
                           "/dns4/a.example/tcp/1",
                           "/ip4/1.2.3.4:80/tcp/1",
                           "/IP4/1.2.3.4/tcp/1",
                           "/ip4/1.2.3.4 /tcp/1"}) {
    EXPECT_FALSE(tcp_of(text)) << text;
  }
}

TEST(DigAddress, ComesBackAsItWasWritten) {
  for (const char* text : {"192.0.2.1:4001", "[2001:db8::1]:65535"}) {
    const auto endpoint = Endpoint::parse(text);
    EXPECT_EQ(tcp_of(multiaddr_of(*endpoint)), endpoint) << text;
  }
  const identity::PeerId peer{Digest{1}};
  EXPECT_EQ(multiaddr_of(kHome, peer), "/ip4/192.0.2.1/tcp/4001/p2p/" + peer.to_string());
}

TEST(DigAddress, LeadsToHttpAThousandPortsFurtherUpAndBack) {
  EXPECT_EQ(http_of(kHome), (Endpoint{kHome.address, 5001}));
  EXPECT_EQ(told_for({kHome.address, 5001}), kHome);
  EXPECT_EQ(http_of({kHome.address, 64535}), (Endpoint{kHome.address, 65535}));
  EXPECT_FALSE(http_of({kHome.address, 64536}));
  EXPECT_FALSE(http_of({kHome.address, 0}));
  EXPECT_FALSE(told_for({kHome.address, 80})) << "an old node cannot be sent there";
  EXPECT_FALSE(told_for({kHome.address, 1000}));
  EXPECT_EQ(told_for({kHome.address, 1001}), (Endpoint{kHome.address, 1}));
}

TEST(DigAddress, TellsOldNodesOfIpv4Alone) {
  const std::vector<Endpoint> http{*Endpoint::parse("[2001:db8::1]:5001"), {kHome.address, 80}, {kHome.address, 5001}};
  EXPECT_EQ(told_for(http), std::vector<Endpoint>{kHome});
}

TEST(DigAddress, HandsOnOnlyTextOfAddressCharacters) {
  EXPECT_TRUE(is_multiaddr_text("/ip4/10.0.0.1/tcp/4001/p2p/12D3KooW"));
  EXPECT_TRUE(is_multiaddr_text("/webrtc/p2p/x"));
  for (const std::string& text :
       {std::string(), std::string("/"), std::string("ip4/1"), std::string("/a b"), std::string("/a\"b"),
        std::string("/<script>"), std::string("/a\n"), "/" + std::string(kMaxMultiaddrText, 'a')}) {
    EXPECT_FALSE(is_multiaddr_text(text)) << text;
  }
}

}  // namespace
}  // namespace turnpike::dig
