#include "core/portmap/pcp_client.h"

#include <gtest/gtest.h>

namespace turnpike::portmap {
namespace {

using namespace std::chrono_literals;
static_assert(DatagramMachine<PcpClient>);

constexpr Instant kStart{1000s};
const IpAddress kGateway = IpAddress::v4(192, 168, 1, 1);
const IpAddress kOwn = IpAddress::v4(192, 168, 1, 2);
const Endpoint kServer{kGateway, pcp::kServerPort};
const IpAddress kExternal = IpAddress::v4(203, 0, 113, 7);
const Ask kAsk{.transport = Transport::kTcp, .internal_port = 5001, .external_port = 5001};

struct Fixture {
  SeededRandom random{3};
  PcpClient client{kGateway, kOwn, Digest{9}, random};

  pcp::Request sent() { return *pcp::parse_request(client.poll_transmit()->payload); }
  /// The answer to `request` as a good router gives it, changed by `change`.
  void answer(const pcp::Request& request, Instant now, auto change) {
    pcp::Response out{.code = pcp::Code::kSuccess, .lifetime = request.lifetime, .epoch = 100, .body = request.body};
    if (auto* map = std::get_if<pcp::Map>(&out.body)) map->external.address = kExternal;
    change(out);
    client.handle_datagram(now, kServer, pcp::make_response(out));
  }
  void answer(const pcp::Request& request, Instant now = kStart) {
    answer(request, now, [](pcp::Response&) {});
  }
  template <class T>
  std::optional<T> event_of() {
    const auto event = client.poll_event();
    if (!event || !std::holds_alternative<T>(*event)) return std::nullopt;
    return std::get<T>(*event);
  }
};

TEST(PcpClient, AsksWithTheAddressItSendsFrom) {
  Fixture f;
  f.client.ask(kStart, kAsk);
  const pcp::Request request = f.sent();
  EXPECT_EQ(request.client, kOwn);
  EXPECT_EQ(request.lifetime, 7200U);
  f.answer(request);
  const auto granted = f.event_of<Granted>();
  ASSERT_TRUE(granted);
  EXPECT_EQ(granted->external, kExternal);
  EXPECT_EQ(granted->external_port, 5001);
}

TEST(PcpClient, WaitsThreeSecondsThenTwiceAsLongEachTimeUpToTheLimit) {
  Fixture f;
  f.client.probe(kStart);
  Instant now = kStart;
  Duration expected = kPcpFirstWait;
  for (int i = 0; i < 14; ++i) {
    ASSERT_TRUE(f.client.poll_transmit());
    const Duration wait = *f.client.poll_timeout() - now;
    EXPECT_GE(wait, expected * 8 / 10);
    EXPECT_LE(wait, expected * 12 / 10);
    now = *f.client.poll_timeout();
    f.client.handle_timeout(now - 1us);
    EXPECT_FALSE(f.client.poll_transmit());
    f.client.handle_timeout(now);
    expected = std::min(2 * wait, kPcpLongestWait);
  }
  EXPECT_FALSE(f.client.poll_event());  // RFC 6887 knows no last attempt
}

TEST(PcpClient, HasTheSameNonceForAPortAfterARestartOfTheNodeAndAnotherForAnotherPort) {
  Fixture first, second;
  const auto nonce_of = [](Fixture& f, const Ask& ask) {
    f.client.ask(kStart, ask);
    return std::get<pcp::Map>(f.sent().body).nonce;
  };
  Ask other = kAsk;
  other.internal_port = 4001;
  EXPECT_EQ(nonce_of(first, kAsk), nonce_of(second, kAsk));
  EXPECT_NE(nonce_of(first, kAsk), nonce_of(second, other));
  PcpClient stranger(kGateway, kOwn, Digest{10}, first.random);
  stranger.ask(kStart, kAsk);
  const auto request = pcp::parse_request(stranger.poll_transmit()->payload);
  EXPECT_NE(std::get<pcp::Map>(request->body).nonce, nonce_of(first, kAsk));
}

TEST(PcpClient, TakesNoAnswerWithAnotherNoncePortOrSource) {
  Fixture f;
  f.client.ask(kStart, kAsk);
  const pcp::Request request = f.sent();
  f.answer(request, kStart, [](pcp::Response& r) { std::get<pcp::Map>(r.body).nonce[0] ^= 1U; });
  f.answer(request, kStart, [](pcp::Response& r) { std::get<pcp::Map>(r.body).internal_port = 5002; });
  f.answer(request, kStart, [](pcp::Response& r) { std::get<pcp::Map>(r.body).transport = Transport::kUdp; });
  const pcp::Response good{.code = pcp::Code::kSuccess, .lifetime = 7200, .epoch = 1, .body = request.body};
  f.client.handle_datagram(kStart, {IpAddress::v4(192, 168, 1, 9), pcp::kServerPort}, pcp::make_response(good));
  f.client.handle_datagram(kStart, {kGateway, 5350}, pcp::make_response(good));
  EXPECT_FALSE(f.client.poll_event());
}

TEST(PcpClient, TakesTheSecondOfTwoEqualAnswersForNothing) {
  Fixture f;
  f.client.ask(kStart, kAsk);
  const pcp::Request request = f.sent();
  f.answer(request);
  f.answer(request);
  EXPECT_TRUE(f.event_of<Granted>());
  EXPECT_FALSE(f.client.poll_event());
}

TEST(PcpClient, SaysWhyTheRouterRefusesAndForHowLong) {
  for (const auto& [code, why] : {std::pair{pcp::Code::kNotAuthorised, Refusal::kNotAuthorised},
                                  std::pair{pcp::Code::kNetworkFailure, Refusal::kNoAddress},
                                  std::pair{pcp::Code::kNoResources, Refusal::kOutOfResources},
                                  std::pair{pcp::Code::kOverQuota, Refusal::kOutOfResources},
                                  std::pair{pcp::Code::kCannotProvideExternal, Refusal::kTaken},
                                  std::pair{pcp::Code::kAddressMismatch, Refusal::kAnotherNat},
                                  std::pair{pcp::Code::kUnsupportedOpcode, Refusal::kUnsupported},
                                  std::pair{static_cast<pcp::Code>(200), Refusal::kBroken}}) {
    Fixture f;
    f.client.ask(kStart, kAsk);
    f.answer(f.sent(), kStart, [said = code](pcp::Response& r) {
      r.code = said;
      r.lifetime = 0xffffffffU;
    });
    const auto refused = f.event_of<Refused>();
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->why, why);
    EXPECT_EQ(refused->again, 30min);  // however long it says
  }
}

TEST(PcpClient, HearsTheAddressThatARefusalNames) {
  Fixture f;
  f.client.ask(kStart, kAsk);
  f.answer(f.sent(), kStart, [](pcp::Response& r) {
    r.code = pcp::Code::kNoResources;
    std::get<pcp::Map>(r.body).external.address = IpAddress::v4(100, 64, 2, 3);
  });
  EXPECT_EQ(f.event_of<Refused>()->external, IpAddress::v4(100, 64, 2, 3));
}

TEST(PcpClient, LeavesARouterThatSpeaksNatPmpOnly) {
  Fixture f;
  f.client.probe(kStart);
  f.client.handle_datagram(kStart, kServer, Bytes{0, 128, 0, 1, 0, 0, 0, 9});
  const auto refused = f.event_of<Refused>();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->why, Refusal::kUnsupported);
}

TEST(PcpClient, TakesTheAnswersToNatPmpQuestionsForNothing) {
  Fixture f;
  f.client.probe(kStart);
  f.client.handle_datagram(kStart, kServer, Bytes{0, 128, 0, 0, 0, 0, 0, 9, 1, 2, 3, 4});
  f.answer(f.sent(), kStart, [](pcp::Response& r) { r.code = pcp::Code::kUnsupportedVersion; });  // a PCP-only router
  EXPECT_FALSE(f.client.poll_event());
}

TEST(PcpClient, TellsOfARestartThatAnAnnouncementShows) {
  Fixture f;
  f.client.probe(kStart);
  f.answer(f.sent());
  EXPECT_TRUE(f.event_of<Present>());
  const pcp::Response announce{.code = pcp::Code::kSuccess, .lifetime = 0, .epoch = 0, .body = pcp::Announce{}};
  f.client.handle_datagram(kStart + 60s, kServer, pcp::make_response(announce));
  EXPECT_TRUE(f.event_of<Restarted>());
  EXPECT_TRUE(f.event_of<Present>());
}

TEST(PcpClient, CallsARouterBrokenThatGrantsNothingTwice) {
  Fixture f;
  f.client.ask(kStart, kAsk);
  const pcp::Request request = f.sent();
  const auto nothing = [](pcp::Response& r) { r.lifetime = 0; };
  for (unsigned i = 0; i + 1 < kMaxEmptyGrants; ++i) f.answer(request, kStart, nothing);
  EXPECT_FALSE(f.client.poll_event());
  f.answer(request, kStart, nothing);
  const auto refused = f.event_of<Refused>();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->why, Refusal::kBroken);
}

TEST(PcpClient, GivesBackWithALifetimeOfZero) {
  Fixture f;
  Ask back = kAsk;
  back.lease = Seconds(0);
  f.client.ask(kStart, back);
  const pcp::Request request = f.sent();
  EXPECT_EQ(request.lifetime, 0U);
  EXPECT_EQ(std::get<pcp::Map>(request.body).external.port, 0);
  f.answer(request, kStart, [](pcp::Response& r) { r.lifetime = 7200; });  // late: to the question before
  EXPECT_FALSE(f.client.poll_event());
  f.answer(request);
  EXPECT_TRUE(f.event_of<Granted>());
}

}  // namespace
}  // namespace turnpike::portmap
