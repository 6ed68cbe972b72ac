#include "node/api_shapes.h"

#include <gtest/gtest.h>

namespace turnpike::node {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr Instant kNow{1h};
const store::StoreId kStore{Digest{1}};
const store::Content kContent{.size = 5 * store::kPieceSize + 3, .root = Digest{2}};

peer::StoreView fetching() {
  peer::StoreView out;
  out.store = kStore;
  out.content = kContent;
  out.state = "waiting";
  out.mark = sync::Mark::kConfirmed;
  out.reason = "no path to 12D3KooWxyz";
  out.next_action = kNow + 2500ms;
  out.pieces_verified = 2;
  out.pieces_total = 6;
  out.announcers = 3;
  return out;
}

TEST(ApiShapes, ARowOfLsNamesTheStoreItsBytesAndWhyItIsNotHereYet) {
  const json row = store_shape(fetching(), kNow);
  EXPECT_EQ(row["store"], kStore.to_string());
  EXPECT_EQ(row["size"], kContent.size);
  EXPECT_EQ(row["root"].get<std::string>().size(), 64U);
  EXPECT_EQ(row["state"], "waiting");
  EXPECT_EQ(row["mark"], sync::name_of(sync::Mark::kConfirmed));
  EXPECT_EQ(row["reason"], "no path to 12D3KooWxyz");
  EXPECT_EQ(row["next_action_seconds"], 2.5);
  EXPECT_EQ(row["bytes_verified"], 2 * store::kPieceSize);
}

TEST(ApiShapes, WhatIsNotKnownIsNull) {
  peer::StoreView view;
  view.state = "missing";
  const json row = store_shape(view, kNow);
  for (const char* key : {"size", "root", "mark", "reason", "next_action_seconds"})
    EXPECT_TRUE(row[key].is_null()) << key;
}

TEST(ApiShapes, NeverShowsMoreVerifiedThanThereIs) {
  peer::StoreView view = fetching();
  view.pieces_verified = 6;
  EXPECT_EQ(store_shape(view, kNow)["bytes_verified"], kContent.size);
  view.state = "complete";
  view.pieces_verified = 0;
  EXPECT_EQ(store_shape(view, kNow)["bytes_verified"], kContent.size);
}

TEST(ApiShapes, ATimeThatHasPassedIsNow) {
  peer::StoreView view = fetching();
  view.next_action = kNow - 1s;
  EXPECT_EQ(store_shape(view, kNow)["next_action_seconds"], 0.0);
}

TEST(ApiShapes, EveryRungIsNamedWithItsBytes) {
  peer::BytesByRung bytes{};
  bytes[path::index_of(path::Rung::kHttp)] = 7;
  EXPECT_EQ(bytes_by_rung_shape(bytes),
            (json{{"lan", 0}, {"direct", 0}, {"http", 7}, {"punched", 0}, {"peer-relay", 0}, {"bootstrap-relay", 0}}));
}

TEST(ApiShapes, StatusCountsWhatIsCompleteAndWhatIsMissing) {
  StatusFacts facts;
  facts.stores = {fetching(), fetching(), fetching()};
  facts.stores[1].state = "complete";
  facts.listen = {{IpAddress::v4(0, 0, 0, 0), 5001}};
  peer::BootstrapView bootstrap;
  bootstrap.url = "https://boot.example";
  bootstrap.connected = true;
  facts.bootstraps = {bootstrap};
  const json status = status_shape(facts, kNow);
  EXPECT_EQ(status["stores"], (json{{"complete", 1}, {"missing", 2}}));
  EXPECT_EQ(status["listen"], json::array({"0.0.0.0:5001"}));
  EXPECT_EQ(status["bootstraps"][0]["url"], "https://boot.example");
  EXPECT_EQ(status["bootstraps"][0]["connected"], true);
  EXPECT_EQ(status["peer_id"].get<std::string>().substr(0, 8), "12D3KooW");
  EXPECT_EQ(status["sync"], "all");
}

TEST(ApiShapes, TheStatusTellsOfOurPartInTheDht) {
  StatusFacts facts;
  facts.dht = {.enabled = true, .serves = true, .contacts = 12, .records = 34, .announced = 5};
  const json expected{{"enabled", true}, {"serves", true}, {"contacts", 12}, {"records", 34}, {"announced", 5}};
  EXPECT_EQ(status_shape(facts, kNow)["dht"], expected);
}

TEST(ApiShapes, TheStatusTellsOfEachRouterWhatItMapsAndWhyNot) {
  const IpAddress own = IpAddress::v4(192, 168, 1, 2);
  StatusFacts facts;
  portmap::RouterView router;
  router.gateway = IpAddress::v4(192, 168, 1, 1);
  router.verdict = portmap::Verdict::kCarrierAddress;
  router.reason = "CGNAT";
  router.protocol = portmap::Protocol::kNatPmp;
  router.external = IpAddress::v4(100, 64, 1, 1);
  router.mappings = {{.purpose = portmap::Purpose::kHttp,
                      .transport = portmap::Transport::kTcp,
                      .internal = {own, 5001},
                      .external = {*router.external, 5011},
                      .protocol = portmap::Protocol::kNatPmp,
                      .expires = kNow + std::chrono::seconds(60),
                      .in_group = false}};
  router.lanes = {{.protocol = portmap::Protocol::kPcp, .state = "refused", .reason = "unsupported"}};
  facts.routers = {router};
  const json row = status_shape(facts, kNow)["mappings"][0];
  EXPECT_EQ(row["family"], "ipv4");
  EXPECT_EQ(row["state"], "carrier-address");
  EXPECT_EQ(row["reason"], "CGNAT");
  EXPECT_EQ(row["protocol"], "nat-pmp");
  EXPECT_EQ(row["external"], "100.64.1.1");
  EXPECT_EQ(row["next_action_seconds"], nullptr);
  EXPECT_EQ(row["ports"][0], (json{{"purpose", "http"},
                                   {"transport", "tcp"},
                                   {"internal", "192.168.1.2:5001"},
                                   {"external", "100.64.1.1:5011"},
                                   {"protocol", "nat-pmp"},
                                   {"in_group", false},
                                   {"lease_seconds", 60.0}}));
  EXPECT_EQ(row["tried"][0], (json{{"protocol", "pcp"}, {"state", "refused"}, {"reason", "unsupported"}}));
}

TEST(ApiShapes, StatusTellsOfEachDoorWhatIsKnownAndWhatHelps) {
  StatusFacts facts;
  facts.reachability = {{.service = {rendezvous::ServiceKind::kTurnUdp, {IpAddress::v4(198, 51, 100, 1), 6001}},
                         .origin = reach::Origin::kMapped,
                         .verdict = reach::Verdict::kLyingRouter,
                         .proved_until = {},
                         .next_action = kNow + 5s}};
  const json door = status_shape(facts, kNow)["reachability"][0];
  EXPECT_EQ(door["kind"], "turn-udp");
  EXPECT_EQ(door["endpoint"], "198.51.100.1:6001");
  EXPECT_EQ(door["origin"], "mapped");
  EXPECT_EQ(door["verdict"], "lying-router");
  EXPECT_EQ(door["advice"], reach::words_of(reach::Verdict::kLyingRouter));
  EXPECT_EQ(door["proved_seconds"], nullptr);
  EXPECT_EQ(door["next_action_seconds"], 5.0);
}

TEST(ApiShapes, ATransferTellsItsBytesByRungAndItsPeers) {
  peer::TransferView view;
  view.target = {kStore, kContent};
  view.state = "fetching";
  view.bytes_total = kContent.size;
  view.bytes_verified = 100;
  view.bytes_by_rung[path::index_of(path::Rung::kHttp)] = 40;
  view.bytes_by_rung[path::index_of(path::Rung::kBootstrapRelay)] = 60;
  view.peers = {identity::PeerId{}};
  const json row = transfers_answer({view})["transfers"][0];
  EXPECT_EQ(
      row["bytes_by_rung"],
      (json{{"lan", 0}, {"direct", 0}, {"http", 40}, {"punched", 0}, {"peer-relay", 0}, {"bootstrap-relay", 60}}));
  EXPECT_EQ(row["bytes_total"], kContent.size);
  EXPECT_EQ(row["peers"], json::array({identity::PeerId{}.to_string()}));
}

TEST(ApiShapes, APeerTellsItsConnectionsAndHowItWasFound) {
  peer::PeerView peer;
  peer.found.add(path::Found::kBootstrap);
  peer.found.add(path::Found::kInbound);
  io::ConnectionInfo connection;
  connection.connection.peer = peer.peer;
  connection.connection.remote = {IpAddress::v4(192, 0, 2, 1), 4001};
  connection.connection.since = kNow - 5s;
  connection.agent = "js-libp2p/3";
  connection.round_trip = 2ms;
  io::ConnectionInfo others = connection;
  others.connection.peer.public_key[0] = 1;
  const json row = peers_answer({peer}, {connection, others}, kNow)["peers"][0];
  EXPECT_EQ(row["found"], json::array({"bootstrap", "inbound"}));
  const json expected{
      {"remote", "192.0.2.1:4001"}, {"direction", "inbound"}, {"found", "inbound"}, {"rtt_ms", 2.0},
      {"agent", "js-libp2p/3"},     {"streams", 0},           {"seconds", 5.0},     {"transport", "tcp"}};
  EXPECT_EQ(row["connections"], json::array({expected}));
}

TEST(ApiShapes, AGetLineTakesItsStateFromTheStoreAndItsBytesFromTheTransfer) {
  peer::TransferView transfer;
  transfer.target = {kStore, kContent};
  transfer.state = "fetching";
  transfer.bytes_verified = 77;
  const json line = get_line(fetching(), &transfer, kNow);
  EXPECT_EQ(line["state"], "waiting");
  EXPECT_EQ(line["bytes_verified"], 77);
  EXPECT_TRUE(line.contains("bytes_by_rung"));
  EXPECT_EQ(get_line(fetching(), nullptr, kNow)["bytes_verified"], 2 * store::kPieceSize);
}

TEST(ApiShapes, WhyTellsTheHistoryEachRungAndEachBootstrap) {
  peer::StoreView store = fetching();
  store.history = {"announced by 3 peers", "http: timed out"};
  peer::PeerView peer;
  peer.state = "unreachable";
  path::RungView rung;
  rung.state = "waiting";
  rung.reason = "timed out";
  rung.rtt = 1500us;
  rung.next_action = kNow + 5s;
  peer.rungs = {rung};
  const json why = why_answer(store, {peer}, {peer::BootstrapView{}}, kNow);
  EXPECT_EQ(why["history"].size(), 2U);
  const json expected{{"rung", "http"},        {"state", "waiting"}, {"bytes", 0},
                      {"reason", "timed out"}, {"rtt_ms", 1.5},      {"next_action_seconds", 5.0}};
  EXPECT_EQ(why["peers"][0]["rungs"][0], expected);
  EXPECT_EQ(why["bootstraps"].size(), 1U);
}

TEST(ApiShapes, LsTellsWhatIsWrongWithAFileAlsoOfAStoreNobodyElseKnows) {
  const store::StoreId other{Digest{9}};
  const FileNotes notes{{kStore, {"damaged", "kept as x"}}, {other, {"unreadable", "cannot be read"}}};
  const json rows = ls_answer({fetching()}, notes, kNow)["stores"];
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0]["state"], "waiting");
  EXPECT_EQ(rows[0]["reason"], "kept as x; no path to 12D3KooWxyz");
  EXPECT_EQ(rows[1]["store"], other.to_string());
  EXPECT_EQ(rows[1]["state"], "unreadable");
  EXPECT_EQ(rows[1]["reason"], "cannot be read");
}

TEST(ApiShapes, StatusDoesNotCountAsMissingWhatNobodyHereWants) {
  StatusFacts facts;
  facts.stores = {fetching(), fetching()};
  facts.stores[1].state = "known";
  EXPECT_EQ(status_shape(facts, kNow)["stores"], (json{{"complete", 0}, {"missing", 1}}));
}

TEST(ApiShapes, LsTellsWhichStoresAreShared) {
  peer::StoreView view = fetching();
  EXPECT_EQ(store_shape(view, kNow)["shared"], true);
  view.is_private = true;
  EXPECT_EQ(store_shape(view, kNow)["shared"], false);
}

}  // namespace
}  // namespace turnpike::node
