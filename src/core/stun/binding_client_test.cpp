#include "core/stun/binding_client.h"

#include <gtest/gtest.h>

#include "core/stun/binding_server.h"
#include "core/stun/integrity.h"

namespace turnpike::stun {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{1h};
constexpr TransactionId kId{1, 2, 3};
constexpr Endpoint kServer{IpAddress::v4(198, 51, 100, 1), 3478};
constexpr Endpoint kMapped{IpAddress::v4(203, 0, 113, 7), 40000};

Bytes response(const TransactionId& id) {
  MessageWriter out(Class::kSuccess, Method::kBinding, id);
  add_xor_address(out, AttributeType::kXorMappedAddress, kMapped);
  return std::move(out).take();
}

// Runs a client against a server that never answers. Returns when each request left and, last, when it gave up.
std::vector<Duration> run_into_the_void(BindingClient& client) {
  std::vector<Duration> times;
  for (Instant now = kStart;;) {
    while (client.poll_transmit()) times.push_back(now - kStart);
    const auto wake = client.poll_timeout();
    if (!wake) {
      times.push_back(now - kStart);
      return times;
    }
    now = *wake;
    client.handle_timeout(now);
  }
}

template <class Event>
std::optional<Event> event_of(BindingClient& client) {
  const auto event = client.poll_event();
  if (!event || !std::holds_alternative<Event>(*event)) return std::nullopt;
  return std::get<Event>(*event);
}

TEST(StunBindingClient, RetransmitsAsRfc8489Tabulates) {
  BindingClient client(kStart, kServer, kId);
  EXPECT_EQ(run_into_the_void(client),
            (std::vector<Duration>{0ms, 500ms, 1500ms, 3500ms, 7500ms, 15500ms, 31500ms, 39500ms}));
  EXPECT_TRUE(event_of<BindingClient::TimedOut>(client));
}

TEST(StunBindingClient, GivesUpSoonerWhenAskedTo) {
  const RetransmissionPolicy hurried{.initial_rto = 100ms, .max_requests = 2, .last_wait = 300ms};
  BindingClient client(kStart, kServer, kId, {.retransmission = hurried, .change = {}});
  EXPECT_EQ(run_into_the_void(client), (std::vector<Duration>{0ms, 100ms, 400ms}));
}

TEST(StunBindingClient, LetsASpuriousWakeUpPass) {
  BindingClient client(kStart, kServer, kId);
  ASSERT_TRUE(client.poll_transmit());
  client.handle_timeout(kStart + 499ms);
  EXPECT_FALSE(client.poll_transmit());
  EXPECT_EQ(client.poll_timeout(), kStart + 500ms);
}

TEST(StunBindingClient, ReportsTheMappedAddressAndTheRoundTrip) {
  BindingClient client(kStart, kServer, kId);
  ASSERT_TRUE(client.poll_transmit());
  client.handle_datagram(kStart + 30ms, kServer, response(kId));
  const auto event = event_of<BindingClient::Mapped>(client);
  ASSERT_TRUE(event);
  EXPECT_EQ(event->address, kMapped);
  EXPECT_EQ(event->round_trip, 30ms);
  EXPECT_FALSE(client.poll_timeout());
}

TEST(StunBindingClient, DoesNotGuessTheRoundTripOfARetransmission) {
  BindingClient client(kStart, kServer, kId);
  ASSERT_TRUE(client.poll_transmit());
  client.handle_timeout(kStart + 500ms);
  ASSERT_TRUE(client.poll_transmit());
  client.handle_datagram(kStart + 510ms, kServer, response(kId));
  EXPECT_EQ(event_of<BindingClient::Mapped>(client)->round_trip, 0ms);
}

TEST(StunBindingClient, IgnoresAStrangerAndAStrangeId) {
  BindingClient client(kStart, kServer, kId);
  ASSERT_TRUE(client.poll_transmit());
  client.handle_datagram(kStart, kMapped, response(kId));
  client.handle_datagram(kStart, kServer, response({3, 2, 1}));
  EXPECT_FALSE(client.poll_event());
  EXPECT_TRUE(client.poll_timeout());
}

TEST(StunBindingClient, IgnoresADamagedFingerprintAndAnAnswerWithoutAnAddress) {
  BindingClient client(kStart, kServer, kId);
  ASSERT_TRUE(client.poll_transmit());
  MessageWriter damaged(Class::kSuccess, Method::kBinding, kId);
  add_xor_address(damaged, AttributeType::kXorMappedAddress, kMapped);
  damaged.add_u32(AttributeType::kFingerprint, 1);
  client.handle_datagram(kStart, kServer, std::move(damaged).take());
  client.handle_datagram(kStart, kServer, MessageWriter(Class::kSuccess, Method::kBinding, kId).take());
  EXPECT_FALSE(client.poll_event());
}

TEST(StunBindingClient, ReportsARefusal) {
  BindingClient client(kStart, kServer, kId);
  ASSERT_TRUE(client.poll_transmit());
  MessageWriter out(Class::kError, Method::kBinding, kId);
  add_error(out, ErrorCode::kBadRequest);
  client.handle_datagram(kStart, kServer, std::move(out).take());
  const auto event = event_of<BindingClient::Refused>(client);
  ASSERT_TRUE(event);
  EXPECT_EQ(event->code, ErrorCode::kBadRequest);
}

TEST(StunBindingClient, TakesTheAnswerOfTheOtherAddressOnlyIfItAskedForOne) {
  const Endpoint other{IpAddress::v4(198, 51, 100, 2), 3479};
  BindingClient plain(kStart, kServer, kId);
  BindingClient asking(kStart, kServer, kId, {.retransmission = {}, .change = ChangeRequest{true, true}});
  ASSERT_TRUE(plain.poll_transmit() && asking.poll_transmit());
  plain.handle_datagram(kStart, other, response(kId));
  asking.handle_datagram(kStart, other, response(kId));
  EXPECT_FALSE(plain.poll_event());
  const auto event = event_of<BindingClient::Mapped>(asking);
  ASSERT_TRUE(event);
  EXPECT_EQ(event->from, other);
}

TEST(StunBindingClient, UnderstandsOurServer) {
  SeededRandom random(1);
  const Endpoint alternate{IpAddress::v4(198, 51, 100, 2), 3479};
  BindingServer server(random, DiscoveryAddresses{kServer, alternate});
  BindingClient client(kStart, kServer, kId);
  const auto answer = server.answer(kStart, kMapped, kServer, client.poll_transmit()->payload);
  ASSERT_TRUE(answer);
  client.handle_datagram(kStart, answer->from, answer->payload);
  const auto event = event_of<BindingClient::Mapped>(client);
  ASSERT_TRUE(event);
  EXPECT_EQ(event->address, kMapped);
  EXPECT_EQ(event->other, alternate);
}

}  // namespace
}  // namespace turnpike::stun
