#include "core/rendezvous/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/rendezvous/client_test_support.h"

namespace turnpike::rendezvous {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(RendezvousTest, WelcomesAndRegistersANode) {
  alice.client.set_registration(now, {{ServiceKind::kHttp, {IpAddress::v4(198, 51, 100, 1), 5001}}},
                                {local(1), local(2)});
  connect(alice);
  ASSERT_THAT(alice.told<Welcomed>(), SizeIs(1));
  EXPECT_EQ(alice.told<Welcomed>()[0].bootstrap, bootstrap);
  EXPECT_EQ(alice.told<Welcomed>()[0].observed, alice.observed.address);
  ASSERT_THAT(alice.told<Registered>(), SizeIs(1));
  EXPECT_EQ(alice.told<Registered>()[0].ttl, 600s);
  EXPECT_TRUE(alice.client.is_registered());
  const Stats stats = server->stats();
  EXPECT_EQ(stats.peers, 1U);
  EXPECT_EQ(stats.entries, 2U);
  EXPECT_EQ(stats.authenticated, 1U);
}

TEST_F(RendezvousTest, ShowsItselfOverTheOtherFamilyWhereItIsWelcomedAndNowAndThen) {
  connect(alice);
  const auto shown = [&] { return alice.told<ShowElsewhere>(); };
  ASSERT_THAT(shown(), SizeIs(1));
  EXPECT_EQ(shown()[0].family, IpAddress::Family::kV6);
  EXPECT_LE(shown()[0].statement.size(), kMaxSeenSize);
  pass(kHeartbeatPeriod * kHeartbeatsPerShow - 1s);
  EXPECT_THAT(shown(), SizeIs(1));
  pass(2s);
  EXPECT_THAT(shown(), SizeIs(2));
  alice.client.show_elsewhere(now);
  pump();
  EXPECT_THAT(shown(), SizeIs(3));
}

TEST_F(RendezvousTest, ProvesOverBothFamiliesWhoHasShownItselfOverTheOther) {
  const IpAddress six = *IpAddress::parse("2001:db9:1::2");
  const Service http6{ServiceKind::kHttp, {six, 5001}};
  connect(alice);
  alice.client.prove(http6, {});
  pump();
  ASSERT_THAT(alice.told<ProofResult>(), SizeIs(1));
  EXPECT_EQ(alice.told<ProofResult>()[0].outcome, ProofOutcome::kNotYours);
  const Bytes statement = alice.told<ShowElsewhere>()[0].statement;
  const auto seen = server->see(now, {six, 40000}, statement);
  ASSERT_TRUE(seen);
  EXPECT_EQ(*seen, six);
  alice.client.prove(http6, {});
  pump();
  ASSERT_THAT(alice.told<ProofResult>(), SizeIs(2));
  EXPECT_EQ(alice.told<ProofResult>()[1].outcome, ProofOutcome::kNoProber) << "granted, and nobody is there to do it";

  EXPECT_EQ(server->see(now, {*IpAddress::parse("2001:db9:2::2"), 40000}, statement).error().code,
            ErrorCode::kReplayed);
  EXPECT_EQ(server->see(now, {six, 40000}, ByteView(statement).first(20)).error().code, ErrorCode::kBadStatement);
  disconnect(alice);
  EXPECT_EQ(server->see(now, {six, 40000}, statement).error().code, ErrorCode::kTargetOffline);
}

TEST_F(RendezvousTest, TellsANodeWhoHasAStore) {
  const Service quic{ServiceKind::kQuic, {IpAddress::v4(198, 51, 100, 1), 4001}};
  alice.client.set_registration(now, {{ServiceKind::kHttp, {IpAddress::v4(198, 51, 100, 1), 5001}}, quic}, {local(1)});
  connect(alice);
  connect(bob);
  alice.client.prove({ServiceKind::kHttp, {IpAddress::v4(198, 51, 100, 1), 5001}}, {});
  alice.client.prove(quic, {});
  pump();
  ASSERT_TRUE(bob.client.lookup(now, {id(1), id(2)}));
  pump();
  const auto found = bob.told<StoreFound>();
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_EQ(found[0].found.id, id(1));
  ASSERT_THAT(found[0].found.announcers, SizeIs(1));
  const Announcer& announcer = found[0].found.announcers[0];
  EXPECT_EQ(announcer.peer, alice.peer());
  EXPECT_EQ(announcer.observed, alice.observed.address);
  EXPECT_EQ(announcer.content, entry(1).content);
  EXPECT_TRUE(announcer.connected);
  EXPECT_THAT(announcer.http, ElementsAre(Endpoint{IpAddress::v4(198, 51, 100, 1), 5001}));
  EXPECT_THAT(announcer.services, ElementsAre(quic));
  EXPECT_THAT(found[1].found.announcers, IsEmpty());
}

TEST_F(RendezvousTest, SaysWhenAnAnnouncerCannotBeRelayedTo) {
  alice.client.set_registration(now, {}, {local(1)});
  connect(alice);
  disconnect(alice);
  connect(bob);
  ASSERT_TRUE(bob.client.lookup(now, {id(1)}));
  pump();
  ASSERT_THAT(bob.told<StoreFound>(), SizeIs(1));
  ASSERT_THAT(bob.told<StoreFound>()[0].found.announcers, SizeIs(1));
  EXPECT_FALSE(bob.told<StoreFound>()[0].found.announcers[0].connected);
}

TEST_F(RendezvousTest, NeverTellsOfAPrivateStore) {
  alice.client.set_registration(now, {}, {local(1, false), local(2)});
  connect(alice);
  connect(bob);
  ASSERT_TRUE(bob.client.lookup(now, {id(1)}));
  pump();
  EXPECT_THAT(bob.told<StoreFound>()[0].found.announcers, IsEmpty());
  EXPECT_EQ(bob.inventory(), (std::set<Entry>{entry(2)}));
  EXPECT_EQ(server->stats().entries, 1U);
}

TEST_F(RendezvousTest, IntroducesNobodyToItself) {
  alice.client.set_registration(now, {}, {local(1)});
  connect(alice);
  ASSERT_TRUE(alice.client.lookup(now, {id(1)}));
  pump();
  EXPECT_THAT(alice.told<StoreFound>()[0].found.announcers, IsEmpty());
}

TEST_F(RendezvousTest, TellsAFollowerTheWholeInventoryAndThenEachChange) {
  std::vector<LocalStore> stores;
  for (std::size_t n = 0; n < kMaxInventoryPage + 100; ++n) stores.push_back(local(n));
  alice.client.set_registration(now, {}, stores);
  connect(alice);
  connect(bob);
  EXPECT_THAT(bob.inventory(), SizeIs(stores.size()));
  EXPECT_FALSE(bob.told<InventoryEntries>().front().complete);
  EXPECT_TRUE(bob.told<InventoryEntries>().back().complete);

  pass(5s);
  const std::size_t before = bob.told<InventoryEntries>().size();
  stores.push_back(local(9000));
  alice.client.set_registration(now, {}, stores);
  pump();
  EXPECT_THAT(bob.told<InventoryEntries>(), SizeIs(before)) << "changes are gathered before they are told";
  pass(kInventoryDebounce);
  ASSERT_THAT(bob.told<InventoryEntries>(), SizeIs(before + 1));
  EXPECT_THAT(bob.told<InventoryEntries>().back().entries, ElementsAre(entry(9000)));
}

TEST_F(RendezvousTest, SaysNothingToAFollowerWhileNothingChanges) {
  alice.client.set_registration(now, {}, {local(1)});
  connect(alice);
  connect(bob);
  pass(1s);
  const std::size_t told = bob.told<InventoryEntries>().size();
  pass(1h);
  EXPECT_THAT(bob.told<InventoryEntries>(), SizeIs(told));
}

TEST_F(RendezvousTest, KeepsARegistrationAliveForHours) {
  alice.client.set_registration(now, {}, {local(1)});
  connect(alice);
  pass(3h);
  EXPECT_EQ(server->stats().entries, 1U);
  EXPECT_THAT(alice.told<Registered>(), SizeIs(1)) << "heartbeats suffice";
  EXPECT_THAT(alice.told<Failed>(), IsEmpty());
}

TEST_F(RendezvousTest, RegistersAgainByItselfAfterTheBootstrapRestarted) {
  alice.client.set_registration(now, {}, {local(1)});
  connect(alice);
  connect(bob);
  pass(5s);
  start();
  for (Node* node : nodes) {
    node->connection.reset();
    node->client.handle_link_down(now);
  }
  EXPECT_FALSE(alice.client.is_registered());
  bob.events.clear();
  connect(bob);
  connect(alice);
  EXPECT_TRUE(alice.client.is_registered());
  EXPECT_EQ(server->stats().entries, 1U);
  pass(1s);
  EXPECT_EQ(bob.inventory(), (std::set<Entry>{entry(1)})) << "a cursor of the last run counts as none";
}

TEST_F(RendezvousTest, AsksOnlyForWhatIsNewAfterALinkBroke) {
  alice.client.set_registration(now, {}, {local(1)});
  connect(alice);
  connect(bob);
  disconnect(bob);
  bob.events.clear();
  pass(2s);
  alice.client.set_registration(now, {}, {local(1), local(2)});
  pump();
  connect(bob);
  EXPECT_EQ(bob.inventory(), (std::set<Entry>{entry(2)}));
}

TEST_F(RendezvousTest, RegistersManyChangesAsOne) {
  connect(alice);
  std::vector<LocalStore> stores;
  for (std::size_t n = 0; n < 100; ++n) {
    stores.push_back(local(n));
    alice.client.set_registration(now, {}, stores);
    pump();
  }
  EXPECT_EQ(server->stats().registrations, 1U);
  pass(2s);
  EXPECT_EQ(server->stats().registrations, 2U);
  EXPECT_EQ(server->stats().entries, 100U);
}

TEST_F(RendezvousTest, DoesNotRegisterTheSameAgain) {
  alice.client.set_registration(now, {}, {local(1), local(2)});
  connect(alice);
  alice.client.set_registration(now, {}, {local(2), local(1), local(3, false)});
  pass(1min);
  EXPECT_EQ(server->stats().registrations, 1U);
}

TEST_F(RendezvousTest, LetsTwoPeersMeetOnARelaySession) {
  connect(alice);
  connect(bob);
  ASSERT_TRUE(alice.client.open_relay(now, bob.peer()));
  pump();
  const auto granted = alice.told<RelayGranted>();
  const auto offered = bob.told<RelayOffered>();
  ASSERT_THAT(granted, SizeIs(1));
  ASSERT_THAT(offered, SizeIs(1));
  EXPECT_EQ(granted[0].target, bob.peer());
  EXPECT_EQ(offered[0].from, alice.peer());
  EXPECT_EQ(offered[0].offer.session, granted[0].session);
  EXPECT_EQ(offered[0].offer.bootstrap, bootstrap);
  EXPECT_EQ(offered[0].offer.bootstrap_url, "wss://bootstrap.example");
  EXPECT_EQ(offered[0].offer.quote, granted[0].quote);

  const auto first = server->relay().join(now, granted[0].session, granted[0].credential);
  const auto second = server->relay().join(now, granted[0].session, offered[0].offer.credential);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->side, relay::Side::kInitiator);
  EXPECT_EQ(first->peer, alice.peer());
  EXPECT_EQ(second->peer, bob.peer());
  EXPECT_TRUE(second->paired);
}

TEST_F(RendezvousTest, DeniesARelayToWhoIsNotThere) {
  connect(alice);
  ASSERT_TRUE(alice.client.open_relay(now, bob.peer()));
  ASSERT_TRUE(alice.client.open_relay(now, alice.peer()));
  pump();
  const auto denied = alice.told<RelayDenied>();
  ASSERT_THAT(denied, SizeIs(2));
  EXPECT_EQ(denied[0].target, bob.peer());
  EXPECT_EQ(denied[0].reason, relay::RefusalReason::kTargetOffline);
  EXPECT_GT(denied[0].retry_after, 0s);
  EXPECT_FALSE(denied[0].suggestion.empty());
  EXPECT_EQ(denied[1].reason, relay::RefusalReason::kSelf);
}

TEST_F(RendezvousTest, PacesALargeLookupInsteadOfBeingRefused) {
  connect(alice);
  std::vector<store::StoreId> ids;
  for (std::size_t n = 0; n < 20'000; ++n) ids.push_back(id(n));
  ASSERT_TRUE(alice.client.lookup(now, ids));
  pass(10s);
  EXPECT_THAT(alice.told<StoreFound>(), SizeIs(20'000));
  EXPECT_EQ(server->stats().requests_refused, 0U);
  EXPECT_THAT(alice.told<Failed>(), IsEmpty());
}

TEST_F(RendezvousTest, RefusesVerbsBeyondTheRequestsItMayHaveOpen) {
  connect(alice);
  alice.cut = true;
  for (std::size_t n = 0; n < kMaxPendingRequests; ++n) ASSERT_TRUE(alice.client.open_relay(now, bob.peer()));
  EXPECT_FALSE(alice.client.open_relay(now, bob.peer()));
  EXPECT_FALSE(alice.client.lookup(now, {id(1)}));
}

TEST_F(RendezvousTest, RefusesVerbsWithoutALink) {
  EXPECT_FALSE(alice.client.lookup(now, {id(1)}));
  EXPECT_FALSE(alice.client.open_relay(now, bob.peer()));
}

TEST_F(RendezvousTest, GivesUpABootstrapThatFallsSilent) {
  connect(alice);
  alice.cut = true;
  ASSERT_TRUE(alice.client.lookup(now, {id(1)}));
  pass(kRequestLimit - 1ms);
  EXPECT_THAT(alice.told<Failed>(), IsEmpty());
  pass(1ms);
  ASSERT_THAT(alice.told<Failed>(), SizeIs(1));
  EXPECT_EQ(alice.told<Failed>()[0].reason, FailureReason::kSilent);
}

TEST_F(RendezvousTest, NoticesSilenceByItsHeartbeatsToo) {
  connect(alice);
  alice.cut = true;
  pass(kHeartbeatPeriod + kRequestLimit);
  ASSERT_THAT(alice.told<Failed>(), SizeIs(1));
  EXPECT_EQ(alice.told<Failed>()[0].reason, FailureReason::kSilent);
}

TEST_F(RendezvousTest, KnowsSoonAfterItAskedWhetherTheLinkLives) {
  connect(alice);
  alice.client.check(now);
  alice.client.check(now);
  pump();
  pass(kCheckLimit + 1s);
  EXPECT_THAT(alice.told<Failed>(), IsEmpty()) << "it has answered";
  alice.cut = true;
  alice.client.check(now);
  pump();
  pass(kCheckLimit - 1ms);
  EXPECT_THAT(alice.told<Failed>(), IsEmpty());
  pass(1ms);
  ASSERT_THAT(alice.told<Failed>(), SizeIs(1));
  EXPECT_EQ(alice.told<Failed>()[0].reason, FailureReason::kSilent);
}

TEST_F(RendezvousTest, GivesUpABootstrapThatNeverGreets) {
  alice.client.handle_link_up(now);
  pass(kRequestLimit);
  ASSERT_THAT(alice.told<Failed>(), SizeIs(1));
  EXPECT_EQ(alice.told<Failed>()[0].reason, FailureReason::kSilent);
  EXPECT_FALSE(alice.client.poll_timeout());
}

TEST_F(RendezvousTest, DoesNotSignForAnotherBootstrapThanExpected) {
  Node carol(random, IpAddress::v4(192, 0, 2, 1), alice.peer());
  nodes.push_back(&carol);
  connect(carol);
  ASSERT_THAT(carol.told<Failed>(), SizeIs(1));
  EXPECT_EQ(carol.told<Failed>()[0].reason, FailureReason::kWrongBootstrap);
  EXPECT_EQ(carol.frames_sent, 0U);
}

TEST_F(RendezvousTest, ExplainsAWrongClock) {
  now.wall.unix_ms += identity::kMaxStatementLifetimeMs + 2 * identity::kClockToleranceMs;
  alice.connection = server->handle_connected({now.mono, WallTime{kStartMs}}, alice.observed);
  alice.client.handle_link_up(now);
  const auto hello = server->poll_command();
  alice.client.handle_message(now, std::get<Send>(*hello).frame);
  server->handle_message({now.mono, WallTime{kStartMs}}, *alice.connection, *alice.client.poll_send());
  pump();
  ASSERT_THAT(alice.told<Failed>(), SizeIs(1));
  EXPECT_EQ(alice.told<Failed>()[0].reason, FailureReason::kNotAuthenticated);
  EXPECT_THAT(alice.told<Failed>()[0].text, testing::HasSubstr("clock"));
}

TEST_F(RendezvousTest, TriesAgainWhenARegistrationWasRefused) {
  server.emplace(Server::Config{.id = bootstrap, .relay = {}, .registry = {.peers = 1}}, random);
  alice.client.set_registration(now, {}, {local(1)});
  bob.client.set_registration(now, {}, {local(2)});
  connect(alice);
  connect(bob);
  ASSERT_THAT(bob.told<Failed>(), SizeIs(1));
  EXPECT_EQ(bob.told<Failed>()[0].reason, FailureReason::kRegistration);
  EXPECT_TRUE(bob.client.is_welcomed());
  disconnect(alice);
  pass(kRegistrationLifetime + kRegisterRetry);
  EXPECT_TRUE(bob.client.is_registered());
}

TEST_F(RendezvousTest, KeepsAFamilyFromCrowdingOutTheOther) {
  std::vector<Service> http;
  const auto add = [&](const IpAddress& at, std::uint16_t port) { http.push_back({ServiceKind::kHttp, {at, port}}); };
  for (std::uint8_t n = 1; n <= 20; ++n) add(IpAddress::v4(10, 0, 0, n), 5001);
  add(*IpAddress::parse("fd00::1"), 5001);
  add(*IpAddress::parse("ff02::1"), 5001);
  add(*IpAddress::parse("fd00::2"), 0);
  bob.observed = alice.observed;  // a neighbour, who is told of private addresses
  alice.client.set_registration(now, http, {local(1)});
  connect(alice);
  connect(bob);
  ASSERT_TRUE(bob.client.lookup(now, {id(1)}));
  pump();
  const auto shown = bob.told<StoreFound>()[0].found.announcers[0].http;
  EXPECT_THAT(shown, SizeIs(kMaxHttpEndpoints));
  EXPECT_EQ(shown.back(), (Endpoint{*IpAddress::parse("fd00::1"), 5001}));
}

// A client against a bootstrap that lies.
struct LyingBootstrap : RendezvousTest {
  void welcome() {
    alice.client.handle_link_up(now);
    say(Hello{.bootstrap = bootstrap, .nonce = {}, .time = now.wall});
    say(Welcome{alice.observed.address});
    drain();
  }
  void say(const ServerMessage& message) { alice.client.handle_message(now, encode(message)); }
  void drain() {
    while (auto frame = alice.client.poll_send()) sent.push_back(*decode_client_message(*frame));
    while (auto event = alice.client.poll_event()) alice.events.push_back(*std::move(event));
  }
  std::optional<FailureReason> failure() {
    drain();
    const auto failed = alice.told<Failed>();
    return failed.empty() ? std::nullopt : std::optional(failed.back().reason);
  }
  std::vector<ClientMessage> sent;
};

TEST_F(LyingBootstrap, IsLeftForMessagesOutOfTurn) {
  alice.client.handle_link_up(now);
  say(Welcome{alice.observed.address});
  EXPECT_EQ(failure(), FailureReason::kProtocol);
}

TEST_F(LyingBootstrap, IsLeftForASecondHello) {
  welcome();
  say(Hello{.bootstrap = bootstrap, .nonce = {}, .time = now.wall});
  EXPECT_EQ(failure(), FailureReason::kProtocol);
}

TEST_F(LyingBootstrap, IsLeftForNonsense) {
  welcome();
  alice.client.handle_message(now, Bytes{0xff, 0xff});
  EXPECT_EQ(failure(), FailureReason::kProtocol);
  EXPECT_FALSE(alice.client.is_welcomed());
}

TEST_F(LyingBootstrap, IsPassedOverWhenItSpeaksOfThingsToCome) {
  welcome();
  alice.client.handle_message(now, Bytes{0xfa, 0x01, 0x00});  // field 31
  EXPECT_FALSE(failure());
}

TEST_F(LyingBootstrap, CannotAnswerWhatWasNotAsked) {
  welcome();
  say(Found{77, {{id(1), {}}}});
  say(RelayGrant{78, {}});
  say(RegisterOk{79, 600s});
  EXPECT_FALSE(failure());
  EXPECT_THAT(alice.told<StoreFound>(), IsEmpty());
  EXPECT_THAT(alice.told<RelayGranted>(), IsEmpty());
  EXPECT_THAT(alice.told<Registered>(), IsEmpty());
}

TEST_F(LyingBootstrap, CannotAnswerAnotherKindOfQuestion) {
  welcome();
  const auto& asked = std::get<InventorySince>(sent.back());
  say(RelayGrant{asked.request, {}});
  drain();
  EXPECT_THAT(alice.told<RelayGranted>(), IsEmpty());
}

TEST_F(LyingBootstrap, CannotKeepAClientAskingForNothing) {
  welcome();
  const auto& asked = std::get<InventorySince>(sent.back());
  say(Inventory{asked.request, {}, {1, 1}, true});
  EXPECT_EQ(failure(), FailureReason::kProtocol);
}

TEST_F(LyingBootstrap, CannotForgeASignal) {
  welcome();
  const Bytes sealed =
      signal::seal_message(random, bob.key, bob.peer(), now.wall.unix_ms, now.wall, signal::RelayOffer{});
  say(Signal{bob.peer(), sealed});
  say(Signal{bob.peer(), Bytes(100)});
  EXPECT_FALSE(failure());
  EXPECT_THAT(alice.told<RelayOffered>(), IsEmpty());
}

TEST_F(LyingBootstrap, CannotReplayASignal) {
  welcome();
  const Bytes sealed =
      signal::seal_message(random, bob.key, alice.peer(), now.wall.unix_ms, now.wall, signal::RelayOffer{});
  say(Signal{bob.peer(), sealed});
  say(Signal{bob.peer(), sealed});
  drain();
  EXPECT_THAT(alice.told<RelayOffered>(), SizeIs(1));
}

TEST_F(LyingBootstrap, HasItsRefusalsPassedOnForPeople) {
  welcome();
  say(Error{0, ErrorCode::kFull, 60s, "go away\x1b[2J"});
  EXPECT_EQ(failure(), FailureReason::kRefused);
  EXPECT_EQ(alice.told<Failed>().back().text, "go away?[2J");
}

TEST_F(RendezvousTest, TellsWhoRelaysOnlyOfThoseThatAreProvedConnectedAndHaveRoom) {
  const Service turn{ServiceKind::kTurnUdp, {IpAddress::v4(198, 51, 100, 1), 6001}};
  const Service quic{ServiceKind::kQuic, {IpAddress::v4(198, 51, 100, 1), 4001}};
  alice.client.set_registration(now, {turn, quic}, {}, true);
  connect(alice);
  connect(bob);
  const auto told = [&](const std::optional<PeerId>& about = std::nullopt) {
    EXPECT_TRUE(bob.client.turn_servers(now, about));
    pump();
    return bob.told<TurnServersFound>().back().servers;
  };
  EXPECT_THAT(told(), IsEmpty()) << "not proved";
  alice.client.prove(turn, {});
  alice.client.prove(quic, {});
  pump();
  EXPECT_THAT(told(), ElementsAre(TurnServer{alice.peer(), {turn}}));
  EXPECT_THAT(told(alice.peer()), SizeIs(1));
  EXPECT_THAT(told(bob.peer()), IsEmpty());
  EXPECT_EQ(bob.told<TurnServersFound>().back().about, bob.peer());
  alice.client.set_registration(now, {turn, quic}, {}, false);
  pass(2s);
  EXPECT_THAT(told(), IsEmpty()) << "full";
  alice.client.set_registration(now, {turn, quic}, {}, true);
  pass(2s);
  EXPECT_THAT(told(), SizeIs(1));
  disconnect(alice);
  EXPECT_THAT(told(), IsEmpty()) << "gone";
  EXPECT_THAT(told(alice.peer()), IsEmpty());
}

TEST_F(RendezvousTest, DoesNotTellARelayingPeerOfItself) {
  const Service turn{ServiceKind::kTurnUdp, {IpAddress::v4(198, 51, 100, 1), 6001}};
  alice.client.set_registration(now, {turn}, {}, true);
  connect(alice);
  connect(bob);
  alice.client.prove(turn, {});
  pump();
  EXPECT_TRUE(alice.client.turn_servers(now));
  pump();
  EXPECT_THAT(alice.told<TurnServersFound>().back().servers, IsEmpty());
}

TEST_F(RendezvousTest, CarriesASignalAndSaysWhereItsSenderIsSeen) {
  connect(alice);
  connect(bob);
  EXPECT_TRUE(alice.client.signal(now, bob.peer(), signal::TurnQuery{7}));
  pump();
  const auto received = bob.told<SignalReceived>();
  ASSERT_THAT(received, SizeIs(1));
  EXPECT_EQ(received[0].from, alice.peer());
  EXPECT_EQ(received[0].observed, alice.observed.address);
  EXPECT_EQ(std::get<signal::TurnQuery>(received[0].message), signal::TurnQuery{7});
  disconnect(alice);
  EXPECT_FALSE(alice.client.signal(now, bob.peer(), signal::TurnQuery{8}));
  EXPECT_FALSE(alice.client.turn_servers(now));
}

}  // namespace
}  // namespace turnpike::rendezvous
