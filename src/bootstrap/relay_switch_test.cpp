#include "bootstrap/relay_switch.h"

#include "bootstrap/bootstrap_test_support.h"

namespace turnpike::bootstrap {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMiB = std::size_t{1} << 20U;

class Relay : public testing::Test {
 protected:
  explicit Relay(relay::Policy policy = {}) : world_(policy) {}

  relay::Grant open(std::uint8_t initiator = 1, std::uint8_t responder = 2) {
    const auto grant = world_.brain.server().relay().open(io::both_now(), {Digest{initiator}},
                                                          IpAddress::v4(127, 0, 0, 1), {Digest{responder}});
    world_.brain.pump();
    EXPECT_TRUE(grant);
    return *grant;
  }

  using Connected = Result<io::ConnectedWebSocket, io::WebSocketRefusal>;
  Connected try_join(const std::string& session, const std::string& credential) {
    const io::http::Headers headers{{std::string(relay::kCredentialHeader), credential}};
    return world_.run(
        io::connect_websocket(world_.url(std::string(relay::kRelayPath) + session), std::nullopt, headers, {}));
  }
  Connected try_join(const relay::SessionId& session, const relay::Credential& credential) {
    return try_join(session.to_string(), credential.to_string());
  }
  std::unique_ptr<io::BytePipe> join(const relay::SessionId& session, const relay::Credential& credential) {
    auto connected = try_join(session, credential);
    EXPECT_TRUE(connected);
    return io::as_pipe(std::move(connected->socket));
  }
  unsigned refusal(const relay::SessionId& session, const relay::Credential& credential) {
    const auto connected = try_join(session, credential);
    return connected ? 0 : connected.error().status;
  }

  static asio::awaitable<Bytes> read_exactly(io::BytePipe& pipe, std::size_t size) {
    Bytes out(size);
    std::size_t got = 0;
    while (got < size) {
      const auto more = co_await pipe.read_some(std::span(out).subspan(got));
      if (!more) break;
      got += *more;
    }
    out.resize(got);
    co_return out;
  }
  std::string read(io::BytePipe& pipe, std::size_t size) {
    return std::string(text_of(world_.run(read_exactly(pipe, size))));
  }
  bool write(io::BytePipe& pipe, ByteView bytes) { return static_cast<bool>(world_.run(pipe.write(bytes))); }
  /// Nothing more comes from there.
  bool is_over(io::BytePipe& pipe) { return read(pipe, 1).empty(); }

  static asio::awaitable<void> write_on(io::BytePipe& pipe, std::size_t total, std::size_t& written) {
    const Bytes chunk(kMiB, 7);
    while (written < total) {
      const auto wrote = co_await pipe.write(chunk);
      if (!wrote) break;
      written += chunk.size();
    }
  }

  World world_;
};

TEST_F(Relay, JoinsTheTwoEndsOfASession) {
  const relay::Grant grant = open();
  const auto first = join(grant.session, grant.initiator);
  const auto second = join(grant.session, grant.responder);
  ASSERT_TRUE(write(*first, bytes_of("ping")));
  EXPECT_EQ(read(*second, 4), "ping");
  ASSERT_TRUE(write(*second, bytes_of("pong!")));
  EXPECT_EQ(read(*first, 5), "pong!");
  EXPECT_EQ(world_.brain.server().stats().relay.bytes, 9U);
  EXPECT_EQ(world_.brain.server().stats().relay.sessions_joined, 1U);
}

TEST_F(Relay, KeepsWhatIsSentBeforeThePartnerIsThere) {
  const relay::Grant grant = open();
  const auto second = join(grant.session, grant.responder);
  ASSERT_TRUE(write(*second, bytes_of("early")));
  const auto first = join(grant.session, grant.initiator);
  EXPECT_EQ(read(*first, 5), "early");
}

TEST_F(Relay, TellsEachEndItsQuote) {
  const relay::Grant grant = open();
  for (const relay::Credential& credential : {grant.initiator, grant.responder}) {
    const auto connected = try_join(grant.session, credential);
    ASSERT_TRUE(connected);
    EXPECT_EQ(relay::Quote::parse(connected->headers.find(relay::kQuoteHeader).value_or("")), grant.quote);
  }
}

TEST_F(Relay, RefusesWhoeverMayNotJoin) {
  const relay::Grant grant = open(1, 2);
  const relay::Grant other = open(3, 4);
  relay::SessionId unknown = grant.session;
  unknown.bytes[0] ^= 1U;
  relay::Credential guessed = grant.initiator;
  guessed.bytes[0] ^= 1U;
  EXPECT_EQ(refusal(unknown, grant.initiator), 404U);
  EXPECT_EQ(refusal(grant.session, other.initiator), 403U);
  EXPECT_EQ(refusal(grant.session, guessed), 403U);
  const auto first = join(grant.session, grant.initiator);
  EXPECT_EQ(refusal(grant.session, grant.initiator), 409U);
  // None of that has done the session any harm.
  const auto second = join(grant.session, grant.responder);
  ASSERT_TRUE(write(*first, bytes_of("x")));
  EXPECT_EQ(read(*second, 1), "x");
}

TEST_F(Relay, RefusesWhatIsNoSessionAndNoCredential) {
  const relay::Grant grant = open();
  const std::string session = grant.session.to_string();
  for (const std::string& bad :
       {std::string(), session.substr(1), session + "0", std::string("../connect"), std::string(32, 'G')}) {
    const auto connected = try_join(bad, grant.initiator.to_string());
    ASSERT_FALSE(connected) << bad;
    EXPECT_EQ(connected.error().status, 404U) << bad;
  }
  for (const std::string& bad : {std::string(), std::string("x"), std::string(43, '*')}) {
    const auto connected = try_join(session, bad);
    ASSERT_FALSE(connected) << bad;
    EXPECT_EQ(connected.error().status, 401U) << bad;
  }
}

TEST_F(Relay, EndsTheOtherEndWhenOneLeaves) {
  const relay::Grant grant = open();
  const auto first = join(grant.session, grant.initiator);
  const auto second = join(grant.session, grant.responder);
  ASSERT_TRUE(write(*first, bytes_of("last words")));
  asio::co_spawn(world_.loop, first->finish(), asio::detached);
  EXPECT_EQ(read(*second, 100), "last words");  // and then the end
  world_.until([this] { return world_.brain.server().relay().size() == 0; });
  EXPECT_EQ(refusal(grant.session, grant.responder), 404U);
}

TEST_F(Relay, EndsTheOtherEndWhenOneBreaksOff) {
  const relay::Grant grant = open();
  auto first = join(grant.session, grant.initiator);
  const auto second = join(grant.session, grant.responder);
  ASSERT_TRUE(write(*first, bytes_of("x")));
  ASSERT_EQ(read(*second, 1), "x");
  first.reset();
  EXPECT_TRUE(is_over(*second));
}

TEST_F(Relay, ClosesBothEndsOfASessionThatIsReplaced) {
  const relay::Grant grant = open();
  const auto first = join(grant.session, grant.initiator);
  const auto second = join(grant.session, grant.responder);
  (void)open();
  EXPECT_TRUE(is_over(*first));
  EXPECT_TRUE(is_over(*second));
}

TEST_F(Relay, SendsHomeWhoWaitsForAPartnerInVain) {
  const relay::Grant grant = open();
  const auto first = join(grant.session, grant.initiator);
  const Now late{io::now() + relay::kJoinLimit, io::wall_now()};
  world_.brain.server().relay().handle_timeout(late);
  world_.brain.pump();
  EXPECT_TRUE(is_over(*first));
}

TEST_F(Relay, EndsTheSessionOfWhoTakesASeatAndDoesNotSitDown) {
  const relay::Grant grant = open();
  const auto first = join(grant.session, grant.initiator);
  const Answer answer = world_.ask({io::http::Method::kGet,
                                    std::string(relay::kRelayPath) + grant.session.to_string(),
                                    {{std::string(relay::kCredentialHeader), grant.responder.to_string()}},
                                    {}});
  EXPECT_EQ(answer.status, 426U);
  EXPECT_TRUE(is_over(*first));
}

TEST_F(Relay, ClosesAllSessionsWhenItGoesDown) {
  const relay::Grant grant = open();
  const relay::Grant half = open(3, 4);
  const auto first = join(grant.session, grant.initiator);
  const auto second = join(grant.session, grant.responder);
  const auto alone = join(half.session, half.initiator);
  world_.relays.close_all();
  EXPECT_TRUE(is_over(*first));
  EXPECT_TRUE(is_over(*second));
  EXPECT_TRUE(is_over(*alone));
}

TEST_F(Relay, HoldsASenderBackWhileTheOtherEndDoesNotRead) {
  constexpr std::size_t kTotal = 96 * kMiB;
  const relay::Grant grant = open();
  const auto first = join(grant.session, grant.initiator);
  const auto second = join(grant.session, grant.responder);
  std::size_t written = 0;
  asio::co_spawn(world_.loop, write_on(*first, kTotal, written), asio::detached);
  // Until nothing moves any more: what has left the sender stands in the kernel's queues, and one buffer of ours.
  std::size_t before = 1;
  while (written != before) {
    before = written;
    world_.loop.restart();
    while (world_.loop.poll() > 0) {
    }
  }
  EXPECT_LT(written, kTotal / 2);
  EXPECT_EQ(read(*second, kTotal).size(), kTotal);  // nothing is lost by it
}

class RelayWithAQuote : public Relay {
 protected:
  RelayWithAQuote() : Relay({.bytes = 1000, .bytes_per_second = 0, .lifetime = 1h}) {}
};

TEST_F(RelayWithAQuote, CarriesItAndClosesBothEndsBeyond) {
  const relay::Grant grant = open();
  EXPECT_EQ(grant.quote.bytes, 1000U);
  const auto first = join(grant.session, grant.initiator);
  const auto second = join(grant.session, grant.responder);
  ASSERT_TRUE(write(*first, Bytes(600)));
  ASSERT_EQ(read(*second, 600).size(), 600U);
  ASSERT_TRUE(write(*second, Bytes(401)));
  EXPECT_TRUE(is_over(*first));
  EXPECT_TRUE(is_over(*second));
}

}  // namespace
}  // namespace turnpike::bootstrap
