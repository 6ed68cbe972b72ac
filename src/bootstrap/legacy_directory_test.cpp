#include "bootstrap/legacy_directory.h"

#include <nlohmann/json.hpp>

#include "base/hex.h"
#include "bootstrap/bootstrap_test_support.h"

namespace turnpike::bootstrap {
namespace {

using io::http::Method;
using nlohmann::json;

const std::string kStore(64, 'a');
const identity::PeerId kOld{Digest{1, 2, 3}};

class OldNodes : public testing::Test {
 protected:
  Answer get(const std::string& target, io::http::Headers headers = {}) {
    return world_.ask({Method::kGet, target, std::move(headers), {}});
  }
  json get_json(const std::string& target) {
    const Answer answer = get(target);
    EXPECT_EQ(answer.status, 200U) << target;
    return json::parse(text_of(answer.body));
  }
  Answer post(const std::string& target, std::string_view body) {
    return world_.ask({Method::kPost, target, {{"Content-Type", "application/json"}}, copy_of(bytes_of(body))});
  }
  Answer post(const std::string& target, const json& body) { return post(target, std::string_view(body.dump())); }
  static json old_node(const identity::PeerId& peer = kOld) {
    return {{"peerId", peer.to_string()},
            {"addresses", {"/ip4/127.0.0.1/tcp/4001/p2p/" + peer.to_string()}},
            {"stores", {kStore}},
            {"capabilities", {{"storeSync", true}}},
            {"turnCapable", false}};
  }
  static std::string error_of(const Answer& answer) { return json::parse(text_of(answer.body)).value("error", ""); }

  /// A Turnpike peer, signed for, with HTTP at `http`.
  void enroll(const crypto::SigningKey& key, std::vector<Endpoint> http, std::vector<rendezvous::Entry> stores,
              std::vector<rendezvous::Service> services = {}) {
    const WallTime now = io::wall_now();
    const identity::Statement statement{
        .type = std::string(rendezvous::kRegistrationType),
        .audience = world_.id(),
        .seq = sequence_.next(now),
        .expires = WallTime{now.unix_ms + 60'000},
        .body = rendezvous::encode_registration({std::move(http), std::move(stores), std::move(services)})};
    const Answer answer = world_.ask({Method::kPost, "/v1/register", {}, identity::sign_statement(key, statement)});
    ASSERT_EQ(answer.status, 200U);
  }

  World world_;
  crypto::SigningKey alice_ = crypto::SigningKey::generate(world_.random);
  const identity::PeerId alice_id_{alice_.public_key()};
  const rendezvous::Entry entry_{*store::StoreId::parse(kStore), {1234, Digest{9}}};
  identity::SequenceSource sequence_;
};

TEST_F(OldNodes, FindABootstrapThatIsHealthy) {
  const json health = get_json("/health");
  EXPECT_EQ(health["status"], "healthy");
  EXPECT_EQ(health["costInfo"]["mode"], "normal");
  EXPECT_EQ(health["peers"], 0);
  EXPECT_EQ(get_json("/stats")["totalPeers"], 0);
  EXPECT_EQ(get_json("/cost-stats")["mode"]["currentThreshold"], "normal");
}

TEST_F(OldNodes, RegisterLiveAndFindEachOther) {
  EXPECT_EQ(post("/heartbeat", {{"peerId", kOld.to_string()}}).status, 404U);
  const Answer registered = post("/register", old_node());
  ASSERT_EQ(registered.status, 200U);
  EXPECT_EQ(json::parse(text_of(registered.body))["totalPeers"], 1);
  EXPECT_EQ(post("/heartbeat", {{"peerId", kOld.to_string()}}).status, 200U);
  const json peers = get_json("/peers?includeStores=true&includeCapabilities=true");
  ASSERT_EQ(peers["peers"].size(), 1U);
  EXPECT_EQ(peers["peers"][0]["peerId"], kOld.to_string());
  EXPECT_EQ(peers["peers"][0]["stores"], json::array({kStore}));
  EXPECT_EQ(peers["peers"][0]["turnCapable"], false);
  EXPECT_EQ(peers["totalRegistered"], 1);
  EXPECT_FALSE(get_json("/peers")["peers"][0].contains("stores"));
}

TEST_F(OldNodes, FindTurnpikePeersWhereTheirHttpIs) {
  enroll(alice_, {{IpAddress::v4(127, 0, 0, 1), 5001}}, {entry_},
         {{rendezvous::ServiceKind::kTcp, {IpAddress::v4(127, 0, 0, 1), 4003}}});
  const json peers = get_json("/peers?includeStores=true");
  ASSERT_EQ(peers["peers"].size(), 1U);
  const json& alice = peers["peers"][0];
  EXPECT_EQ(alice["peerId"], alice_id_.to_string());
  EXPECT_EQ(alice["turnCapable"], true);
  EXPECT_EQ(alice["turnAddresses"], json::array({"/ip4/127.0.0.1/tcp/4001"}));
  EXPECT_EQ(alice["addresses"], json::array({"/ip4/127.0.0.1/tcp/4003/p2p/" + alice_id_.to_string()}));
  EXPECT_EQ(alice["stores"], json::array({kStore}));
  EXPECT_EQ(get_json("/turn-servers")["total"], 1);
}

TEST_F(OldNodes, AreNotSentToAPortThatTheyCannotName) {
  enroll(alice_, {{IpAddress::v4(127, 0, 0, 1), 80}}, {entry_});
  const json alice = get_json("/peers")["peers"][0];
  EXPECT_EQ(alice["turnCapable"], false);
  EXPECT_FALSE(alice.contains("turnAddresses"));
}

TEST_F(OldNodes, CannotTakeThePlaceOfASignedPeer) {
  enroll(alice_, {}, {entry_});
  json claim = old_node(alice_id_);
  claim["stores"] = {std::string(64, 'b')};
  EXPECT_EQ(post("/register", claim).status, 409U);
  EXPECT_EQ(post("/register-turn-server",
                 {{"peerId", alice_id_.to_string()}, {"turnAddresses", {"/ip4/127.0.0.1/tcp/1"}}, {"turnPort", 1}})
                .status,
            409U);
  const json peers = get_json("/peers?includeStores=true");
  ASSERT_EQ(peers["peers"].size(), 1U);
  EXPECT_EQ(peers["peers"][0]["stores"], json::array({kStore}));
}

TEST_F(OldNodes, GiveWayToASignatureThatComesLater) {
  EXPECT_EQ(post("/register", old_node(alice_id_)).status, 200U);
  enroll(alice_, {{IpAddress::v4(127, 0, 0, 1), 5001}}, {});
  const json peers = get_json("/peers?includeStores=true");
  ASSERT_EQ(peers["peers"].size(), 1U) << "one peer, once";
  EXPECT_EQ(peers["peers"][0]["stores"], json::array());
  EXPECT_EQ(world_.legacy.registry.size(), 0U);
}

TEST_F(OldNodes, StandInNoListOfTurnpikes) {
  EXPECT_EQ(post("/register", old_node()).status, 200U);
  EXPECT_TRUE(get_json("/v1/stores/" + kStore)["announcers"].empty());
  EXPECT_TRUE(get_json("/v1/peers")["peers"].empty());
  EXPECT_TRUE(get_json("/v1/inventory")["stores"].empty());
}

TEST_F(OldNodes, AreToldWhatIsWrongWithWhatTheySend) {
  EXPECT_EQ(post("/register", std::string_view("{")).status, 400U);
  EXPECT_EQ(post("/register", std::string_view("")).status, 400U);
  EXPECT_EQ(post("/register", std::string_view("[]")).status, 400U);
  EXPECT_EQ(post("/register", json{{"a", 1}}).status, 400U);
  json message = old_node();
  message["turnPort"] = "3478";
  EXPECT_EQ(error_of(post("/register", message)), "turnPort has the wrong type");
  message = old_node();
  message["peerId"] = "../../etc/passwd";
  EXPECT_EQ(error_of(post("/register", message)), "peerId is no peer id (12D3KooW…)");
  message = old_node();
  message["addresses"] = json::array();
  EXPECT_EQ(error_of(post("/register", message)), "addresses is required");
  EXPECT_EQ(error_of(post("/register", std::string_view(std::string(1000, '{')))), "no JSON object");
  EXPECT_EQ(error_of(post("/register", std::string_view("{\"a\":" + std::string(1000, '[')))), "nested too deeply");
  EXPECT_EQ(post("/register", std::string_view("{\"a\":\"" + std::string(dig::kMaxRequestSize, 'x') + "\"}")).status,
            413U);
  EXPECT_EQ(world_.legacy.registry.size(), 0U);
}

TEST_F(OldNodes, ListNoFileThatIsNoStore) {
  json message = old_node();
  message["stores"] = {kStore, "../../etc/passwd", std::string(63, 'a'), std::string(64, 'A'), "..%2f.."};
  const Answer answer = post("/register", message);
  ASSERT_EQ(answer.status, 200U);
  EXPECT_EQ(json::parse(text_of(answer.body))["ignoredStores"], 4);
  EXPECT_EQ(get_json("/peers?includeStores=true")["peers"][0]["stores"], json::array({kStore}));
}

TEST_F(OldNodes, OfOneNetworkDoNotFillTheListByRegisteringForEver) {
  std::size_t taken = 0;
  std::set<unsigned> refusals;
  for (std::uint8_t n = 0; n < 250; ++n) {
    const auto status = post("/register", old_node({Digest{7, n}})).status;
    if (status == 200U) ++taken;
    if (status != 200U) refusals.insert(status);
  }
  EXPECT_LE(taken, dig::RegistryLimits{}.peers_per_address);
  EXPECT_EQ(refusals, std::set<unsigned>{429U});
}

/// An old node's own HTTP server, at the port that `tcp` leads to.
struct OldHttp {
  OldHttp(World& world, const identity::PeerId& says) : server(world.loop.get_executor(), {}) {
    server.route(Method::kGet, "/health", [says](const io::http::Request&) { return health(says); });
    auto listener = io::TcpListener::open(world.loop.get_executor(), {IpAddress::v4(127, 0, 0, 1), 0});
    http = (*listener)->local();
    server.listen(*std::move(listener));
  }
  static asio::awaitable<io::http::Response> health(identity::PeerId says) {
    const json body{{"status", "healthy"}, {"service", "DIG HTTP Download Server"}, {"peerId", says.to_string()}};
    co_return io::http::Response::json(200, body.dump());
  }
  [[nodiscard]] std::string multiaddr() const { return "/ip4/127.0.0.1/tcp/" + std::to_string(http.port - 1000); }

  io::http::Server server;
  Endpoint http;
};

TEST_F(OldNodes, AreListedAsTurnCapableOnceTheirHttpWasFound) {
  const OldHttp http(world_, kOld);
  json message = old_node();
  message["turnCapable"] = true;
  message["turnAddresses"] = {http.multiaddr()};
  message["turnPort"] = 3478;
  EXPECT_EQ(post("/register", message).status, 200U);
  world_.until([this] { return world_.legacy.registry.proved(io::now()) > 0; });
  const json old = get_json("/peers")["peers"][0];
  EXPECT_EQ(old["turnCapable"], true);
  EXPECT_EQ(old["turnAddresses"], json::array({http.multiaddr()}));
}

TEST_F(OldNodes, AreNotListedAsTurnCapableAtSomebodyElsesHttp) {
  const OldHttp http(world_, {Digest{99}});
  json message = old_node();
  message["turnCapable"] = true;
  message["turnAddresses"] = {http.multiaddr()};
  message["turnPort"] = 3478;
  EXPECT_EQ(post("/register", message).status, 200U);
  world_.until([&http] { return http.server.counters().requests > 0; });
  world_.until([&http] { return http.server.counters().open == 0; });
  EXPECT_EQ(get_json("/peers")["peers"][0]["turnCapable"], false);
}

TEST_F(OldNodes, AreGrantedATransferWhileThereIsRoom) {
  const json asked{{"peerId", kOld.to_string()}, {"estimatedBandwidthMbps", 25}, {"userTier", "premium"}};
  const json granted = json::parse(text_of(post("/allocate-turn", asked).body));
  EXPECT_EQ(granted["success"], true);
  EXPECT_EQ(granted["limits"]["maxDurationSeconds"], 3600);
  EXPECT_TRUE(granted["sessionId"].get<std::string>().starts_with("session_"));
  const auto here = IpAddress::v4(127, 0, 0, 1);
  while (world_.legacy.slots->take(here)) {
  }
  const Answer refused = post("/allocate-turn", asked);
  EXPECT_EQ(refused.status, 429U);
  EXPECT_EQ(refused.headers.find("Retry-After"), "30");
}

TEST_F(OldNodes, AreToldHonestlyWhatIsNotServed) {
  EXPECT_EQ(get("/socket.io/?EIO=4&transport=websocket").status, 404U);
  EXPECT_NE(error_of(get("/socket.io/?EIO=4&transport=websocket")).find("Socket.IO is not served"), std::string::npos);
  EXPECT_EQ(post("/signal-turn-connection", json::object()).status, 404U);
  for (const char* path : {"/turn-relay-chunk", "/turn-peer-exchange", "/bootstrap-turn-direct",
                           "/bootstrap-turn-http-relay", "/resolve-crypto-ipv6"}) {
    EXPECT_EQ(post(path, json::object()).status, 501U) << path;
  }
  EXPECT_EQ(get("/bootstrap-turn-coordinate/http_turn_1_x").status, 501U);
}

TEST_F(OldNodes, AreSlowedWhenTheyAskForEverythingTooOften) {
  unsigned refused = 0;
  for (int i = 0; i < 5000 && refused == 0; ++i) {
    const Answer answer = get("/peers?includeStores=true");
    if (answer.status == 429U) refused = answer.status;
  }
  EXPECT_EQ(refused, 429U);
}

}  // namespace
}  // namespace turnpike::bootstrap
