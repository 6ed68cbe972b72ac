#include "core/coordination/coordinator.h"

#include <gmock/gmock.h>

#include "core/turn/grant.h"

namespace turnpike::coordination {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::size_t kBootstrap = 0;
constexpr IpAddress kHome = IpAddress::v4(203, 0, 113, 9);

// One node's coordinator, and what it has told the world.
struct Node {
  explicit Node(Random& random)
      : key(crypto::SigningKey::generate(random)),
        coordinator({.key = &key, .sequence = &sequence, .seen_signals = &seen}, random) {}

  PeerId id() const { return {key.public_key()}; }
  template <class What>
  std::vector<What> told() const {
    std::vector<What> out;
    for (const Action& each : actions) {
      if (const auto* what = std::get_if<What>(&each)) out.push_back(*what);
    }
    return out;
  }

  crypto::SigningKey key;
  identity::SequenceSource sequence;
  identity::ReplayWindow seen;
  Coordinator coordinator;
  std::vector<Action> actions;
  bool deaf = false;  // signals to it are lost
};

// A requester, a responder and servers around one bootstrap, without delay, in virtual time.
struct Coordination : testing::Test {
  SeededRandom random{1};
  Now now{Instant{1h}, {1'795'000'000'000}};
  Node requester{random};
  Node responder{random};
  Node near{random};
  Node far{random};
  std::vector<Node*> nodes{&requester, &responder, &near, &far};
  std::vector<Node*> relaying{&near, &far};
  std::optional<turn::RefusalReason> refusal;  // of the near one
  std::optional<Duration> near_rtt = Duration(5ms);

  Endpoint at(const Node& node) const { return {IpAddress::v4(198, 51, 100, &node == &near ? 1 : 2), 6001}; }
  rendezvous::TurnServer listed(const Node& node) const {
    return {node.id(), {{rendezvous::ServiceKind::kTurnUdp, at(node)}, {rendezvous::ServiceKind::kTurnTcp, at(node)}}};
  }
  Node& named(const PeerId& id) {
    for (Node* node : nodes) {
      if (node->id() == id) return *node;
    }
    std::abort();
  }
  turn::Opened opened(const OpenSession& order) {
    turn::Opened out;
    out.grant = {.session = {random.array<16>()},
                 .requester = order.requester,
                 .responder = order.responder,
                 .requester_relayed = {IpAddress::v4(198, 51, 100, 1), 50'000},
                 .responder_relayed = {IpAddress::v4(198, 51, 100, 1), 50'001},
                 .limits = {1U << 30U, 0},
                 .until = {now.wall.unix_ms + 3'600'000}};
    out.requester = {"requester", "a"};
    out.responder = {"responder", "b"};
    return out;
  }
  void act(Node& who, const Action& action) {
    if (const auto* say = std::get_if<Say>(&action)) {
      Node& to = named(say->to);
      if (!to.deaf) to.coordinator.handle_signal(now, say->bootstrap, who.id(), kHome, say->message);
    } else if (const auto* list = std::get_if<List>(&action)) {
      std::vector<rendezvous::TurnServer> servers;
      for (const Node* each : relaying) {
        if (!list->about || *list->about == each->id()) servers.push_back(listed(*each));
      }
      who.coordinator.handle_servers(now, list->bootstrap, list->about, servers);
    } else if (const auto* measure = std::get_if<Measure>(&action)) {
      who.coordinator.handle_measured(now, measure->server,
                                      measure->at == at(near) ? near_rtt : std::optional<Duration>(80ms));
    } else if (const auto* open = std::get_if<OpenSession>(&action)) {
      Result<turn::Opened, turn::RefusalReason> decided = opened(*open);
      if (refusal && &who == &near) decided = fail(*refusal);
      who.coordinator.handle_decided(now, open->ticket, decided);
    }
  }
  void settle() {
    for (bool any = true; any;) {
      any = false;
      for (Node* node : nodes) {
        while (auto action = node->coordinator.poll_action()) {
          any = true;
          node->actions.push_back(*action);
          act(*node, *action);
        }
      }
    }
  }
  void pass(Duration time) {
    now.mono += time;
    now.wall.unix_ms += static_cast<std::uint64_t>(time / 1ms);
    for (Node* node : nodes) node->coordinator.handle_timeout(now);
    settle();
  }
  void ask(std::vector<PeerId> avoid = {}) {
    requester.coordinator.request(now, responder.id(), kBootstrap, std::move(avoid));
    settle();
  }
  std::vector<PeerId> asked() const {
    std::vector<PeerId> out;
    for (const Say& each : requester.told<Say>()) {
      if (std::holds_alternative<signal::TurnRequest>(each.message)) out.push_back(each.to);
    }
    return out;
  }
};

TEST_F(Coordination, GivesEachEndItsOwnHalfOfOneSessionAtTheNearestServer) {
  ask();
  const auto ours = requester.told<Granted>();
  const auto theirs = responder.told<Granted>();
  ASSERT_THAT(ours, SizeIs(1));
  ASSERT_THAT(theirs, SizeIs(1));
  EXPECT_EQ(ours[0].peer, responder.id());
  EXPECT_EQ(theirs[0].peer, requester.id());
  EXPECT_EQ(ours[0].target.server, near.id());
  EXPECT_EQ(theirs[0].target.server, near.id());
  EXPECT_EQ(ours[0].target.role, path::Role::kInitiator);
  EXPECT_EQ(theirs[0].target.role, path::Role::kResponder);
  EXPECT_EQ(ours[0].target.credential.username, "requester");
  EXPECT_EQ(theirs[0].target.credential.username, "responder");
  EXPECT_EQ(ours[0].target.ours, theirs[0].target.theirs);
  EXPECT_EQ(ours[0].target.theirs, theirs[0].target.ours);
  EXPECT_THAT(theirs[0].target.udp, ElementsAre(at(near)));
  EXPECT_THAT(ours[0].target.tcp, ElementsAre(at(near)));
  EXPECT_FALSE(requester.coordinator.poll_timeout());
}

TEST_F(Coordination, TellsTheServerWhereTheRequesterIsSeenSoThatItsNetworkIsCharged) {
  ask();
  ASSERT_THAT(near.told<OpenSession>(), SizeIs(1));
  EXPECT_EQ(near.told<OpenSession>()[0].from, kHome);
  EXPECT_EQ(near.told<OpenSession>()[0].requester, requester.id());
}

TEST_F(Coordination, AsksTheNextServerWhenOneRefuses) {
  refusal = turn::RefusalReason::kSpent;
  ask();
  EXPECT_THAT(asked(), ElementsAre(near.id(), far.id()));
  ASSERT_THAT(requester.told<Granted>(), SizeIs(1));
  EXPECT_EQ(requester.told<Granted>()[0].target.server, far.id());
}

TEST_F(Coordination, AsksTheNextServerWithinASecondWhenOneIsSilent) {
  near.deaf = true;
  ask();
  EXPECT_THAT(requester.told<Granted>(), IsEmpty());
  pass(kServerAnswerLimit);
  EXPECT_LE(kServerAnswerLimit, 1s);
  ASSERT_THAT(requester.told<Granted>(), SizeIs(1));
  EXPECT_EQ(requester.told<Granted>()[0].target.server, far.id());
}

TEST_F(Coordination, AvoidsServersThatHaveFailedThisPath) {
  ask({near.id()});
  EXPECT_THAT(asked(), ElementsAre(far.id()));
}

TEST_F(Coordination, SaysThatNobodyRelaysWhereNobodyDoes) {
  relaying.clear();
  ask();
  ASSERT_THAT(requester.told<Denied>(), SizeIs(1));
  EXPECT_EQ(requester.told<Denied>()[0].reason, "no peer relays now");
}

TEST_F(Coordination, TriesNoMoreThanAFewServersForOneRequest) {
  std::vector<std::unique_ptr<Node>> more;
  for (std::size_t i = 0; i < kMaxServersTried + 2; ++i) {
    more.push_back(std::make_unique<Node>(random));
    more.back()->deaf = true;
    nodes.push_back(more.back().get());
    relaying.push_back(more.back().get());
  }
  near.deaf = far.deaf = true;
  ask();
  for (std::size_t i = 0; i < kMaxServersTried; ++i) pass(kServerAnswerLimit);
  EXPECT_THAT(asked(), SizeIs(kMaxServersTried));
  EXPECT_THAT(requester.told<Denied>(), SizeIs(1));
  for (const auto& node : more) std::erase(nodes, node.get());
}

TEST_F(Coordination, GoesOnWithoutTheRespondersDistancesWhenItIsSlowToTellThem) {
  responder.deaf = true;
  ask();
  EXPECT_THAT(asked(), IsEmpty());
  pass(kGatherLimit);
  EXPECT_THAT(asked(), ElementsAre(near.id()));
}

TEST_F(Coordination, NeverAsksTheResponderToRelayToItself) {
  relaying = {&responder};
  ask();
  EXPECT_THAT(asked(), IsEmpty());
  EXPECT_THAT(requester.told<Denied>(), SizeIs(1));
}

TEST_F(Coordination, AsksTheOtherEndToConnectWhereWeCanBeReachedAndRelaysOnlyIfThatDoesNotHelp) {
  requester.coordinator.set_own_doors({.tcp = {{kHome, 4001}, {IpAddress::v4(192, 0, 2, 1), 4001}}, .quic = {}});
  ask();
  EXPECT_THAT(asked(), IsEmpty());
  EXPECT_THAT(requester.told<Denied>(), IsEmpty()) << "while it may yet come, what costs more is held back";
  ASSERT_THAT(responder.told<DialBack>(), SizeIs(1));
  EXPECT_EQ(responder.told<DialBack>()[0].peer, requester.id());
  EXPECT_THAT(responder.told<DialBack>()[0].tcp, ElementsAre(Endpoint{kHome, 4001})) << "only where it is seen";
  pass(kDialMeLimit);
  EXPECT_THAT(requester.told<Denied>(), SizeIs(1));
  ask();
  EXPECT_THAT(asked(), ElementsAre(near.id()));
}

TEST_F(Coordination, ConnectsToNoAddressAtWhichTheAskerIsNotSeenAndNotTwiceInAMoment) {
  const signal::DialMe elsewhere{{{IpAddress::v4(192, 0, 2, 1), 4001}}, {}};
  responder.coordinator.handle_signal(now, kBootstrap, requester.id(), kHome, elsewhere);
  responder.coordinator.handle_signal(now, kBootstrap, requester.id(), std::nullopt, signal::DialMe{{{kHome, 1}}, {}});
  settle();
  EXPECT_THAT(responder.told<DialBack>(), IsEmpty());
  for (int i = 0; i < 3; ++i) {
    responder.coordinator.handle_signal(now, kBootstrap, requester.id(), kHome, signal::DialMe{{{kHome, 4001}}, {}});
  }
  settle();
  EXPECT_THAT(responder.told<DialBack>(), SizeIs(1));
  EXPECT_EQ(responder.coordinator.counters().bad, 4U);
}

TEST_F(Coordination, BelievesNoGrantThatTheServerDidNotSignForThisPair) {
  struct Forged {
    const char* what;
    Node* signer;
    PeerId requester;
    PeerId responder;
  };
  near.deaf = true;
  ask();
  const Say request = requester.told<Say>().back();
  const std::uint64_t number = std::get<signal::TurnRequest>(request.message).request;
  for (const Forged& each : {Forged{"another signs", &far, requester.id(), responder.id()},
                             {"for another requester", &near, far.id(), responder.id()},
                             {"for another responder", &near, requester.id(), far.id()}}) {
    OpenSession order{.ticket = 1, .requester = each.requester, .from = {}, .responder = each.responder};
    const Bytes grant = turn::sign_grant(each.signer->key, opened(order).grant, now.wall.unix_ms, now.wall);
    requester.coordinator.handle_signal(now, kBootstrap, near.id(), kHome,
                                        signal::TurnGranted{number, grant, {"u", "p"}, {1, 2, 3}});
    settle();
    EXPECT_THAT(requester.told<Granted>(), IsEmpty()) << each.what;
  }
  EXPECT_EQ(requester.coordinator.counters().bad, 3U);
}

TEST_F(Coordination, ComesToNoServerThatNoBootstrapHasSeenProved) {
  relaying = {&near};
  OpenSession order{.ticket = 1, .requester = requester.id(), .from = {}, .responder = responder.id()};
  const turn::Opened session = opened(order);
  const auto offer_of = [&](Node& server) {
    const Bytes grant = turn::sign_grant(server.key, session.grant, server.sequence.next(now.wall), now.wall);
    const signal::TurnGranted inner{0, grant, session.responder, {}};
    return signal::TurnOffer{
        signal::seal_message(random, server.key, responder.id(), server.sequence.next(now.wall), now.wall, inner)};
  };
  responder.coordinator.handle_signal(now, kBootstrap, requester.id(), kHome, offer_of(far));
  settle();
  EXPECT_THAT(responder.told<Granted>(), IsEmpty());
  EXPECT_TRUE(responder.coordinator.poll_timeout());
  pass(kOfferLimit);
  EXPECT_FALSE(responder.coordinator.poll_timeout());
  responder.coordinator.handle_signal(now, kBootstrap, requester.id(), kHome, offer_of(near));
  settle();
  EXPECT_THAT(responder.told<Granted>(), SizeIs(1));
  responder.coordinator.handle_signal(now, kBootstrap, far.id(), kHome, offer_of(near));
  settle();
  EXPECT_THAT(responder.told<Granted>(), SizeIs(1)) << "an offer is its requester's alone";
}

TEST_F(Coordination, BoundsWhatOthersCanMakeItHold) {
  std::vector<PeerId> strangers;
  for (std::size_t i = 0; i < kMaxTickets + kMaxQueries; ++i) {
    strangers.push_back({crypto::SigningKey::generate(random).public_key()});
  }
  std::size_t opens = 0;
  for (const PeerId& each : strangers) {
    near.coordinator.handle_signal(now, kBootstrap, each, kHome, signal::TurnRequest{1, responder.id()});
    near.coordinator.handle_signal(now, kBootstrap, each, kHome, signal::TurnQuery{1});
  }
  while (const auto action = near.coordinator.poll_action()) opens += std::holds_alternative<OpenSession>(*action);
  EXPECT_EQ(opens, kMaxTickets);
  EXPECT_EQ(near.coordinator.counters().bad, kMaxTickets) << "queries beyond kMaxQueries";
}

TEST_F(Coordination, BoundsWhatItAsksForAtATime) {
  responder.deaf = true;
  std::size_t denied = 0;
  for (std::size_t i = 0; i <= kMaxRequests; ++i) {
    requester.coordinator.request(now, {crypto::SigningKey::generate(random).public_key()}, kBootstrap, {});
  }
  while (const auto action = requester.coordinator.poll_action()) denied += std::holds_alternative<Denied>(*action);
  EXPECT_EQ(denied, 1U);
}

TEST_F(Coordination, EndsItsRequestsWithTheLink) {
  responder.deaf = true;
  ask();
  requester.coordinator.handle_link_down(now, kBootstrap);
  settle();
  EXPECT_THAT(requester.told<Denied>(), SizeIs(1));
  EXPECT_FALSE(requester.coordinator.poll_timeout());
}

}  // namespace
}  // namespace turnpike::coordination
