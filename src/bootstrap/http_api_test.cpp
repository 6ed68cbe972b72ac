#include "bootstrap/http_api.h"

#include <nlohmann/json.hpp>

#include "base/hex.h"
#include "bootstrap/bootstrap_test_support.h"

namespace turnpike::bootstrap {
namespace {

using namespace std::chrono_literals;
using io::http::Method;
using nlohmann::json;

const store::StoreId kStore{Digest{1, 2, 3}};
const store::Content kContent{1234, Digest{9}};
const Endpoint kHome{IpAddress::v4(127, 0, 0, 1), 5001};

class BootstrapHttp : public testing::Test {
 protected:
  json get(const std::string& target) {
    const Answer answer = world_.ask({Method::kGet, target, {}, {}});
    EXPECT_EQ(answer.status, 200U) << target;
    return json::parse(text_of(answer.body));
  }
  unsigned status(const std::string& target) { return world_.ask({Method::kGet, target, {}, {}}).status; }
  Answer post(Bytes statement) { return world_.ask({Method::kPost, "/v1/register", {}, std::move(statement)}); }

  identity::Statement registration(std::vector<rendezvous::Entry> stores) {
    const WallTime now = io::wall_now();
    return {.type = std::string(rendezvous::kRegistrationType),
            .audience = world_.id(),
            .seq = sequence_.next(now),
            .expires = WallTime{now.unix_ms + 60'000},
            .body = rendezvous::encode_registration({{kHome}, std::move(stores)})};
  }
  Bytes signed_registration() { return identity::sign_statement(alice_, registration({{kStore, kContent}})); }

  World world_;
  crypto::SigningKey alice_ = crypto::SigningKey::generate(world_.random);
  const identity::PeerId alice_id_{alice_.public_key()};
  identity::SequenceSource sequence_;
};

TEST_F(BootstrapHttp, SaysWhoItIsAndHowItIs) {
  const json health = get("/health");
  EXPECT_EQ(health["status"], "healthy");
  EXPECT_EQ(health["service"], "turnpike bootstrap");
  EXPECT_EQ(health["peer_id"], world_.id().to_string());
  EXPECT_EQ(health["peers"], 0);
  EXPECT_EQ(get("/v1/stats")["relay"]["sessions"], 0);
}

TEST_F(BootstrapHttp, TakesASignedRegistrationAndTellsOthersOfIt) {
  const Answer taken = post(signed_registration());
  ASSERT_EQ(taken.status, 200U);
  EXPECT_EQ(json::parse(text_of(taken.body))["ttl"], 600);

  const json found = get("/v1/stores/" + kStore.to_string());
  ASSERT_EQ(found["announcers"].size(), 1U);
  const json& announcer = found["announcers"][0];
  EXPECT_EQ(announcer["peer"], alice_id_.to_string());
  EXPECT_EQ(announcer["http"], json::array({kHome.to_string()}));
  EXPECT_EQ(announcer["size"], kContent.size);
  EXPECT_EQ(announcer["root"], to_hex(kContent.root));
  EXPECT_EQ(announcer["observed"], "127.0.0.1");

  const json inventory = get("/v1/inventory");
  ASSERT_EQ(inventory["stores"].size(), 1U);
  EXPECT_EQ(inventory["stores"][0]["store"], kStore.to_string());
  EXPECT_EQ(inventory["more"], false);
  EXPECT_TRUE(get("/v1/inventory?cursor=" + inventory["cursor"].get<std::string>())["stores"].empty());

  const json peers = get("/v1/peers");
  ASSERT_EQ(peers["peers"].size(), 1U);
  EXPECT_EQ(peers["peers"][0]["stores"], 1);
  EXPECT_TRUE(get("/v1/peers?after=" + alice_id_.to_string())["peers"].empty());
}

TEST_F(BootstrapHttp, RefusesARegistrationThatIsNotSignedRight) {
  EXPECT_EQ(post({}).status, 403U);
  EXPECT_EQ(post(copy_of(bytes_of("nonsense"))).status, 403U);
  Bytes forged = signed_registration();
  forged.back() ^= 1U;
  EXPECT_EQ(post(forged).status, 403U);
  auto foreign = registration({{kStore, kContent}});
  foreign.audience = alice_id_;  // for another bootstrap
  EXPECT_EQ(post(identity::sign_statement(alice_, foreign)).status, 403U);
  EXPECT_EQ(get("/v1/stats")["peers"], 0);
}

TEST_F(BootstrapHttp, RefusesARegistrationThatIsReplayed) {
  const Bytes statement = signed_registration();
  EXPECT_EQ(post(statement).status, 200U);
  EXPECT_EQ(post(statement).status, 409U);
}

TEST_F(BootstrapHttp, RefusesARegistrationWithTooManyStores) {
  std::vector<rendezvous::Entry> stores;
  for (std::size_t i = 0; i <= rendezvous::kMaxStoresPerPeer; ++i) {
    const auto low = static_cast<std::uint8_t>(i);
    stores.push_back({{Digest{low, static_cast<std::uint8_t>(i >> 8U)}}, kContent});
  }
  const Answer refused = post(identity::sign_statement(alice_, registration(std::move(stores))));
  EXPECT_EQ(refused.status, 413U);
  EXPECT_TRUE(json::parse(text_of(refused.body)).contains("error"));
  EXPECT_EQ(get("/v1/stats")["entries"], 0);
}

TEST_F(BootstrapHttp, RefusesARegistrationOfAMillionStoresUnread) {
  EXPECT_EQ(post(Bytes(rendezvous::kMaxMessageSize + 1)).status, 413U);
  EXPECT_EQ(get("/v1/stats")["registrations_refused"], 0);  // it never came so far
}

TEST_F(BootstrapHttp, SlowsWhoeverAsksTooFast) {
  // More than the burst, and what comes back meanwhile: this loop makes thousands of requests a second.
  unsigned refused = 0;
  for (int i = 0; i < 5000 && refused == 0; ++i) refused = status("/v1/inventory") == 429U ? 429U : 0U;
  EXPECT_EQ(refused, 429U);
}

TEST_F(BootstrapHttp, RefusesWhatIsNoStoreNoCursorAndNoPeer) {
  const std::string digits = kStore.to_string();
  std::string upper = digits;
  upper[1] = 'F';
  for (const std::string& id : {std::string(), std::string("..%2f") + digits, "../" + digits, "%2e%2e/" + digits, upper,
                                digits.substr(1), digits + "0"}) {
    EXPECT_EQ(status("/v1/stores/" + id), 400U) << id;
  }
  for (const std::string& cursor : {"1", "1.", ".1", "1.2.3", "-1.2", "99999999999999999999.1", "%00"}) {
    EXPECT_EQ(status("/v1/inventory?cursor=" + cursor), 400U) << cursor;
  }
  for (const std::string& peer : {"", "x", "../etc"}) EXPECT_EQ(status("/v1/peers?after=" + peer), 400U) << peer;
  EXPECT_EQ(status("/v1/nothing"), 404U);
  EXPECT_EQ(status("/v1/register"), 405U);
  EXPECT_EQ(status("/v1/connect"), 426U);
}

TEST_F(BootstrapHttp, KnowsNobodyWithAStoreThatNobodyHas) {
  EXPECT_TRUE(get("/v1/stores/" + kStore.to_string())["announcers"].empty());
}

// --- the control connection ---

class ControlConnection : public BootstrapHttp {
 protected:
  void enter(Home& home) {
    home.client.set_registration(io::both_now(), {{rendezvous::ServiceKind::kHttp, kHome}}, {{kStore, kContent}});
    home.connect();
    EXPECT_EQ(home.expect<rendezvous::Welcomed>().bootstrap, world_.id());
    home.expect<rendezvous::Registered>();
  }
};

TEST_F(ControlConnection, WelcomesAndRegistersWhoeverProvesWhoTheyAre) {
  Home home(world_);
  enter(home);
  const json announcers = get("/v1/stores/" + kStore.to_string())["announcers"];
  ASSERT_EQ(announcers.size(), 1U);
  EXPECT_EQ(announcers[0]["peer"], home.id().to_string());
  EXPECT_EQ(announcers[0]["connected"], true);
}

TEST_F(ControlConnection, ForgetsThatAPeerIsThereWhenItsConnectionEnds) {
  Home home(world_);
  enter(home);
  home.socket->close();
  world_.until([&] { return world_.brain.server().stats().connections == 0; });
  EXPECT_EQ(get("/v1/stores/" + kStore.to_string())["announcers"][0]["connected"], false);
}

TEST_F(ControlConnection, BringsTwoHomesTogetherAtARelaySession) {
  Home alice(world_);
  Home bob(world_);
  enter(alice);
  enter(bob);
  ASSERT_TRUE(alice.client.open_relay(io::both_now(), bob.id()));
  alice.drain();
  const auto& granted = alice.expect<rendezvous::RelayGranted>();
  const auto& offered = bob.expect<rendezvous::RelayOffered>();
  EXPECT_EQ(offered.from, alice.id());
  EXPECT_EQ(offered.offer.session, granted.session);

  std::vector<std::unique_ptr<io::BytePipe>> ends;
  for (const relay::Credential& credential : {granted.credential, offered.offer.credential}) {
    auto joined = world_.run(
        io::connect_websocket(world_.url(std::string(relay::kRelayPath) + granted.session.to_string()), std::nullopt,
                              {{std::string(relay::kCredentialHeader), credential.to_string()}}, {}));
    ASSERT_TRUE(joined);
    ends.push_back(io::as_pipe(std::move(joined->socket)));
  }
  ASSERT_TRUE(world_.run(ends[0]->write(bytes_of("hi"))));
  Bytes heard(2);
  ASSERT_TRUE(world_.run(ends[1]->read_some(heard)));
  EXPECT_EQ(text_of(heard), "hi");
}

TEST_F(ControlConnection, LeavesNothingToWaitForWhenTheBootstrapGoesDown) {
  Home home(world_);
  enter(home);  // registered for ten minutes
  world_.relays.close_all();
  world_.brain.close_all();
  io::run(world_.loop, world_.server.stop(1s));
  world_.until([&] { return home.is_down; });
  for (bool moves = true; moves;) {
    world_.loop.restart();
    moves = world_.loop.poll() > 0;
  }
  EXPECT_TRUE(world_.loop.stopped());
}

/// A control connection of which the test says every frame itself.
class RawControl : public ControlConnection {
 protected:
  RawControl() {
    auto connected = world_.run(io::connect_websocket(world_.url("/v1/connect"), std::nullopt, {}, {}));
    EXPECT_TRUE(connected);
    socket_ = std::move(connected->socket);
    const auto hello = rendezvous::decode_server_message(*world_.run(socket_->read_message()));
    nonce_ = std::get<rendezvous::Hello>(*hello).nonce;
  }
  Bytes challenge(const rendezvous::Nonce& nonce) {
    const WallTime now = io::wall_now();
    return identity::sign_statement(alice_, {.type = std::string(rendezvous::kChallengeType),
                                             .audience = world_.id(),
                                             .seq = sequence_.next(now),
                                             .expires = WallTime{now.unix_ms + 60'000},
                                             .body = copy_of(nonce)});
  }
  /// Everything that comes until the end; then the close code.
  std::uint16_t close_code() {
    for (;;) {
      if (!world_.run(socket_->read_message())) return socket_->peer_close_code();
    }
  }

  std::unique_ptr<io::WebSocket> socket_;
  rendezvous::Nonce nonce_{};
};

TEST_F(RawControl, IsClosedToWhoSignsAnotherNonce) {
  nonce_[0] ^= 1U;
  ASSERT_TRUE(socket_->send(rendezvous::encode(rendezvous::Authenticate{challenge(nonce_)})));
  EXPECT_EQ(close_code(), static_cast<std::uint16_t>(io::CloseCode::kPolicy));
}

TEST_F(RawControl, IsClosedToWhoTalksNonsense) {
  ASSERT_TRUE(socket_->send(copy_of(bytes_of("\xff\xff\xff nonsense"))));
  EXPECT_EQ(close_code(), static_cast<std::uint16_t>(io::CloseCode::kPolicy));
}

TEST_F(RawControl, IsClosedToAMessageOverTheLimit) {
  ASSERT_TRUE(socket_->send(Bytes(rendezvous::kMaxMessageSize + 1)));
  EXPECT_EQ(close_code(), static_cast<std::uint16_t>(io::CloseCode::kTooBig));
  world_.until([this] { return world_.brain.server().stats().connections == 0; });
}

TEST_F(RawControl, IsClosedToWhoAsksOnAndOnWithoutReading) {
  std::vector<rendezvous::Entry> stores;
  for (std::size_t i = 0; i < rendezvous::kMaxStoresPerPeer; ++i) {
    stores.push_back({{Digest{static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(i >> 8U)}}, kContent});
  }
  ASSERT_EQ(post(identity::sign_statement(alice_, registration(std::move(stores)))).status, 200U);
  ASSERT_TRUE(socket_->send(rendezvous::encode(rendezvous::Authenticate{challenge(nonce_)})));
  // Pages of megabytes, more than the kernel and the queue for one connection hold together.
  for (std::uint64_t request = 1; request <= 150; ++request) {
    ASSERT_TRUE(socket_->send(rendezvous::encode(rendezvous::InventorySince{request, {}})));
  }
  world_.until([this] { return world_.brain.server().stats().connections == 0; });
}

TEST_F(RawControl, IsClosedWhenTheBootstrapGoesDown) {
  world_.brain.close_all();
  EXPECT_FALSE(world_.run(socket_->read_message()));
  world_.until([this] { return world_.brain.server().stats().connections == 0; });
}

}  // namespace
}  // namespace turnpike::bootstrap
