#include "core/kad/realm.h"

#include <gtest/gtest.h>

#include "core/kad/kad_test_support.h"

namespace turnpike::kad {
namespace {

std::vector<multiaddr::Multiaddr> of(std::initializer_list<std::string_view> texts) {
  std::vector<multiaddr::Multiaddr> out;
  for (const std::string_view text : texts) out.push_back(*multiaddr::Multiaddr::parse(text));
  return out;
}

const auto kWorldly = of({"/ip4/8.8.8.8/tcp/4001", "/ip4/8.8.8.8/udp/4001/quic-v1", "/ip6/2600::1/tcp/4001"});
const auto kPrivate = of({"/ip4/10.0.0.1/tcp/1", "/ip4/192.168.1.1/tcp/1", "/ip4/100.64.0.1/tcp/1",
                          "/ip6/fd00::1/tcp/1", "/ip6/::ffff:10.0.0.1/tcp/1"});
const auto kOfThisMachine = of({"/ip4/127.0.0.1/tcp/1", "/ip6/::1/tcp/1", "/ip6/::ffff:127.0.0.1/tcp/1"});
const auto kNowhere = of({"/ip4/0.0.0.0/tcp/1", "/ip4/0.1.2.3/tcp/1", "/ip6/::/tcp/1", "/ip4/224.0.0.251/tcp/1",
                          "/ip4/255.255.255.255/tcp/1", "/ip6/ff02::1/tcp/1", "/ip4/169.254.1.1/tcp/1",
                          "/ip6/fe80::1/tcp/1", "/ip4/8.8.8.8/tcp/0", "/dns4/example.org/tcp/1", "/ip4/8.8.8.8/udp/1"});

std::vector<multiaddr::Multiaddr> all() {
  std::vector<multiaddr::Multiaddr> out = kWorldly;
  for (const auto& more : {kPrivate, kOfThisMachine, kNowhere}) out.insert(out.end(), more.begin(), more.end());
  return out;
}

TEST(KadRealm, BelievesAStrangerOfNoAddressNearerThanHisOwn) {
  EXPECT_EQ(passing(all(), IpAddress::v4(8, 8, 4, 4), peer_id(1)), kWorldly);
}

TEST(KadRealm, BelievesANeighbourOfNeighboursAndNotOfThisMachine) {
  auto expected = kWorldly;
  expected.insert(expected.end(), kPrivate.begin(), kPrivate.end());
  EXPECT_EQ(passing(all(), IpAddress::v4(192, 168, 1, 7), peer_id(1)), expected);
}

TEST(KadRealm, BelievesWhatRunsHereOfAllButNowhere) {
  EXPECT_EQ(passing(all(), IpAddress::v4(127, 0, 0, 1), peer_id(1)).size(), all().size() - kNowhere.size());
}

TEST(KadRealm, TakesNothingFromOneWhoIsNowhere) { EXPECT_TRUE(passing(all(), IpAddress{}, peer_id(1)).empty()); }

TEST(KadRealm, DropsAnAddressThatNamesSomebodyElse) {
  const auto bare = multiaddr::Multiaddr::tcp({IpAddress::v4(8, 8, 8, 8), 4001});
  const std::vector both{bare.with_peer(peer_id(1)), bare.with_peer(peer_id(2))};
  EXPECT_EQ(passing(both, IpAddress::v4(8, 8, 4, 4), peer_id(1)), std::vector{both[0]});
}

}  // namespace
}  // namespace turnpike::kad
