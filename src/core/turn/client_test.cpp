#include "core/turn/client.h"

#include <gtest/gtest.h>

#include "core/turn/turn_test_support.h"

namespace turnpike::turn {
namespace {

using namespace turnpike::turn::testing;

// Carries everything between a client and a server until both are silent.
void carry(Now now, Client& client, Server& server, const FiveTuple& at, std::vector<Outgoing>* others = nullptr) {
  for (bool moved = true; moved;) {
    moved = false;
    while (auto out = client.poll_transmit()) {
      server.handle_message(now, at, *out);
      moved = true;
    }
    while (auto out = server.poll_transmit()) {
      moved = true;
      if (out->to == at) {
        client.handle_message(now.mono, out->payload);
      } else if (others != nullptr) {
        others->push_back(*std::move(out));
      }
    }
  }
}

template <class Event>
std::optional<Event> event_of(Client& client) {
  const auto event = client.poll_event();
  if (!event || !std::holds_alternative<Event>(*event)) return std::nullopt;
  return std::get<Event>(*event);
}

struct Ends {
  SeededRandom random{1};
  Server server;
  Opened opened;
  FiveTuple at_a = udp_client(1);
  FiveTuple at_b = udp_client(2);
  Client a;
  Client b;

  Ends()
      : server(config(), random),
        opened(*server.open_session(kNow, peer(1), at_a.client.address, peer(2), IpAddress::Family::kV4)),
        a(kStart, {.username = opened.requester.username, .password = opened.requester.password}, random),
        b(kStart, {.username = opened.responder.username, .password = opened.responder.password}, random) {}
};

Bytes error_to(const Bytes& request, ErrorCode code, const std::function<void(MessageWriter&)>& more = {}) {
  const auto read = MessageView::parse(request);
  MessageWriter out(Class::kError, read->method(), read->id());
  stun::add_error(out, code);
  if (more) more(out);
  return std::move(out).take();
}

TEST(TurnClient, AllocatesAndBindsAndCarriesDataOverOurServer) {
  Ends e;
  EXPECT_TRUE(e.a.bind(kStart, e.opened.grant.responder_relayed));
  EXPECT_TRUE(e.b.bind(kStart, e.opened.grant.requester_relayed));
  carry(kNow, e.a, e.server, e.at_a);
  carry(kNow, e.b, e.server, e.at_b);
  const auto allocated = event_of<Client::Allocated>(e.a);
  ASSERT_TRUE(allocated);
  EXPECT_EQ(allocated->relayed, e.opened.grant.requester_relayed);
  EXPECT_EQ(allocated->mapped, e.at_a.client);
  ASSERT_TRUE(event_of<Client::Bound>(e.a) && event_of<Client::Allocated>(e.b) && event_of<Client::Bound>(e.b));

  const ChannelNumber channel = *e.a.channel_to(e.opened.grant.responder_relayed);
  Bytes packet;
  for (const std::uint8_t byte : channel_header(channel, 2)) packet.push_back(byte);
  packet.insert(packet.end(), {'h', 'i'});
  e.server.handle_message(kNow, e.at_a, packet);
  const auto out = e.server.poll_transmit();
  ASSERT_TRUE(out && out->to == e.at_b);
  const auto received = e.b.receive(out->payload);
  ASSERT_TRUE(received);
  EXPECT_EQ(received->peer, e.opened.grant.requester_relayed);
  EXPECT_EQ(text_of(received->data), "hi");
}

TEST(TurnClient, KeepsItsAllocationAndChannelForAsLongAsItIsDriven) {
  Ends e;
  (void)e.a.bind(kStart, e.opened.grant.responder_relayed);
  carry(kNow, e.a, e.server, e.at_a);
  (void)e.b.bind(kStart, e.opened.grant.requester_relayed);
  carry(kNow, e.b, e.server, e.at_b);
  const Bytes packet{0x40, 0, 0, 1, 'x'};
  for (Duration at{}; at < 50min; at += 10s) {
    const Now now = later(at);
    e.a.handle_timeout(now.mono);
    e.b.handle_timeout(now.mono);
    e.server.handle_timeout(now);
    carry(now, e.a, e.server, e.at_a);
    carry(now, e.b, e.server, e.at_b);
    e.server.handle_message(now, e.at_a, packet);
    const auto out = e.server.poll_transmit();
    ASSERT_TRUE(out) << at.count();
    ASSERT_TRUE(e.b.receive(out->payload));
  }
  EXPECT_FALSE(e.a.is_over() || e.b.is_over());
}

TEST(TurnClient, ReleasesItsAllocation) {
  Ends e;
  carry(kNow, e.a, e.server, e.at_a);
  ASSERT_TRUE(event_of<Client::Allocated>(e.a));
  e.a.release(kStart);
  carry(kNow, e.a, e.server, e.at_a);
  EXPECT_TRUE(event_of<Client::Released>(e.a));
  EXPECT_EQ(e.server.allocations(), 0U);
  EXPECT_FALSE(e.a.poll_timeout());
}

TEST(TurnClient, IsNotAskedTwiceWhereItKnowsTheChallenge) {
  Ends e;
  carry(kNow, e.a, e.server, e.at_a);
  e.a.release(kStart);
  carry(kNow, e.a, e.server, e.at_a);
  Client again(
      kStart,
      {.username = e.opened.requester.username, .password = e.opened.requester.password, .challenge = e.a.challenge()},
      e.random);
  e.server.handle_message(kNow, e.at_a, *again.poll_transmit());
  again.handle_message(kStart, e.server.poll_transmit()->payload);
  EXPECT_TRUE(event_of<Client::Allocated>(again));
}

TEST(TurnClient, GivesUpOnAWrongPasswordAfterOneTry) {
  SeededRandom random(1);
  Server server(config(), random);
  Client client(kStart, {.username = "alice", .password = "wrong"}, random);
  carry(kNow, client, server, udp_client(1));
  const auto failed = event_of<Client::Failed>(client);
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->code, ErrorCode::kUnauthenticated);
}

TEST(TurnClient, TakesANewNonceWhenTheOldIsStaleButNotForEver) {
  Ends e;
  carry(kNow, e.a, e.server, e.at_a);
  ASSERT_TRUE(event_of<Client::Allocated>(e.a));
  e.a.handle_timeout(kStart + 480s);
  for (int i = 0; i <= kMaxStaleNonces; ++i) {
    const auto refresh = e.a.poll_transmit();
    ASSERT_TRUE(refresh) << i;
    e.a.handle_message(kStart + 480s, error_to(*refresh, ErrorCode::kStaleNonce, [&](MessageWriter& out) {
                         out.add(AttributeType::kNonce, "nonce" + std::to_string(i));
                       }));
  }
  const auto failed = event_of<Client::Failed>(e.a);
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->code, ErrorCode::kStaleNonce);
}

TEST(TurnClient, RetransmitsOverUdpAndNotInAStream) {
  for (const bool reliable : {false, true}) {
    SeededRandom random(1);
    Client client(kStart, {.username = "a", .password = "b", .reliable = reliable}, random);
    int sent = 0;
    for (Instant now = kStart; !client.is_over();) {
      while (client.poll_transmit()) ++sent;
      now = *client.poll_timeout();
      client.handle_timeout(now);
    }
    EXPECT_EQ(sent, reliable ? 1 : 7);
    const auto failed = event_of<Client::Failed>(client);
    ASSERT_TRUE(failed);
    EXPECT_FALSE(failed->code);
  }
}

TEST(TurnClient, FollowsATryAlternate) {
  SeededRandom random(1);
  Client client(kStart, {.username = "a", .password = "b"}, random);
  const Endpoint other{IpAddress::v4(198, 51, 100, 9), 3478};
  client.handle_message(kStart, error_to(*client.poll_transmit(), ErrorCode::kTryAlternate, [&](MessageWriter& out) {
                          stun::add_address(out, AttributeType::kAlternateServer, other);
                        }));
  const auto event = event_of<Client::TryAlternate>(client);
  ASSERT_TRUE(event);
  EXPECT_EQ(event->server, other);
  EXPECT_TRUE(client.is_over());
}

TEST(TurnClient, PassesOverASuccessThatIsNotSignedWithItsKey) {
  Ends e;
  // The first answer is a challenge; the second is forged.
  e.server.handle_message(kNow, e.at_a, *e.a.poll_transmit());
  e.a.handle_message(kStart, e.server.poll_transmit()->payload);
  const auto request = e.a.poll_transmit();
  const auto read = MessageView::parse(*request);
  MessageWriter forged(Class::kSuccess, Method::kAllocate, read->id());
  stun::add_xor_address(forged, AttributeType::kXorRelayedAddress, {IpAddress::v4(192, 0, 2, 66), 50000});
  stun::add_xor_address(forged, AttributeType::kXorMappedAddress, e.at_a.client);
  add_lifetime(forged, 600s);
  stun::add_integrity(forged, bytes_of("guess"));
  e.a.handle_message(kStart, std::move(forged).take());
  EXPECT_FALSE(e.a.poll_event());
  e.server.handle_message(kNow, e.at_a, *request);
  e.a.handle_message(kStart, e.server.poll_transmit()->payload);
  EXPECT_TRUE(event_of<Client::Allocated>(e.a));
}

TEST(TurnClient, SaysWhichPeerTheServerRefused) {
  Ends e;
  const Endpoint third{IpAddress::v4(192, 0, 2, 1), 1234};
  (void)e.a.bind(kStart, third);
  carry(kNow, e.a, e.server, e.at_a);
  ASSERT_TRUE(event_of<Client::Allocated>(e.a));
  const auto refused = event_of<Client::BindRefused>(e.a);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->peer, third);
  EXPECT_EQ(refused->code, ErrorCode::kForbidden);
  EXPECT_FALSE(e.a.channel_to(third));
}

TEST(TurnClient, TakesNoDataFromWhomItDidNotBind) {
  Ends e;
  carry(kNow, e.a, e.server, e.at_a);
  MessageWriter out(Class::kIndication, Method::kData, {});
  stun::add_xor_address(out, AttributeType::kXorPeerAddress, {IpAddress::v4(192, 0, 2, 1), 1});
  out.add(AttributeType::kData, "x");
  EXPECT_FALSE(e.a.receive(std::move(out).take()));
  EXPECT_FALSE(e.a.receive(Bytes{0x40, 0, 0, 1, 'x'}));
}

TEST(TurnClient, KeepsOnlySoManyPeers) {
  Ends e;
  for (std::uint16_t i = 0; i < kMaxPeers; ++i) {
    EXPECT_TRUE(e.a.bind(kStart, {kExternal, static_cast<std::uint16_t>(50000 + i)}));
  }
  EXPECT_FALSE(e.a.bind(kStart, {kExternal, 60000}));
}

}  // namespace
}  // namespace turnpike::turn
