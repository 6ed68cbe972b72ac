#include "bootstrap/legacy_relay.h"

#include <nlohmann/json.hpp>

#include "base/hex.h"
#include "bootstrap/bootstrap_test_support.h"
#include "core/exchange/message.h"
#include "io/channel/channel_link.h"
#include "io/channel/channel_test_support.h"
#include "io/channel/store_server.h"
#include "io/loop/deadline.h"

namespace turnpike::bootstrap {
namespace {

using namespace std::chrono_literals;
using io::http::Method;
using nlohmann::json;

const std::string kOld = identity::PeerId{Digest{1, 2, 3}}.to_string();

/// A home behind a NAT: linked to the bootstrap, and serving one store to whoever offers it a relay session.
struct Source : Home {
  Source(World& of, const io::TestStore& store_) : Home(of), store(store_), reader(store_), server(reader) {}

  /// Its coroutines use it: they end first.
  ~Source() {
    leave();
    world.loop.restart();
    while ((serving || (socket && !is_down)) && world.loop.run_one() > 0) {
    }
    world.loop.restart();
    world.loop.run_for(50ms);
  }

  /// Registers over HTTP, since that needs no turn of the client's.
  void enroll(std::vector<Endpoint> http = {}) {
    const WallTime now = io::wall_now();
    const identity::Statement statement{
        .type = std::string(rendezvous::kRegistrationType),
        .audience = world.id(),
        .seq = sequence.next(now),
        .expires = WallTime{now.unix_ms + 60'000},
        .body = rendezvous::encode_registration({std::move(http), {{store.id, store.content()}}, {}})};
    ASSERT_EQ(world.ask({Method::kPost, "/v1/register", {}, identity::sign_statement(key, statement)}).status, 200U);
  }
  void start() {
    connect();
    (void)expect<rendezvous::Welcomed>();
    enroll();
    asio::co_spawn(world.loop, serve(), asio::detached);
  }
  void leave() {
    gone = true;
    for (const auto& link : links) link->close();
    links.clear();
    if (socket) socket->close();
  }

  asio::awaitable<void> serve() {
    std::size_t seen = 0;
    serving = true;
    while (!gone) {
      for (; seen < events.size(); ++seen) {
        const auto* offered = std::get_if<rendezvous::RelayOffered>(&events[seen]);
        if (offered == nullptr || ignores) continue;
        EXPECT_EQ(offered->from, world.id());
        const rendezvous::RelayOffered offer = *offered;
        ++offers;
        co_await join(offer);
      }
      co_await io::pause(1ms);  // the client's events have no waiter of their own
    }
    serving = false;
  }
  asio::awaitable<void> join(rendezvous::RelayOffered offered) {
    const io::http::Headers headers{{std::string(relay::kCredentialHeader), offered.offer.credential.to_string()}};
    const io::Url url = world.url(std::string(relay::kRelayPath) + offered.offer.session.to_string());
    const io::WebSocketLimits limits;
    auto connected = co_await io::connect_websocket(url, std::nullopt, headers, limits);
    if (!connected) co_return;
    channel::Config config;
    config.role = channel::Role::kResponder;
    config.identity = &key;
    config.expected_peer = offered.from;
    config.protocols.emplace_back(exchange::kProtocol);
    config.wide_protocols.emplace_back(exchange::kProtocol);
    io::ChannelLink::OnStream on_stream = [this](std::unique_ptr<io::LinkStream> stream) {
      return server.serve(std::move(stream));
    };
    links.push_back(std::make_unique<io::ChannelLink>(world.loop.get_executor(),
                                                      io::as_pipe(std::move(connected->socket)), std::move(config),
                                                      world.random, std::move(on_stream)));
  }

  const io::TestStore& store;
  io::MemoryReader reader;
  io::StoreServer server;
  std::vector<std::unique_ptr<io::ChannelLink>> links;
  int offers = 0;
  bool ignores = false;
  bool gone = false;
  bool serving = false;
};

constexpr std::uint64_t kSize = 5 * store::kPieceSize + 77;

class OldNodesRelay : public testing::Test {
 protected:
  ~OldNodesRelay() override {
    source_.leave();
    world_.links.close_all();
    world_.relays.close_all();
    world_.brain.close_all();
    world_.loop.restart();
    world_.loop.run_for(200ms);
  }
  json asked(const std::string& from, const std::string& to) const {
    return {{"storeId", store_.id.to_string()}, {"fromPeerId", from}, {"toPeerId", to}};
  }
  [[nodiscard]] json asked() const { return asked(source_.id().to_string(), kOld); }
  Answer post(const std::string& target, const json& body, io::http::Headers headers = {}) {
    return world_.ask({Method::kPost, target, std::move(headers), copy_of(bytes_of(body.dump()))});
  }
  Answer relay(const json& body) { return post("/bootstrap-turn-relay", body); }
  static std::string error_of(const Answer& answer) { return json::parse(text_of(answer.body)).value("error", ""); }
  /// The head of the answer, and a client that has read nothing of the body.
  std::unique_ptr<io::http::Client> begin(const json& body, unsigned expected = 200) {
    auto client = world_.run(io::http::Client::connect(world_.at));
    const auto head =
        world_.run((*client)->request({Method::kPost, "/bootstrap-turn-relay", {}, copy_of(bytes_of(body.dump()))}));
    EXPECT_TRUE(head);
    EXPECT_EQ(head ? head->status : 0U, expected);
    return std::move(*client);
  }
  [[nodiscard]] Bytes part(std::uint64_t from, std::uint64_t size) const {
    return copy_of(ByteView(store_.bytes).subspan(from, size));
  }

  io::TestStore store_{kSize};
  World world_;
  Source source_{world_, store_};
};

TEST_F(OldNodesRelay, AreToldAnAbsoluteEndpointAndGetTheStoreThere) {
  source_.start();
  const Answer told = post("/relay-store", asked());
  ASSERT_EQ(told.status, 200U) << text_of(told.body);
  const json where = json::parse(text_of(told.body));
  EXPECT_EQ(where["method"], "bootstrap-turn-relay");
  EXPECT_EQ(where["fallbackTurnServer"]["relayEndpoint"], "http://" + world_.at.to_string() + "/bootstrap-turn-relay");
  EXPECT_FALSE(where.contains("turnServer")) << "the source has no address of its own";
  const Answer got = relay(asked());
  ASSERT_EQ(got.status, 200U);
  EXPECT_EQ(got.body, store_.bytes);
  EXPECT_EQ(got.headers.find("Content-Type"), "application/octet-stream");
  EXPECT_GT(world_.brain.server().stats().relay.bytes, kSize) << "metered like any relay session";
  EXPECT_EQ(world_.legacy.slots->taken(), 0U);
}

TEST_F(OldNodesRelay, MayNameTheSourceInEitherPlace) {
  source_.start();
  EXPECT_EQ(post("/relay-store", asked(kOld, source_.id().to_string())).status, 200U);
  EXPECT_EQ(relay(asked(kOld, source_.id().to_string())).body, store_.bytes);
}

TEST_F(OldNodesRelay, ShareOneSessionWithASource) {
  source_.start();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(relay(asked()).body.size(), kSize);
  EXPECT_EQ(source_.offers, 1);
  EXPECT_EQ(world_.links.size(), 1U);
}

TEST_F(OldNodesRelay, GetPartsOfAStore) {
  source_.start();
  json body = asked();
  body["rangeStart"] = store::kPieceSize - 3;
  body["rangeEnd"] = store::kPieceSize + 4;
  EXPECT_EQ(json::parse(text_of(post("/relay-store", body).body))["rangeInfo"]["rangeEnd"], store::kPieceSize + 4);
  const Answer got = relay(body);
  EXPECT_EQ(got.status, 206U);
  EXPECT_EQ(got.body, part(store::kPieceSize - 3, 8));
  EXPECT_EQ(got.headers.find("Content-Range"), "bytes 1048573-1048580/" + std::to_string(kSize));
  body["rangeEnd"] = kSize;
  EXPECT_EQ(relay(body).status, 416U);
}

TEST_F(OldNodesRelay, FindTheBootstrapItselfWhereNobodyElseReachesTheSource) {
  source_.start();
  const Answer answer = world_.ask({Method::kGet, "/peers?includeStores=true", {}, {}});
  const json peers = json::parse(text_of(answer.body))["peers"];
  const auto us = std::ranges::find_if(peers, [](const json& each) { return each["turnCapable"] == true; });
  ASSERT_NE(us, peers.end());
  EXPECT_EQ((*us)["peerId"], world_.id().to_string());
  EXPECT_EQ((*us)["stores"], json::array({store_.id.to_string()}));
  EXPECT_EQ((*us)["turnAddresses"], json::array({"/ip4/127.0.0.1/tcp/" + std::to_string(world_.at.port - 1000)}));
  // And there, as an old node would: the TCP port plus 1000.
  const Answer got = world_.ask({Method::kGet, "/download/" + store_.id.to_string(), {}, {}});
  EXPECT_EQ(got.status, 200U);
  EXPECT_EQ(got.body, store_.bytes);
  EXPECT_EQ(world_.ask({Method::kGet, "/download/" + std::string(64, '0'), {}, {}}).status, 404U);
  EXPECT_EQ(world_.ask({Method::kGet, "/download/../x", {}, {}}).status, 400U);
}

TEST_F(OldNodesRelay, AreToldASourcesOwnAddressWhereItHasOne) {
  source_.enroll({{IpAddress::v4(127, 0, 0, 1), 5001}});
  const json where = json::parse(text_of(post("/relay-store", asked()).body));
  EXPECT_EQ(where["method"], "turn-relay");
  EXPECT_EQ(where["turnServer"]["addresses"], json::array({"/ip4/127.0.0.1/tcp/4001"}));
  EXPECT_FALSE(where.contains("fallbackTurnServer")) << "it has no link here to relay over";
}

TEST_F(OldNodesRelay, AreToldWhyThereIsNoWay) {
  EXPECT_EQ(error_of(post("/relay-store", asked())), "Source peer not found");
  EXPECT_EQ(relay(asked()).status, 404U);
  source_.enroll();
  EXPECT_EQ(post("/relay-store", asked()).status, 404U);
  EXPECT_EQ(error_of(relay(asked())), "Source peer not connected via WebSocket");
  json other = asked();
  other["storeId"] = std::string(64, '0');
  EXPECT_EQ(error_of(relay(other)), "Store not found: the source has not announced it");
}

TEST_F(OldNodesRelay, AreRefusedWhatIsNoRequest) {
  source_.start();
  for (const std::string& id : {std::string(), std::string(63, 'a'), std::string(65, 'a'), std::string(64, 'A'),
                                std::string(64, 'g'), "../" + std::string(61, 'a'), "..%2f" + std::string(59, 'a'),
                                std::string("/etc/passwd"), std::string("\\u002e\\u002e/x")}) {
    json body = asked();
    body["storeId"] = id;
    EXPECT_EQ(post("/relay-store", body).status, 400U) << id;
    EXPECT_EQ(relay(body).status, 400U) << id;
  }
  json body = asked();
  body["rangeStart"] = "0";
  EXPECT_EQ(relay(body).status, 400U);
  body = asked();
  body.erase("toPeerId");
  EXPECT_EQ(error_of(relay(body)), "toPeerId is required");
}

TEST_F(OldNodesRelay, CannotHaveAnotherHostWrittenIntoTheEndpoint) {
  source_.start();
  const auto endpoint = [this](io::http::Headers headers) {
    const Answer answer = post("/relay-store", asked(), std::move(headers));
    return answer.status == 200U ? json::parse(text_of(answer.body))["fallbackTurnServer"]["relayEndpoint"].dump()
                                 : std::to_string(answer.status);
  };
  EXPECT_EQ(endpoint({{"Host", "evil.example"}}), "400") << "two of them";
  EXPECT_EQ(endpoint({{"X-Forwarded-Host", "evil.example"}}),
            "\"http://" + world_.at.to_string() + "/bootstrap-turn-relay\"");
  world_.legacy.public_url = io::Url::parse("https://boot.example");
  EXPECT_EQ(endpoint({}), "\"https://boot.example/bootstrap-turn-relay\"");
}

TEST_F(OldNodesRelay, SeeABodyBreakOffWhenItsSourceLeavesInMidStream) {
  const io::TestStore large(24 * store::kPieceSize, 9);
  Source source(world_, large);
  source.start();
  json body = asked(source.id().to_string(), kOld);
  body["storeId"] = large.id.to_string();
  const auto client = begin(body);
  Bytes some(store::kPieceSize);
  ASSERT_TRUE(world_.run(client->read_body(some)));
  source.leave();
  const auto rest = world_.run(client->read_all(2 * large.bytes.size()));
  EXPECT_FALSE(rest) << "a body that is not whole looked whole";
  world_.until([this] { return world_.legacy.slots->taken() == 0; });
}

TEST_F(OldNodesRelay, SeeNothingOfASessionThatEndsWhileItsSourceIsThere) {
  const io::TestStore large(24 * store::kPieceSize, 9);
  Source source(world_, large);
  source.start();
  json body = asked(source.id().to_string(), kOld);
  body["storeId"] = large.id.to_string();
  const auto client = begin(body);
  Bytes got(store::kPieceSize);
  const auto first = world_.run(client->read_body(got));
  ASSERT_TRUE(first);
  got.resize(*first);
  world_.brain.server().relay().handle_timeout({io::now() + 2h, io::wall_now()});  // its time is up
  world_.brain.pump();
  const auto rest = world_.run(client->read_all(2 * large.bytes.size()));
  ASSERT_TRUE(rest);
  got.insert(got.end(), rest->begin(), rest->end());
  EXPECT_EQ(got, large.bytes);
  EXPECT_EQ(source.offers, 2);
  source.leave();
}

TEST_F(OldNodesRelay, GetNothingThatIsNotTheStore) {
  source_.start();
  source_.reader.serve[3 * store::kPieceSize] ^= 1U;
  const auto client = begin(asked());
  const auto body = world_.run(client->read_all(2 * kSize));
  EXPECT_FALSE(body);
  source_.reader.serve[0] ^= 1U;
  const Answer refused = relay(asked());
  EXPECT_EQ(refused.status, 500U) << "known before anything was promised";
}

TEST_F(OldNodesRelay, HearOfASourceThatDoesNotCome) {
  source_.start();
  source_.ignores = true;
  // The session's fifteen seconds, in no time.
  auto client = world_.run(io::http::Client::connect(world_.at));
  std::optional<unsigned> status;
  const auto ask = [](io::http::Client& of, json body, std::optional<unsigned>& out) -> asio::awaitable<void> {
    const auto head = co_await of.request({Method::kPost, "/bootstrap-turn-relay", {}, copy_of(bytes_of(body.dump()))});
    out = head ? head->status : 0U;
  };
  asio::co_spawn(world_.loop, ask(**client, asked(), status), asio::detached);
  world_.until([this] { return world_.brain.server().relay().size() > 0; });
  world_.brain.server().relay().handle_timeout({io::now() + relay::kJoinLimit, io::wall_now()});
  world_.brain.pump();
  world_.until([&status] { return status.has_value(); });
  EXPECT_EQ(status, 408U);
}

TEST_F(OldNodesRelay, ArePassedTheSourcesRefusal) {
  source_.start();
  source_.reader.refuse_with =
      io::Refusal{.status = exchange::StatusCode::kBusy, .content = {}, .retry_after_ms = 9000};
  const Answer busy = relay(asked());
  EXPECT_EQ(busy.status, 503U);
  EXPECT_EQ(busy.headers.find("Retry-After"), "9");
  source_.reader.refuse_with = io::Refusal{};
  EXPECT_EQ(relay(asked()).status, 404U);
}

TEST_F(OldNodesRelay, OfOneAddressHaveOnlyTheirShareOfTransfers) {
  const io::TestStore large(24 * store::kPieceSize, 9);
  Source source(world_, large);
  source.start();
  json body = asked(source.id().to_string(), kOld);
  body["storeId"] = large.id.to_string();
  std::vector<std::unique_ptr<io::http::Client>> slow;
  for (std::size_t i = 0; i < dig::SlotLimits{}.per_address; ++i) slow.push_back(begin(body));
  EXPECT_EQ(post("/relay-store", body).status, 429U);
  const Answer refused = relay(body);
  EXPECT_EQ(refused.status, 429U);
  EXPECT_EQ(refused.headers.find("Retry-After"), "30");
  slow.clear();
  world_.until([this] { return world_.legacy.slots->taken() == 0; });
  (void)begin(body);
  source.leave();
}

TEST_F(OldNodesRelay, ThatReadSlowlyHoldTheSourceBack) {
  const io::TestStore large(64 * store::kPieceSize, 9);
  Source source(world_, large);
  source.start();
  json body = asked(source.id().to_string(), kOld);
  body["storeId"] = large.id.to_string();
  const auto client = begin(body);
  for (std::uint64_t before = 1; before != source.server.bytes_served();) {  // until nothing moves any more
    before = source.server.bytes_served();
    world_.loop.restart();
    world_.loop.run_for(300ms);
  }
  EXPECT_LT(source.server.bytes_served(), 40 * store::kPieceSize);
  const auto all = world_.run(client->read_all(2 * large.bytes.size()));
  ASSERT_TRUE(all);
  EXPECT_EQ(*all, large.bytes) << "nothing is lost by it";
  source.leave();
}

}  // namespace
}  // namespace turnpike::bootstrap
