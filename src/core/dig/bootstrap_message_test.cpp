#include "core/dig/bootstrap_message.h"

#include <gtest/gtest.h>

namespace turnpike::dig {
namespace {

using nlohmann::json;

const PeerId kPeer{Digest{1}};
const PeerId kOther{Digest{2}};
const std::string kStore(64, 'a');
constexpr WallTime kTime{1'795'000'000'000};

/// As an old node sends it, every field of it.
json registration() {
  return {{"peerId", kPeer.to_string()},
          {"addresses", {"/ip4/192.0.2.1/tcp/4001/p2p/" + kPeer.to_string(), "/ip4/192.0.2.1/tcp/4002/ws"}},
          {"stores", {kStore, std::string(64, '0')}},
          {"version", "1.0.0"},
          {"capabilities",
           {{"libp2p", true},
            {"turnServer", false},
            {"storeSync", true},
            {"protocolVersion", "1.0.0"},
            {"environment", "development"}}},
          {"turnCapable", true},
          {"bootstrapCapable", false},
          {"turnAddresses", {"/ip4/192.0.2.1/tcp/4001"}},
          {"turnPort", 3478},
          {"turnCapacity", 10},
          {"networkId", "mainnet"},
          {"softwareVersion", "1.0.0"},
          {"serverPort", 4001},
          {"nodeType", 0},
          {"capabilityList", {{1, "Store Sync"}, {4, "E2E"}}}};
}
BadMessage fault_of(const json& message) {
  const auto request = parse_register(bytes_of(message.dump()));
  EXPECT_FALSE(request);
  return request ? BadMessage{} : request.error();
}
BadMessage fault_with(const char* field, json value) {
  json message = registration();
  message[field] = std::move(value);
  return fault_of(message);
}

TEST(DigRegister, ReadsWhatAnOldNodeSends) {
  const auto request = parse_register(bytes_of(registration().dump()));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->peer, kPeer);
  EXPECT_EQ(request->addresses.size(), 2U);
  ASSERT_EQ(request->stores.size(), 2U);
  EXPECT_EQ(request->stores[1].to_string(), kStore);
  EXPECT_TRUE(request->turn_capable);
  EXPECT_FALSE(request->bootstrap_capable);
  EXPECT_EQ(request->turn_addresses, (std::vector<Endpoint>{{IpAddress::v4(192, 0, 2, 1), 4001}}));
  EXPECT_EQ(request->turn_port, 3478);
  EXPECT_TRUE(request->capabilities.has[capability_of("storeSync")]);
  EXPECT_FALSE(request->capabilities.has[capability_of("turnServer")]);
}

TEST(DigRegister, NeedsOnlyIdAndAddresses) {
  const json least{{"peerId", kPeer.to_string()}, {"addresses", {"/ip4/192.0.2.1/tcp/4001"}}};
  ASSERT_TRUE(parse_register(bytes_of(least.dump())));
  json without_id = least;
  without_id.erase("peerId");
  EXPECT_EQ(fault_of(without_id), (BadMessage{MessageError::kMissing, "peerId"}));
  json without_address = least;
  without_address["addresses"] = json::array();
  EXPECT_EQ(fault_of(without_address), (BadMessage{MessageError::kMissing, "addresses"}));
}

TEST(DigRegister, IgnoresFileNamesThatAreNoStoreIdsAndSaysHowMany) {
  json message = registration();
  message["stores"] = {kStore,
                       kStore,
                       "../../etc/passwd",
                       std::string(63, 'a'),
                       std::string(64, 'A'),
                       "..%2f" + std::string(59, 'a'),
                       std::string(64, 'g'),
                       "notes"};
  const auto request = parse_register(bytes_of(message.dump()));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->stores.size(), 1U) << "one id, once";
  EXPECT_EQ(request->ignored_stores, 6U);
}

TEST(DigRegister, TakesEitherWordForACapability) {
  json message = registration();
  message["turnCapable"] = false;
  message["capabilities"]["turnServer"] = true;
  message["capabilities"]["bootstrapServer"] = true;
  const auto request = parse_register(bytes_of(message.dump()));
  ASSERT_TRUE(request);
  EXPECT_TRUE(request->turn_capable);
  EXPECT_TRUE(request->bootstrap_capable);
}

TEST(DigRegister, BelievesNoFieldOfAnotherTypeOrBeyondItsLimit) {
  const auto is = [](MessageError error, std::string_view field) { return BadMessage{error, field}; };
  EXPECT_EQ(fault_with("peerId", 7), is(MessageError::kWrongType, "peerId"));
  EXPECT_EQ(fault_with("peerId", "../../x"), is(MessageError::kBadPeerId, "peerId"));
  EXPECT_EQ(fault_with("addresses", "/ip4/1.2.3.4/tcp/1"), is(MessageError::kWrongType, "addresses"));
  EXPECT_EQ(fault_with("addresses", {"http://x/"}), is(MessageError::kBadAddress, "addresses"));
  EXPECT_EQ(fault_with("addresses", json(kMaxAddresses + 1, "/a")), is(MessageError::kTooMany, "addresses"));
  EXPECT_EQ(fault_with("stores", {{"a", 1}}), is(MessageError::kWrongType, "stores"));
  EXPECT_EQ(fault_with("stores", {1}), is(MessageError::kWrongType, "stores"));
  EXPECT_EQ(fault_with("stores", json(kMaxStoresPerPeer + 1, "x")), is(MessageError::kTooMany, "stores"));
  EXPECT_EQ(fault_with("stores", {std::string(kMaxStoreText + 1, 'x')}), is(MessageError::kTooLong, "stores"));
  EXPECT_EQ(fault_with("version", std::string(kMaxVersionText + 1, '1')), is(MessageError::kTooLong, "version"));
  EXPECT_EQ(fault_with("turnPort", "3478"), is(MessageError::kWrongType, "turnPort"));
  EXPECT_EQ(fault_with("turnPort", 65536), is(MessageError::kOutOfRange, "turnPort"));
  EXPECT_EQ(fault_with("turnPort", -1), is(MessageError::kOutOfRange, "turnPort"));
  EXPECT_EQ(fault_with("turnCapacity", 1e30), is(MessageError::kOutOfRange, "turnCapacity"));
  EXPECT_EQ(fault_with("turnCapable", "true"), is(MessageError::kWrongType, "turnCapable"));
  EXPECT_EQ(fault_with("capabilities", {1}), is(MessageError::kWrongType, "capabilities"));
  EXPECT_EQ(fault_with("capabilities", {{"dht", 1}}), is(MessageError::kWrongType, "capabilities"));
  EXPECT_EQ(fault_with("serverPort", "4001"), is(MessageError::kWrongType, "serverPort"));
  EXPECT_EQ(fault_with("turnAddresses", json(kMaxTurnAddresses + 1, "/ip4/1.2.3.4/tcp/1")),
            is(MessageError::kTooMany, "turnAddresses"));
}

TEST(DigRegister, RefusesABodyOverItsLimit) {
  json message = registration();
  message["x"] = std::string(kMaxRequestSize, 'x');
  EXPECT_EQ(fault_of(message).error, MessageError::kTooLarge);
}

TEST(DigHeartbeat, NeedsAPeerId) {
  EXPECT_EQ(*parse_heartbeat(bytes_of(json{{"peerId", kPeer.to_string()}}.dump())), kPeer);
  EXPECT_EQ(parse_heartbeat(bytes_of("{}")).error(), (BadMessage{MessageError::kMissing, "peerId"}));
}

TEST(DigTurnServer, NeedsAddressesAndAPort) {
  json message{{"peerId", kPeer.to_string()}, {"turnAddresses", {"/ip4/192.0.2.1/tcp/4001"}}, {"turnPort", 4001}};
  ASSERT_TRUE(parse_turn_server(bytes_of(message.dump())));
  message["turnAddresses"] = {"/dns4/a.example/tcp/1"};
  EXPECT_EQ(parse_turn_server(bytes_of(message.dump())).error(), (BadMessage{MessageError::kMissing, "turnAddresses"}));
  message["turnAddresses"] = {"/ip4/192.0.2.1/tcp/4001"};
  message.erase("turnPort");
  EXPECT_EQ(parse_turn_server(bytes_of(message.dump())).error(), (BadMessage{MessageError::kMissing, "turnPort"}));
}

TEST(DigRelay, ReadsBothPeersTheStoreAndARange) {
  json message{{"storeId", kStore},
               {"fromPeerId", kPeer.to_string()},
               {"toPeerId", kOther.to_string()},
               {"method", "turn-coordination"},
               {"userTier", "free"},
               {"isPremium", true}};
  const auto whole = parse_relay(bytes_of(message.dump()));
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->from, kPeer);
  EXPECT_EQ(whole->to, kOther);
  EXPECT_EQ(whole->store.to_string(), kStore);
  EXPECT_FALSE(whole->range);
  message["rangeStart"] = 5;
  EXPECT_EQ(parse_relay(bytes_of(message.dump())).error(), (BadMessage{MessageError::kMissing, "rangeEnd"}));
  message["rangeEnd"] = 9;
  EXPECT_EQ(parse_relay(bytes_of(message.dump()))->range, (ByteSpan{5, 9}));
  message["rangeEnd"] = 4;
  EXPECT_EQ(parse_relay(bytes_of(message.dump())).error(), (BadMessage{MessageError::kOutOfRange, "rangeEnd"}));
  message["rangeEnd"] = "9";
  EXPECT_EQ(parse_relay(bytes_of(message.dump())).error(), (BadMessage{MessageError::kWrongType, "rangeEnd"}));
}

TEST(DigAllocate, TakesNobodysWordForATier) {
  const json message{{"peerId", kPeer.to_string()}, {"userTier", "premium"}, {"isPremium", true}, {"sessionId", "s"}};
  const auto request = parse_allocate(bytes_of(message.dump()));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->session, "s");
  EXPECT_EQ(request->mbps, 10U);
}

TEST(DigPeers, TellsOfAProvedPeerWhereItsHttpIs) {
  PeerRecord proved{.peer = kPeer, .addresses = {"/ip4/192.0.2.1/tcp/4001"}, .stores = {*StoreId::parse(kStore)}};
  proved.last_seen = kTime;
  proved.turn = {{IpAddress::v4(192, 0, 2, 1), 4001}};
  PeerRecord claims{.peer = kOther, .addresses = {"/ip4/192.0.2.2/tcp/4001"}};
  claims.capabilities.has[capability_of("turnServer")] = true;
  const std::vector<PeerRecord> peers{proved, claims};
  const json answer = json::parse(encode_peers(peers, {.stores = true, .capabilities = true}, 7, kTime));
  EXPECT_EQ(answer["total"], 2);
  EXPECT_EQ(answer["totalRegistered"], 7);
  const json& first = answer["peers"][0];
  EXPECT_EQ(first["peerId"], kPeer.to_string());
  EXPECT_EQ(first["turnCapable"], true);
  EXPECT_EQ(first["turnAddresses"], json::array({"/ip4/192.0.2.1/tcp/4001"}));
  EXPECT_EQ(first["turnPort"], 4001);
  EXPECT_EQ(first["stores"], json::array({kStore}));
  EXPECT_EQ(first["lastSeen"], kTime.unix_ms);
  EXPECT_TRUE(first["cryptoIPv6"].get<std::string>().starts_with("fd00:"));
  const json& second = answer["peers"][1];
  EXPECT_EQ(second["turnCapable"], false);
  EXPECT_FALSE(second.contains("turnAddresses"));
  EXPECT_EQ(second["capabilities"]["turnServer"], false) << "as proved, not as claimed";
}

TEST(DigPeers, LeavesOutWhatWasNotAskedFor) {
  const std::vector<PeerRecord> peers{{.peer = kPeer, .stores = {*StoreId::parse(kStore)}}};
  const json answer = json::parse(encode_peers(peers, {}, 1, kTime));
  EXPECT_FALSE(answer["peers"][0].contains("stores"));
  EXPECT_FALSE(answer["peers"][0].contains("capabilities"));
}

TEST(DigRelayAnswer, NamesTheEndpointWhole) {
  const RelayAnswer answer{.endpoint = "http://192.0.2.9:3000/bootstrap-turn-relay",
                           .host = "192.0.2.9",
                           .port = 3000,
                           .direct = {{IpAddress::v4(192, 0, 2, 1), 4001}},
                           .range = ByteSpan{1, 2}};
  const json out = json::parse(encode_relay(answer));
  EXPECT_EQ(out["method"], "bootstrap-turn-range-relay");
  EXPECT_EQ(out["fallbackTurnServer"]["relayEndpoint"], answer.endpoint);
  EXPECT_EQ(out["fallbackTurnServer"]["type"], "bootstrap-server");
  EXPECT_EQ(out["turnServer"]["addresses"][0], "/ip4/192.0.2.1/tcp/4001");
  EXPECT_EQ(out["rangeInfo"]["rangeEnd"], 2);
}

TEST(DigHealth, IsHealthyToAnOldNodeAndNamesNoBudgetThatNobodyKeeps) {
  HealthAnswer health{.bootstrap = kPeer, .version = "1.2.3", .peers = 3};
  health.cost.sessions = 2;
  json out = json::parse(encode_health(health, kTime));
  EXPECT_EQ(out["status"], "healthy");
  EXPECT_EQ(out["costInfo"]["mode"], "normal");
  EXPECT_EQ(out["costInfo"]["activeSessions"], 2);
  EXPECT_TRUE(out["costInfo"]["budgetUsed"].is_null());
  health.cost.projected = 1.5;
  health.cost.budget = 20;
  out = json::parse(encode_health(health, kTime));
  EXPECT_EQ(out["costInfo"]["budgetUsed"], "7.5%");
  EXPECT_EQ(out["costInfo"]["projectedMonthlyCost"], "$1.50");
  EXPECT_EQ(out["costInfo"]["budgetLimit"], "$20.00");
}

}  // namespace
}  // namespace turnpike::dig
