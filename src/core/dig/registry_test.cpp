#include "core/dig/registry.h"

#include <gtest/gtest.h>

namespace turnpike::dig {
namespace {

using namespace std::chrono_literals;

const PeerId kPeer{Digest{1}};
constexpr IpAddress kHome = IpAddress::v4(203, 0, 113, 7);
constexpr IpAddress kElsewhere = IpAddress::v4(198, 51, 100, 7);

PeerId peer_of(std::uint32_t n) {
  return {Digest{0xee, static_cast<std::uint8_t>(n >> 16U), static_cast<std::uint8_t>(n >> 8U),
                 static_cast<std::uint8_t>(n)}};
}
RegisterRequest request_of(const PeerId& peer, std::vector<StoreId> stores = {}) {
  RegisterRequest out{.peer = peer, .addresses = {"/ip4/192.0.2.1/tcp/4001"}};
  out.stores = std::move(stores);
  return out;
}
RegisterRequest turn_request(const IpAddress& at) {
  RegisterRequest out = request_of(kPeer);
  out.turn_capable = true;
  out.turn_addresses = {{IpAddress::v4(10, 0, 0, 5), 4001}, {at, 4001}};
  out.turn_port = 4001;
  return out;
}

class DigRegistry : public ::testing::Test {
 protected:
  std::optional<RegistryError> put(RegisterRequest request, const IpAddress& from = kHome, bool is_signed = false) {
    const auto done = registry_.put(now_, from, std::move(request), is_signed);
    return done ? std::nullopt : std::optional(done.error());
  }
  std::optional<RegistryError> refresh(const PeerId& peer, const IpAddress& from = kHome) {
    const auto done = registry_.refresh(now_, from, peer);
    return done ? std::nullopt : std::optional(done.error());
  }
  std::vector<PeerRecord> list() { return registry_.list(now_.mono, std::nullopt, 1000, 1000); }
  void pass(Duration time) {
    now_.mono += time;
    now_.wall.unix_ms += static_cast<std::uint64_t>(time / 1ms);
    registry_.handle_timeout(now_.mono);
  }

  Now now_{Instant{1h}, {1'795'000'000'000}};
  Registry registry_;
};

TEST_F(DigRegistry, ListsWhoRegisteredForTenMinutesAfterTheLastSignOfLife) {
  EXPECT_FALSE(put(request_of(kPeer, {{Digest{5}}})));
  pass(599s);
  EXPECT_FALSE(refresh(kPeer));
  pass(599s);
  ASSERT_EQ(list().size(), 1U);
  EXPECT_EQ(list()[0].peer, kPeer);
  EXPECT_EQ(list()[0].stores.size(), 1U);
  EXPECT_EQ(list()[0].last_seen.unix_ms, now_.wall.unix_ms - 599'000);
  EXPECT_EQ(registry_.poll_timeout(), now_.mono + 1s);
  pass(1s);
  EXPECT_TRUE(list().empty());
  EXPECT_EQ(registry_.expired(), 1U);
  EXPECT_EQ(registry_.entries(), 0U);
  EXPECT_FALSE(registry_.poll_timeout());
  EXPECT_EQ(refresh(kPeer), RegistryError::kUnknown);
}

TEST_F(DigRegistry, ReplacesWhatTheSameNodeSaidBefore) {
  EXPECT_FALSE(put(request_of(kPeer, {{Digest{5}}, {Digest{6}}})));
  EXPECT_FALSE(put(request_of(kPeer, {{Digest{7}}})));
  ASSERT_EQ(list().size(), 1U);
  EXPECT_EQ(list()[0].stores, (std::vector<StoreId>{{Digest{7}}}));
  EXPECT_EQ(registry_.entries(), 1U);
}

TEST_F(DigRegistry, LetsNoUnsignedRegistrationReplaceASignedOne) {
  EXPECT_EQ(put(request_of(kPeer), kHome, true), RegistryError::kSigned);
  EXPECT_TRUE(list().empty());
  EXPECT_FALSE(put(request_of(kPeer)));
  EXPECT_EQ(put(request_of(kPeer), kHome, true), RegistryError::kSigned) << "it has been signed for since";
  EXPECT_TRUE(list().empty()) << "nor may the old one go on";
}

TEST_F(DigRegistry, LetsNobodyElsewhereTakeALiveId) {
  EXPECT_FALSE(put(request_of(kPeer, {{Digest{5}}})));
  EXPECT_EQ(put(request_of(kPeer), kElsewhere), RegistryError::kTaken);
  EXPECT_EQ(refresh(kPeer, kElsewhere), RegistryError::kUnknown) << "nor keep it alive";
  EXPECT_FALSE(put(request_of(kPeer, {{Digest{6}}}), IpAddress::v4(203, 0, 113, 99))) << "its own network may";
  pass(kTakeoverSilence);
  EXPECT_FALSE(put(request_of(kPeer), kElsewhere)) << "it has moved, and missed two heartbeats";
  EXPECT_FALSE(refresh(kPeer, kElsewhere));
  EXPECT_EQ(registry_.size(), 1U);
}

TEST_F(DigRegistry, HoldsAnAddressAndANetworkToTheirShares) {
  const RegistryLimits limits;
  std::uint32_t n = 0;
  for (std::size_t i = 0; i < limits.peers_per_address; ++i) EXPECT_FALSE(put(request_of(peer_of(n++))));
  EXPECT_EQ(put(request_of(peer_of(n))), RegistryError::kAddressFull);
  EXPECT_FALSE(put(request_of(peer_of(0)))) << "who is in may say it again";
  for (std::uint8_t host = 8; registry_.size() < limits.peers_per_network; ++host) {
    for (std::size_t i = 0; i < limits.peers_per_address; ++i) {
      EXPECT_FALSE(put(request_of(peer_of(n++)), IpAddress::v4(203, 0, 113, host)));
    }
  }
  EXPECT_EQ(put(request_of(peer_of(n)), IpAddress::v4(203, 0, 113, 200)), RegistryError::kNetworkFull);
  EXPECT_FALSE(put(request_of(peer_of(n)), kElsewhere)) << "honest others are none the worse";
}

TEST_F(DigRegistry, CountsAnIpv6HostByItsSixtyFour) {
  const RegistryLimits limits;
  std::uint32_t n = 0;
  const auto host = [&n](std::uint8_t subnet) {
    IpAddress out = *IpAddress::parse("2001:db8:1::1");
    out.octets[7] = subnet;
    out.octets[14] = static_cast<std::uint8_t>(n >> 8U);
    out.octets[15] = static_cast<std::uint8_t>(n++);
    return out;
  };
  for (std::size_t i = 0; i < limits.peers_per_address; ++i) EXPECT_FALSE(put(request_of(peer_of(n)), host(1)));
  EXPECT_EQ(put(request_of(peer_of(n)), host(1)), RegistryError::kAddressFull);
  EXPECT_FALSE(put(request_of(peer_of(n)), host(2)));
}

TEST_F(DigRegistry, StaysSmallUnderAHundredThousandRegistrationsFromOneNetwork) {
  EXPECT_FALSE(put(request_of(kPeer, {{Digest{5}}}), kElsewhere));
  const RegistryLimits limits;
  const std::vector<StoreId> stores(10);
  std::size_t taken = 0;
  for (std::uint32_t n = 0; n < 100'000; ++n) {
    const auto from = IpAddress::v4(203, 0, 113, static_cast<std::uint8_t>(n));
    if (!put(request_of(peer_of(n), stores), from)) ++taken;
  }
  EXPECT_EQ(taken, limits.peers_per_network);
  EXPECT_EQ(registry_.size(), limits.peers_per_network + 1);
  EXPECT_EQ(registry_.entries(), 10 * limits.peers_per_network + 1);
  EXPECT_TRUE(registry_.find(now_.mono, kPeer)) << "an honest node elsewhere is still there";
  EXPECT_FALSE(put(request_of(peer_of(200'000)), IpAddress::v4(192, 0, 2, 1))) << "and others come in";
}

TEST_F(DigRegistry, HoldsNoMorePeersAndEntriesThanItMay) {
  registry_ = Registry({.peers = 2, .peers_per_address = 9, .peers_per_network = 9, .entries = 5});
  EXPECT_FALSE(put(request_of(peer_of(1), std::vector<StoreId>(3))));
  EXPECT_EQ(put(request_of(peer_of(2), std::vector<StoreId>(3))), RegistryError::kEntriesFull);
  EXPECT_FALSE(put(request_of(peer_of(1), std::vector<StoreId>(5)))) << "its own are replaced";
  EXPECT_FALSE(put(request_of(peer_of(2))));
  EXPECT_EQ(put(request_of(peer_of(3))), RegistryError::kFull);
  pass(kRegistrationLifetime);
  EXPECT_FALSE(put(request_of(peer_of(3))));
}

TEST_F(DigRegistry, GivesNoMoreStoresThanAnAnswerHolds) {
  EXPECT_FALSE(put(request_of(peer_of(1), std::vector<StoreId>(3))));
  EXPECT_FALSE(put(request_of(peer_of(2), std::vector<StoreId>(3))));
  EXPECT_FALSE(put(request_of(peer_of(3), std::vector<StoreId>(3))));
  const auto some = registry_.list(now_.mono, std::nullopt, 3, 4);
  ASSERT_EQ(some.size(), 3U);
  EXPECT_EQ(some[0].stores.size() + some[1].stores.size() + some[2].stores.size(), 4U);
  const auto rest = registry_.list(now_.mono, some[0].peer, 1, 100);
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0].peer, some[1].peer);
}

TEST_F(DigRegistry, TellsOfATurnAddressOnlyOnceItIsProved) {
  EXPECT_FALSE(put(turn_request(kHome)));
  EXPECT_TRUE(list()[0].turn.empty());
  const auto where = registry_.to_prove(now_.mono, kPeer);
  ASSERT_TRUE(where);
  EXPECT_EQ(*where, (Endpoint{kHome, 5001})) << "where it is seen, not whatever else it claims";
  registry_.prove(now_, kPeer, *where);
  EXPECT_EQ(list()[0].turn, (std::vector<Endpoint>{{kHome, 4001}}));
  EXPECT_EQ(registry_.proved(now_.mono), 1U);
  EXPECT_FALSE(registry_.to_prove(now_.mono, kPeer));
}

TEST_F(DigRegistry, LetsAProofEndWithItsTimeItsAddressAndItsFailure) {
  EXPECT_FALSE(put(turn_request(kHome)));
  const auto prove = [this] { registry_.prove(now_, kPeer, {kHome, 5001}); };
  prove();
  for (Duration passed{}; passed < kProofLifetime; passed += 300s) {
    pass(300s);
    EXPECT_FALSE(refresh(kPeer));
  }
  EXPECT_TRUE(list()[0].turn.empty()) << "it has to be proved again";
  prove();
  EXPECT_FALSE(put(turn_request(IpAddress::v4(203, 0, 113, 8)), IpAddress::v4(203, 0, 113, 8)));
  EXPECT_TRUE(list()[0].turn.empty()) << "it has moved";
  prove();
  EXPECT_TRUE(list()[0].turn.empty()) << "what comes late is of another address";
  EXPECT_FALSE(put(turn_request(kHome)));
  prove();
  registry_.withdraw_proof(kPeer);
  EXPECT_TRUE(list()[0].turn.empty());
}

TEST_F(DigRegistry, ProbesNobodyAtAnAddressThatIsNotItsOwn) {
  EXPECT_FALSE(put(turn_request(kElsewhere)));
  EXPECT_FALSE(registry_.to_prove(now_.mono, kPeer));
  RegisterRequest modest = turn_request(kHome);
  modest.turn_capable = false;
  EXPECT_FALSE(put(modest));
  EXPECT_FALSE(registry_.to_prove(now_.mono, kPeer)) << "it does not want to";
}

TEST_F(DigRegistry, TakesALaterClaimOfATurnServerFromItsOwnNetworkOnly) {
  const TurnServerRequest claim{.peer = kPeer, .turn_addresses = {{kHome, 4001}}, .turn_port = 4001};
  EXPECT_EQ(registry_.claim_turn(now_, kHome, claim).error(), RegistryError::kUnknown);
  EXPECT_FALSE(put(request_of(kPeer)));
  EXPECT_EQ(registry_.claim_turn(now_, kElsewhere, claim).error(), RegistryError::kUnknown);
  EXPECT_FALSE(registry_.to_prove(now_.mono, kPeer));
  EXPECT_TRUE(registry_.claim_turn(now_, kHome, claim));
  EXPECT_EQ(registry_.to_prove(now_.mono, kPeer), (Endpoint{kHome, 5001}));
}

}  // namespace
}  // namespace turnpike::dig
