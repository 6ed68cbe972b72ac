#include "core/dig/peer_message.h"

#include <gtest/gtest.h>

namespace turnpike::dig {
namespace {

using nlohmann::json;

const PeerId kPeer{Digest{1}};
const PeerId kOther{Digest{2}};
const std::string kStore(64, 'a');
constexpr WallTime kTime{1'795'000'000'000};

template <class Kind>
Kind read(const json& message) {
  const auto request = parse_peer_request(bytes_of(message.dump()));
  EXPECT_TRUE(request) << message;
  if (!request || !std::holds_alternative<Kind>(*request)) {
    ADD_FAILURE() << message;
    return {};
  }
  return std::get<Kind>(*request);
}
BadMessage fault_of(const json& message) {
  const auto request = parse_peer_request(bytes_of(message.dump()));
  EXPECT_FALSE(request) << message;
  return request ? BadMessage{} : request.error();
}

TEST(DigPeerRequest, IsReadAsWhatItAsks) {
  read<AskIdentification>({{"type", "DIG_NETWORK_IDENTIFICATION"}, {"networkId", "dig-mainnet"}});
  read<AskMembership>({{"type", "VERIFY_DIG_MEMBERSHIP"}, {"challengeNonce", "x"}, {"requestedProof", {"a"}}});
  read<AskHandshake>({{"type", "HANDSHAKE"}, {"publicKey", "00"}, {"supportedFeatures", {"store-sync"}}});
  read<Announcement>({{"networkId", "mainnet"}, {"nodeType", 0}, {"peerId", "x"}, {"capabilities", {{1, "x"}}}});
  read<AskStoreList>({{"type", "LIST_STORES"}});
  EXPECT_EQ(read<AskStore>({{"type", "GET_STORE_CONTENT"}, {"storeId", kStore}}).store.to_string(), kStore);
  EXPECT_EQ(read<AskFind>({{"type", "FIND_STORE"}, {"storeId", kStore}}).store.to_string(), kStore);
  const auto range = read<AskFileRange>({{"type", "GET_FILE_RANGE"},
                                         {"storeId", kStore},
                                         {"rangeStart", 5},
                                         {"rangeEnd", 9},
                                         {"chunkId", "c1"},
                                         {"filePath", kStore + ".dig"}});
  EXPECT_EQ(range.span, (ByteSpan{5, 9}));
  EXPECT_EQ(range.chunk, "c1");
  const auto turn = read<AskTurn>({{"type", "TURN_COORDINATION_REQUEST"},
                                   {"fromPeerId", kPeer.to_string()},
                                   {"targetPeerId", kOther.to_string()},
                                   {"timestamp", 1}});
  EXPECT_EQ(turn.target, kOther);
  EXPECT_FALSE(turn.store);
  const auto data = read<AskTurnData>({{"type", "TURN_RELAY_DATA"},
                                       {"sessionId", "turn_1_x"},
                                       {"storeId", kStore},
                                       {"fromPeerId", kPeer.to_string()},
                                       {"toPeerId", kOther.to_string()}});
  EXPECT_EQ(data.session, "turn_1_x");
  const auto signal = read<TurnSignal>({{"type", "TURN_CONNECTION_SIGNAL"},
                                        {"turnServerPeerId", kOther.to_string()},
                                        {"turnServerAddresses", {"/ip4/192.0.2.1/tcp/4001"}},
                                        {"requestId", "r"},
                                        {"fromPeerId", kPeer.to_string()}});
  EXPECT_EQ(signal.addresses.size(), 1U);
}

TEST(DigPeerRequest, OfAnotherKindIsUnknownAndNoFault) {
  read<UnknownRequest>({{"type", "GET_URN"}, {"urn", "x"}});
  read<UnknownRequest>({{"type", "CONNECT_TO_TURN_SERVER"}});
  read<UnknownRequest>(json::object());
}

TEST(DigPeerRequest, AsksForEverythingWhereItNamesNothing) {
  EXPECT_TRUE(read<AskPeerInfo>({{"type", "GET_PEER_INFO"}}).node_type);
  EXPECT_TRUE(read<AskPeerInfo>({{"type", "GET_PEER_INFO"}, {"requestedInfo", json::array()}}).stores);
  const auto some = read<AskPeerInfo>({{"type", "GET_PEER_INFO"}, {"requestedInfo", {"stores"}}});
  EXPECT_TRUE(some.stores);
  EXPECT_FALSE(some.capabilities);
}

TEST(DigPeerRequest, BelievesNoIdThatIsNone) {
  for (const std::string& id : {std::string("../../etc/passwd"), std::string(63, 'a'), std::string(64, 'A'),
                                std::string("..%2f") + std::string(59, 'a')}) {
    EXPECT_EQ(fault_of({{"type", "GET_STORE_CONTENT"}, {"storeId", id}}),
              (BadMessage{MessageError::kBadStoreId, "storeId"}));
  }
  EXPECT_EQ(fault_of({{"type", "GET_STORE_CONTENT"}}), (BadMessage{MessageError::kMissing, "storeId"}));
  EXPECT_EQ(fault_of({{"type", 7}}), (BadMessage{MessageError::kWrongType, "type"}));
  json range{{"type", "GET_FILE_RANGE"}, {"storeId", kStore}, {"rangeStart", 9}, {"rangeEnd", 5}};
  EXPECT_EQ(fault_of(range), (BadMessage{MessageError::kOutOfRange, "rangeEnd"}));
  range["rangeEnd"] = "9";
  EXPECT_EQ(fault_of(range), (BadMessage{MessageError::kWrongType, "rangeEnd"}));
  EXPECT_EQ(fault_of({{"type", "TURN_CONNECTION_SIGNAL"},
                      {"turnServerPeerId", kPeer.to_string()},
                      {"fromPeerId", kPeer.to_string()},
                      {"turnServerAddresses", {"http://x"}}}),
            (BadMessage{MessageError::kBadAddress, "turnServerAddresses"}));
  EXPECT_EQ(fault_of({{"type", "LIST_STORES"}, {"x", std::string(kMaxPeerRequest, 'x')}}).error,
            MessageError::kTooLarge);
}

TEST(DigPeerRequest, ComesBackAsItWasWritten) {
  const AskFileRange range{.store = *StoreId::parse(kStore), .span = {1, 2}, .chunk = "c"};
  EXPECT_EQ(read<AskFileRange>(json::parse(encode_request(range))).span, range.span);
  EXPECT_EQ(read<AskStore>(json::parse(encode_request(AskStore{range.store}))).store, range.store);
  EXPECT_FALSE(read<AskPeerInfo>(json::parse(encode_request(AskPeerInfo{.capabilities = false}))).capabilities);
  read<AskIdentification>(json::parse(encode_request(AskIdentification{}, kTime)));
  read<AskStoreList>(json::parse(encode_request(AskStoreList{})));
}

TEST(DigPeerAnswer, IdentifiesUsToAnOldNodeAndItToUs) {
  EXPECT_TRUE(is_identification(bytes_of(encode_identification(kTime))));
  EXPECT_FALSE(is_identification(bytes_of(R"({"networkId":"dig-testnet","isDIGNode":true})")));
  EXPECT_FALSE(is_identification(bytes_of(R"({"networkId":"dig-mainnet","isDIGNode":"true"})")));
  EXPECT_FALSE(is_identification(bytes_of("{")));
}

TEST(DigPeerAnswer, FitsTheOneFrameThatIsRead) {
  const std::vector<StoreId> stores(5000, *StoreId::parse(kStore));
  const SelfInfo self{.peer = kPeer, .stores = stores};
  EXPECT_LE(encode_peer_info({}, self, kTime).size(), kMaxAnswerFrame);
  EXPECT_LE(encode_membership(self, kTime).size(), kMaxAnswerFrame);
  EXPECT_LE(encode_store_list(self).size(), kMaxAnswerFrame);
  PeerRecord record{.peer = kPeer, .stores = stores};
  record.turn.assign(8, {*IpAddress::parse("2001:db8:1111:2222:3333:4444:5555:6666"), 65535});
  const std::vector<PeerRecord> many(200, record);
  const std::string exchange = encode_peer_exchange(many, {.max_peers = 1'000'000, .stores = true});
  EXPECT_LE(exchange.size(), kMaxAnswerFrame);
  EXPECT_EQ(json::parse(exchange)["totalPeers"], 64);
}

TEST(DigPeerAnswer, TellsWhatWasAskedFor) {
  const std::vector<StoreId> stores{*StoreId::parse(kStore)};
  const SelfInfo self{.peer = kPeer, .stores = stores};
  const json info = json::parse(encode_peer_info({.capabilities = false, .crypto_ipv6 = false}, self, kTime));
  EXPECT_EQ(info["stores"], json::array({kStore}));
  EXPECT_EQ(info["nodeType"], "full");
  EXPECT_FALSE(info.contains("capabilities"));
  const auto read_back = parse_peer_info(bytes_of(info.dump()));
  ASSERT_TRUE(read_back);
  EXPECT_EQ(read_back->peer, kPeer);
  EXPECT_EQ(read_back->stores, stores);
  EXPECT_EQ(json::parse(encode_found(self, true))["hasStore"], true);
  EXPECT_EQ(json::parse(encode_handshake(self))["metadata"]["storeCount"], 1);
  const json grant = json::parse(encode_turn_grant({.session = "s", .turn_server = kPeer, .relay_port = 6001}));
  EXPECT_EQ(grant["relayPort"], 6001);
  EXPECT_FALSE(grant.contains("externalAddress"));
}

TEST(DigPeerInfo, LeavesOutWhatIsNoStoreId) {
  const json answer{{"peerId", kPeer.to_string()}, {"stores", {kStore, kStore, "../x", std::string(64, 'A')}}};
  EXPECT_EQ(parse_peer_info(bytes_of(answer.dump()))->stores.size(), 1U);
  EXPECT_FALSE(parse_peer_info(bytes_of(R"({"stores":[]})")));
}

TEST(DigContentHeader, IsALineInFrontOfTheBytes) {
  const std::string line = encode_content_header(12345);
  for (std::size_t size = 0; size < line.size(); ++size) {
    const auto part = read_content_header(bytes_of(line).first(size), false);
    ASSERT_TRUE(part) << size;
    EXPECT_FALSE(*part) << "more is needed at " << size;
  }
  const auto whole = read_content_header(bytes_of(line + "PK\n{"), false);
  ASSERT_TRUE(whole && *whole);
  EXPECT_EQ((*whole)->size, 12345U);
  EXPECT_EQ((*whole)->consumed, line.size());
  const auto range = read_content_header(bytes_of(encode_range_header({{}, {5, 9}, "c"}, 100)), false);
  ASSERT_TRUE(range && *range);
  EXPECT_EQ((*range)->size, 5U);
}

TEST(DigContentHeader, TellsOfAFailureWithOrWithoutItsNewline) {
  for (const char* text :
       {R"({"success":false,"error":"Store not found"})", "{\"success\":false,\"error\":\"Store not found\"}\n"}) {
    const auto header = read_content_header(bytes_of(text), true);
    ASSERT_TRUE(header && *header) << text;
    EXPECT_FALSE((*header)->success);
    EXPECT_EQ((*header)->error, "Store not found");
  }
}

TEST(DigContentHeader, RefusesWhatIsNone) {
  const auto fault = [](std::string_view text) {
    const auto header = read_content_header(bytes_of(text), true);
    return header ? std::nullopt : std::optional(header.error().error);
  };
  EXPECT_EQ(fault(""), MessageError::kMalformed);
  EXPECT_EQ(fault("PK\x03\x04\n"), MessageError::kMalformed);
  EXPECT_EQ(fault("{\"success\":true}\n"), MessageError::kMissing);
  EXPECT_EQ(fault("{\"success\":true,\"size\":\"9\"}\n"), MessageError::kWrongType);
  EXPECT_EQ(fault("{\"success\":true,\"size\":-1}\n"), MessageError::kOutOfRange);
  EXPECT_EQ(fault("{\"success\":true,\"size\":9}"), MessageError::kMissing) << "cut before its end";
  EXPECT_EQ(fault(std::string(kMaxHeaderLine, ' ')), MessageError::kTooLarge);
}

}  // namespace
}  // namespace turnpike::dig
