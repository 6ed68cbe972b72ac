#include "core/rendezvous/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/identity/statement.h"

namespace turnpike::rendezvous {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::uint64_t kStartMs = 1'795'000'000'000;

store::StoreId id(std::size_t n) {
  return {{static_cast<std::uint8_t>(n), static_cast<std::uint8_t>(n >> 8U), static_cast<std::uint8_t>(n >> 16U)}};
}
Entry entry(std::size_t n) { return {id(n), {5, {9}}}; }
Endpoint home(std::size_t n) {
  return {IpAddress::v4(60, static_cast<std::uint8_t>(n >> 8U), static_cast<std::uint8_t>(n), 7), 40000};
}

struct RendezvousServer : testing::Test {
  SeededRandom random{1};
  PeerId bootstrap{crypto::SigningKey::generate(random).public_key()};
  Server server{{.id = bootstrap, .relay = {}, .registry = {}}, random};
  Now now{Instant{1h}, WallTime{kStartMs}};
  crypto::SigningKey alice = crypto::SigningKey::generate(random);
  crypto::SigningKey bob = crypto::SigningKey::generate(random);
  std::uint64_t seq = kStartMs;
  std::map<ConnectionId, std::vector<ServerMessage>> heard;
  std::map<ConnectionId, CloseReason> closed;

  void pass(Duration duration) {
    now.mono += duration;
    now.wall.unix_ms += static_cast<std::uint64_t>(duration / 1ms);
    server.handle_timeout(now);
    drain();
  }
  void drain() {
    while (const auto command = server.poll_command()) {
      if (const auto* send = std::get_if<Send>(&*command)) {
        EXPECT_FALSE(closed.contains(send->connection)) << "nothing is sent after a Close";
        heard[send->connection].push_back(*decode_server_message(send->frame));
      } else {
        EXPECT_TRUE(closed.emplace(std::get<Close>(*command).connection, std::get<Close>(*command).reason).second);
      }
    }
  }
  ConnectionId connect(const Endpoint& from = home(1)) {
    const ConnectionId out = server.handle_connected(now, from);
    drain();
    return out;
  }
  void say(ConnectionId from, const ClientMessage& message) {
    server.handle_message(now, from, encode(message));
    drain();
  }
  identity::Statement statement(std::string_view type, Bytes body) {
    return {.type = std::string(type),
            .audience = bootstrap,
            .seq = ++seq,
            .expires = WallTime{now.wall.unix_ms + 60'000},
            .body = std::move(body)};
  }
  Bytes challenge(const crypto::SigningKey& key, const Nonce& nonce) {
    return identity::sign_statement(key, statement(kChallengeType, copy_of(nonce)));
  }
  Nonce nonce_of(ConnectionId connection) { return std::get<Hello>(heard.at(connection).front()).nonce; }
  ConnectionId enter(const crypto::SigningKey& key, const Endpoint& from = home(1)) {
    const ConnectionId out = connect(from);
    say(out, Authenticate{challenge(key, nonce_of(out))});
    EXPECT_FALSE(last<Welcome>(out) == nullptr);
    return out;
  }
  Bytes registration(const crypto::SigningKey& key, std::vector<Entry> stores) {
    return identity::sign_statement(key, statement(kRegistrationType, encode_registration({{}, std::move(stores)})));
  }
  template <class What>
  const What* last(ConnectionId connection) {
    return heard[connection].empty() ? nullptr : std::get_if<What>(&heard[connection].back());
  }
  std::optional<ErrorCode> last_error(ConnectionId connection) {
    const auto* error = last<Error>(connection);
    return error == nullptr ? std::nullopt : std::optional(error->code);
  }
};

// --- who is there ---

TEST_F(RendezvousServer, GreetsEachConnectionWithItsOwnNonce) {
  const ConnectionId first = connect();
  const ConnectionId second = connect();
  EXPECT_EQ(std::get<Hello>(heard.at(first).front()).bootstrap, bootstrap);
  EXPECT_NE(nonce_of(first), nonce_of(second));
}

TEST_F(RendezvousServer, SendsASignalOfItsOwnToWhoIsConnected) {
  const PeerId to{alice.public_key()};
  EXPECT_FALSE(server.signal(to, {1, 2}));
  const ConnectionId connection = enter(alice);
  EXPECT_TRUE(server.is_connected(to));
  ASSERT_TRUE(server.signal(to, {1, 2}));
  drain();
  const auto* signal = last<Signal>(connection);
  ASSERT_NE(signal, nullptr);
  EXPECT_EQ(signal->from, bootstrap);
  EXPECT_EQ(signal->sealed, (Bytes{1, 2}));
}

TEST_F(RendezvousServer, RefusesTheAnswerToAnotherConnectionsNonce) {
  const ConnectionId first = connect();
  const Bytes answer = challenge(alice, nonce_of(first));
  say(first, Authenticate{answer});
  ASSERT_NE(last<Welcome>(first), nullptr);
  const ConnectionId second = connect();
  say(second, Authenticate{answer});
  EXPECT_EQ(last_error(second), ErrorCode::kNotAuthenticated);
  EXPECT_EQ(closed.at(second), CloseReason::kNotAuthenticated);
  EXPECT_FALSE(closed.contains(first));
}

TEST_F(RendezvousServer, RefusesAnAnswerMadeForAnotherBootstrap) {
  const ConnectionId connection = connect();
  auto foreign = statement(kChallengeType, copy_of(nonce_of(connection)));
  foreign.audience = PeerId{bob.public_key()};
  say(connection, Authenticate{identity::sign_statement(alice, foreign)});
  EXPECT_EQ(closed.at(connection), CloseReason::kNotAuthenticated);
}

TEST_F(RendezvousServer, RefusesAnAnswerThatIsNoChallenge) {
  const ConnectionId connection = connect();
  auto other = statement(kRegistrationType, copy_of(nonce_of(connection)));
  say(connection, Authenticate{identity::sign_statement(alice, other)});
  EXPECT_EQ(closed.at(connection), CloseReason::kNotAuthenticated);
}

TEST_F(RendezvousServer, RefusesABrokenSignature) {
  const ConnectionId connection = connect();
  Bytes answer = challenge(alice, nonce_of(connection));
  answer.back() ^= 1U;
  say(connection, Authenticate{answer});
  EXPECT_EQ(closed.at(connection), CloseReason::kNotAuthenticated);
}

TEST_F(RendezvousServer, ClosesAConnectionThatSaysNothing) {
  const ConnectionId connection = connect();
  pass(kAuthenticateLimit - 1ms);
  EXPECT_THAT(closed, IsEmpty());
  EXPECT_EQ(server.poll_timeout(), now.mono + 1ms);
  pass(1ms);
  EXPECT_EQ(closed.at(connection), CloseReason::kNotAuthenticated);
  EXPECT_EQ(server.stats().connections, 0U);
}

TEST_F(RendezvousServer, ClosesAConnectionThatFallsSilent) {
  const ConnectionId connection = enter(alice);
  pass(kConnectionSilenceLimit - 1s);
  say(connection, Heartbeat{});
  pass(kConnectionSilenceLimit - 1s);
  EXPECT_THAT(closed, IsEmpty());
  pass(1s);
  EXPECT_EQ(closed.at(connection), CloseReason::kSilent);
}

TEST_F(RendezvousServer, AnswersNothingBeforeAuthentication) {
  for (const ClientMessage& message :
       {ClientMessage{Register{1, registration(alice, {entry(1)})}}, ClientMessage{Heartbeat{}},
        ClientMessage{Lookup{1, {id(1)}}}, ClientMessage{InventorySince{}}, ClientMessage{OpenRelay{1, bootstrap}},
        ClientMessage{SignalTo{1, bootstrap, {}}}}) {
    const ConnectionId connection = connect();
    say(connection, message);
    EXPECT_EQ(closed.at(connection), CloseReason::kProtocol);
    EXPECT_THAT(heard.at(connection), SizeIs(2)) << "Hello and Error";
  }
  EXPECT_EQ(server.stats().peers, 0U);
}

TEST_F(RendezvousServer, ClosesAConnectionThatAuthenticatesTwice) {
  const ConnectionId connection = enter(alice);
  say(connection, Authenticate{challenge(alice, nonce_of(connection))});
  EXPECT_EQ(closed.at(connection), CloseReason::kProtocol);
}

TEST_F(RendezvousServer, PutsANewConnectionInThePlaceOfItsGhost) {
  const ConnectionId ghost = enter(alice);
  const ConnectionId live = enter(alice);
  EXPECT_EQ(closed.at(ghost), CloseReason::kReplaced);
  EXPECT_EQ(server.stats().authenticated, 1U);
  server.handle_disconnected(now, ghost);  // the driver notices it late
  const ConnectionId other = enter(bob);
  say(other, SignalTo{1, {alice.public_key()}, {1, 2, 3}});
  EXPECT_NE(last<Signal>(live), nullptr);
}

TEST_F(RendezvousServer, LimitsConnectionsPerAddress) {
  for (std::size_t i = 0; i < kMaxConnectionsPerAddress; ++i) connect(home(1));
  EXPECT_THAT(closed, IsEmpty());
  EXPECT_EQ(closed.count(connect(home(1))), 1U);
  EXPECT_EQ(closed.count(connect(home(2))), 0U);
  pass(kAuthenticateLimit);
  EXPECT_EQ(closed.count(connect(home(1))), 0U) << "what was closed is not counted";
}

TEST_F(RendezvousServer, LimitsConnectionsPerNetwork) {
  for (std::size_t i = 0; i < kMaxConnectionsPerNetwork; ++i) {
    connect({IpAddress::v4(203, 0, 113, static_cast<std::uint8_t>(i % 250)), 1});
  }
  EXPECT_THAT(closed, IsEmpty());
  EXPECT_EQ(closed.at(connect({IpAddress::v4(203, 0, 113, 251), 1})), CloseReason::kFull);
}

TEST_F(RendezvousServer, LimitsConnectionsInAll) {
  for (std::size_t i = 0; i < kMaxConnections; ++i) connect(home(i));
  EXPECT_THAT(closed, IsEmpty());
  EXPECT_EQ(closed.at(connect(home(60'000))), CloseReason::kFull);
}

// --- bad messages ---

TEST_F(RendezvousServer, ClosesOnAMessageAboveTheLimit) {
  const ConnectionId connection = enter(alice);
  server.handle_message(now, connection, Bytes(kMaxMessageSize + 1));
  drain();
  EXPECT_EQ(last_error(connection), ErrorCode::kMessageTooLarge);
  EXPECT_EQ(closed.at(connection), CloseReason::kMessageTooLarge);
}

TEST_F(RendezvousServer, ClosesOnNonsense) {
  const ConnectionId connection = enter(alice);
  server.handle_message(now, connection, Bytes{0xff, 0xff, 0xff});
  drain();
  EXPECT_EQ(closed.at(connection), CloseReason::kProtocol);
}

TEST_F(RendezvousServer, PassesOverWhatANewerClientMaySay) {
  const ConnectionId connection = enter(alice);
  server.handle_message(now, connection, Bytes{0xfa, 0x01, 0x00});
  say(connection, Heartbeat{});
  EXPECT_NE(last<HeartbeatAck>(connection), nullptr);
}

TEST_F(RendezvousServer, IgnoresConnectionsItHasClosed) {
  const ConnectionId connection = enter(alice);
  server.handle_disconnected(now, connection);
  server.handle_disconnected(now, connection);
  say(connection, Heartbeat{});
  EXPECT_EQ(last<HeartbeatAck>(connection), nullptr);
}

// --- registrations ---

struct RegistrationAt : RendezvousServer {
  ErrorCode refused(const Bytes& statement) {
    const auto result = server.register_peer(now, home(1), statement);
    EXPECT_FALSE(result);
    if (result) return {};
    EXPECT_THAT(result.error().text, testing::Not(IsEmpty()));
    return result.error().code;
  }
};

TEST_F(RegistrationAt, IsTakenOverHttp) {
  const auto result = server.register_peer(now, home(1), registration(alice, {entry(1)}));
  ASSERT_TRUE(result);
  EXPECT_EQ(*result, 600s);
  const auto found = server.lookup(now, home(2), id(1));
  ASSERT_TRUE(found);
  ASSERT_THAT(found->announcers, SizeIs(1));
  EXPECT_EQ(found->announcers[0].peer, PeerId{alice.public_key()});
  EXPECT_FALSE(found->announcers[0].connected);
}

TEST_F(RegistrationAt, IsRefusedWithABadSignature) {
  Bytes statement = registration(alice, {entry(1)});
  statement.back() ^= 1U;
  EXPECT_EQ(refused(statement), ErrorCode::kBadStatement);
  EXPECT_EQ(refused({}), ErrorCode::kBadStatement);
  EXPECT_EQ(server.stats().peers, 0U);
  EXPECT_EQ(server.stats().registrations_refused, 2U);
}

TEST_F(RegistrationAt, IsRefusedWhenMadeForAnotherBootstrap) {
  auto foreign = statement(kRegistrationType, encode_registration({{}, {entry(1)}}));
  foreign.audience = PeerId{bob.public_key()};
  EXPECT_EQ(refused(identity::sign_statement(alice, foreign)), ErrorCode::kBadStatement);
  foreign.audience.reset();
  EXPECT_EQ(refused(identity::sign_statement(alice, foreign)), ErrorCode::kBadStatement);
}

TEST_F(RegistrationAt, IsRefusedWhenReplayed) {
  const Bytes statement = registration(alice, {entry(1)});
  ASSERT_TRUE(server.register_peer(now, home(1), statement));
  EXPECT_EQ(refused(statement), ErrorCode::kReplayed);
}

TEST_F(RegistrationAt, IsRefusedWhenExpired) {
  const Bytes statement = registration(alice, {entry(1)});
  now.wall.unix_ms += 60'000 + identity::kClockToleranceMs + 1;
  EXPECT_EQ(refused(statement), ErrorCode::kClock);
}

TEST_F(RegistrationAt, IsRefusedFromTheFuture) {
  const Bytes statement = registration(alice, {entry(1)});
  now.wall.unix_ms -= identity::kMaxStatementLifetimeMs + 2 * identity::kClockToleranceMs;
  EXPECT_EQ(refused(statement), ErrorCode::kClock);
}

TEST_F(RegistrationAt, IsRefusedWithTooManyStoresByName) {
  std::vector<Entry> stores;
  for (std::size_t n = 0; n <= kMaxStoresPerPeer; ++n) stores.push_back(entry(n));
  const auto result = server.register_peer(now, home(1), registration(alice, stores));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kTooManyStores);
  EXPECT_THAT(result.error().text, HasSubstr(std::to_string(kMaxStoresPerPeer)));
}

TEST_F(RegistrationAt, IsRefusedUnreadWithAMillionStores) {
  const auto huge = statement(kRegistrationType, Bytes(1'000'000 * kStoreEntrySize));
  EXPECT_EQ(refused(identity::sign_statement(alice, huge)), ErrorCode::kMessageTooLarge);
  EXPECT_EQ(server.stats().entries, 0U);
}

TEST_F(RegistrationAt, IsRefusedWithAnImpossibleStore) {
  Entry impossible = entry(1);
  impossible.content.size = 0;
  EXPECT_EQ(refused(registration(alice, {impossible})), ErrorCode::kBadRegistration);
}

TEST_F(RegistrationAt, IsLimitedInItsRatePerNetwork) {
  for (std::uint32_t i = 0; i < kNetworkRegisterRate.burst; ++i) static_cast<void>(refused({}));
  EXPECT_EQ(refused(registration(alice, {entry(1)})), ErrorCode::kTooFast);
  pass(1s);
  EXPECT_TRUE(server.register_peer(now, home(1), registration(alice, {entry(1)})));
}

TEST_F(RegistrationAt, OfSomebodyElseIsRefusedOnAControlConnection) {
  const ConnectionId connection = enter(alice);
  say(connection, Register{1, registration(bob, {entry(1)})});
  EXPECT_EQ(last_error(connection), ErrorCode::kBadStatement);
  EXPECT_EQ(server.stats().peers, 0U);
  EXPECT_THAT(closed, IsEmpty());
}

TEST_F(RegistrationAt, LapsesUnlessHeartbeatsKeepIt) {
  const ConnectionId connection = enter(alice);
  say(connection, Register{1, registration(alice, {entry(1)})});
  ASSERT_NE(last<RegisterOk>(connection), nullptr);
  pass(kRegistrationLifetime - 1s);
  say(connection, Heartbeat{});
  ASSERT_NE(last<HeartbeatAck>(connection), nullptr);
  EXPECT_TRUE(last<HeartbeatAck>(connection)->registered);
  pass(kRegistrationLifetime - 1s);
  EXPECT_EQ(server.stats().peers, 1U);
  pass(1s);
  EXPECT_EQ(server.stats().peers, 0U);
}

TEST_F(RegistrationAt, IsLimitedInItsRatePerConnection) {
  const ConnectionId connection = enter(alice);
  for (std::uint32_t i = 0; i < kRegisterRate.burst; ++i) {
    say(connection, Register{1 + i, registration(alice, {entry(i)})});
    ASSERT_NE(last<RegisterOk>(connection), nullptr);
  }
  say(connection, Register{99, registration(alice, {entry(1)})});
  ASSERT_EQ(last_error(connection), ErrorCode::kTooFast);
  EXPECT_EQ(last<Error>(connection)->request, 99U);
  EXPECT_EQ(last<Error>(connection)->retry_after, 1s);
}

// --- floods ---

TEST_F(RendezvousServer, SlowsAFloodOfRequestsAndThenEndsIt) {
  const ConnectionId connection = enter(alice);
  for (std::uint32_t i = 0; i < kRequestRate.burst; ++i) say(connection, Lookup{1, {id(1)}});
  EXPECT_NE(last<Found>(connection), nullptr);
  say(connection, Lookup{77, {id(1)}});
  ASSERT_EQ(last_error(connection), ErrorCode::kTooFast);
  EXPECT_EQ(last<Error>(connection)->request, 77U);
  EXPECT_GT(last<Error>(connection)->retry_after, 0ms);
  for (std::size_t i = 0; i < kMaxRefusedInARow; ++i) say(connection, Lookup{1, {id(1)}});
  EXPECT_EQ(closed.at(connection), CloseReason::kFlood);
}

TEST_F(RendezvousServer, ForgivesWhoSlowsDown) {
  const ConnectionId connection = enter(alice);
  for (int round = 0; round < 10; ++round) {
    for (std::uint32_t i = 0; i < kRequestRate.burst + 100; ++i) say(connection, Lookup{1, {id(1)}});
    pass(5s);
  }
  EXPECT_THAT(closed, IsEmpty());
}

TEST_F(RendezvousServer, LimitsTheIdsLookedUp) {
  const ConnectionId connection = enter(alice);
  const std::vector<store::StoreId> ids(kMaxIdsPerLookup, id(1));
  std::size_t granted = 0;
  for (int round = 0; round < 3; ++round) {
    for (std::uint32_t i = 0; i < kRequestRate.burst; ++i) {
      say(connection, Lookup{1, ids});
      granted += last<Found>(connection) != nullptr ? ids.size() : 0U;
    }
    pass(4s);
  }
  EXPECT_LE(granted, kLookupRate.burst + 8U * kLookupRate.per_second + ids.size());
  EXPECT_GE(granted, kLookupRate.burst);
}

TEST_F(RendezvousServer, LimitsLookupsOverHttpPerNetwork) {
  for (std::uint32_t i = 0; i < kRequestRate.burst; ++i) ASSERT_TRUE(server.lookup(now, home(1), id(1)));
  const auto refused = server.lookup(now, home(1), id(1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kTooFast);
  EXPECT_EQ(refused.error().retry_after, 20ms);
  EXPECT_FALSE(server.peers(now, home(1), std::nullopt));
  EXPECT_FALSE(server.inventory(now, home(1), {}));
  EXPECT_TRUE(server.lookup(now, home(2), id(1)));
}

TEST_F(RendezvousServer, LetsNobodyFloodAnotherWithSignals) {
  const ConnectionId victim = enter(alice);
  std::size_t refused = 0;
  for (std::size_t sender = 0; sender < 3; ++sender) {
    const ConnectionId connection = enter(crypto::SigningKey::generate(random), home(10 + sender));
    for (std::uint32_t i = 0; i < kRequestRate.burst; ++i) {
      say(connection, SignalTo{1, {alice.public_key()}, {1}});
      refused += last_error(connection) == ErrorCode::kTooFast ? 1U : 0U;
    }
  }
  EXPECT_EQ(heard.at(victim).size(), 2 + kSignalRate.burst) << "Hello, Welcome and what the rate lets through";
  EXPECT_GT(refused, 0U);
}

// --- signals and relays ---

TEST_F(RendezvousServer, CarriesASignalAndSaysWhoSentIt) {
  const ConnectionId to = enter(alice);
  const ConnectionId from = enter(bob);
  say(from, SignalTo{1, {alice.public_key()}, {1, 2, 3}});
  ASSERT_NE(last<Signal>(to), nullptr);
  EXPECT_EQ(last<Signal>(to)->from, PeerId{bob.public_key()});
  EXPECT_EQ(last<Signal>(to)->sealed, (Bytes{1, 2, 3}));
  EXPECT_EQ(server.stats().signals, 1U);
}

TEST_F(RendezvousServer, SaysWhenASignalCannotBeDelivered) {
  const ConnectionId from = enter(bob);
  say(from, SignalTo{5, {alice.public_key()}, {1}});
  ASSERT_EQ(last_error(from), ErrorCode::kTargetOffline);
  EXPECT_EQ(last<Error>(from)->request, 5U);
}

TEST_F(RendezvousServer, RecyclesARelaySlotWhenAPeerAsksAgain) {
  enter(alice);
  const ConnectionId from = enter(bob);
  say(from, OpenRelay{1, {alice.public_key()}});
  ASSERT_NE(last<RelayGrant>(from), nullptr);
  const relay::SessionId first = last<RelayGrant>(from)->grant.session;
  say(from, OpenRelay{2, {alice.public_key()}});
  ASSERT_NE(last<RelayGrant>(from), nullptr);
  EXPECT_NE(last<RelayGrant>(from)->grant.session, first);
  EXPECT_EQ(server.stats().relay_sessions, 1U);
  const auto ended = server.relay().poll_event();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->session, first);
}

TEST_F(RendezvousServer, EndsRelaySessionsNobodyJoinsInItsOwnTime) {
  enter(alice);
  say(enter(bob), OpenRelay{1, {alice.public_key()}});
  EXPECT_EQ(server.poll_timeout(), now.mono + relay::kJoinLimit);
  pass(relay::kJoinLimit);
  EXPECT_EQ(server.stats().relay_sessions, 0U);
}

// --- the inventory ---

TEST_F(RendezvousServer, TellsAFollowerOfChangesOnceUntilItAsks) {
  const ConnectionId follower = enter(alice);
  const ConnectionId other = enter(bob);
  say(follower, InventorySince{1, {}});
  for (std::size_t n = 1; n <= 5; ++n) {
    say(other, Register{n, registration(bob, {entry(n)})});
    pass(kInventoryDebounce);
  }
  const auto changes = std::ranges::count_if(
      heard.at(follower), [](const ServerMessage& each) { return std::holds_alternative<InventoryChanged>(each); });
  EXPECT_EQ(changes, 1);
  say(follower, InventorySince{2, {}});
  pass(1s);
  EXPECT_NE(last<Inventory>(follower), nullptr) << "it knows all, so it is told of nothing";
}

TEST_F(RendezvousServer, GathersChangesLongerTheMoreFollow) {
  EXPECT_EQ(inventory_debounce(0), kInventoryDebounce);
  EXPECT_EQ(inventory_debounce(2000), kInventoryDebounce);
  EXPECT_EQ(inventory_debounce(12'000), kInventoryDebounce + 1s);
}

// --- lists ---

TEST_F(RendezvousServer, ListsPeersPageByPage) {
  ASSERT_TRUE(server.register_peer(now, home(1), registration(alice, {entry(1)})));
  ASSERT_TRUE(server.register_peer(now, home(2), registration(bob, {entry(1), entry(2)})));
  const auto first = server.peers(now, home(3), std::nullopt, 1);
  ASSERT_TRUE(first);
  ASSERT_THAT(first->peers, SizeIs(1));
  ASSERT_TRUE(first->next);
  EXPECT_EQ(first->peers[0].expires_in, kRegistrationLifetime);
  const auto second = server.peers(now, home(3), first->next, 5);
  ASSERT_TRUE(second);
  ASSERT_THAT(second->peers, SizeIs(1));
  EXPECT_FALSE(second->next);
  EXPECT_NE(first->peers[0].peer, second->peers[0].peer);
}

TEST_F(RendezvousServer, CountsWhatItHolds) {
  const ConnectionId connection = enter(alice);
  say(connection, Register{1, registration(alice, {entry(1), entry(2)})});
  ASSERT_TRUE(server.register_peer(now, home(2), registration(bob, {entry(1)})));
  say(connection, Lookup{2, {id(1), id(2)}});
  const Stats stats = server.stats();
  EXPECT_EQ(stats.connections, 1U);
  EXPECT_EQ(stats.authenticated, 1U);
  EXPECT_EQ(stats.peers, 2U);
  EXPECT_EQ(stats.stores, 2U);
  EXPECT_EQ(stats.contents, 2U);
  EXPECT_EQ(stats.entries, 3U);
  EXPECT_EQ(stats.registrations, 2U);
  EXPECT_EQ(stats.lookups, 2U);
}

}  // namespace
}  // namespace turnpike::rendezvous
