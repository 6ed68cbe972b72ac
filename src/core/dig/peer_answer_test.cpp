#include "core/dig/peer_answer.h"

#include <gmock/gmock.h>

namespace turnpike::dig {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

const std::string kId(64, 'a');
constexpr Now kNow{Instant(100s), {1'700'000'000'000}};

class DigPeerAnswer : public testing::Test {
 protected:
  DigPeerAnswer() {
    self_.peer = PeerId{Digest{1}};
    self_.unix_ms = kNow.wall.unix_ms;
    self_.stores = {*StoreId::parse(kId)};
    self_.http = {{IpAddress::v4(192, 0, 2, 1), 5001}};
  }
  PeerAnswer ask(Ask what, json more = json::object(), std::optional<std::uint64_t> size = 1000) {
    more["type"] = name_of(what);
    const bool discovery = what == Ask::kListStores || what == Ask::kFindStore;
    const auto request = parse_peer_request(bytes_of(more.dump()), discovery);
    EXPECT_TRUE(request) << more.dump();
    return answer_peer(kNow, *request, self_, size, sessions_, random_);
  }
  json ask_json(Ask what, json more = json::object(), std::optional<std::uint64_t> size = 1000) {
    const PeerAnswer answer = ask(what, std::move(more), size);
    const auto* text = std::get_if<JsonAnswer>(&answer);
    EXPECT_NE(text, nullptr);
    if (text == nullptr) return {};
    EXPECT_LE(text->text.size(), kMaxAnswer);
    return json::parse(text_of(text->text));
  }
  static json header_of(const FileAnswer& file) {
    EXPECT_EQ(file.header.back(), '\n');
    return json::parse(text_of(file.header));
  }

  SelfView self_;
  TurnSessions sessions_;
  SeededRandom random_{1};
};

TEST_F(DigPeerAnswer, IsTakenForANodeOfTheNetwork) {
  const json answer = ask_json(Ask::kIdentification);
  EXPECT_EQ(answer["networkId"], "dig-mainnet");
  EXPECT_EQ(answer["isDIGNode"], true);
  EXPECT_EQ(answer["success"], true);
  EXPECT_TRUE(parse_identification(bytes_of(answer.dump())));
  EXPECT_FALSE(parse_identification(bytes_of(R"({"networkId":"other","isDIGNode":true})")));
}

TEST_F(DigPeerAnswer, TellsItsPublicStoresInEveryWayTheyAreAskedFor) {
  for (const Ask what : {Ask::kPeerInfo, Ask::kMembership, Ask::kListStores}) {
    const json answer = ask_json(what);
    EXPECT_EQ(answer["stores"], json::array({kId}));
    EXPECT_EQ(parse_stores(bytes_of(answer.dump())), self_.stores);
  }
  const json some = ask_json(Ask::kPeerInfo, {{"requestedInfo", {"nodeType"}}});
  EXPECT_FALSE(some.contains("stores"));
  EXPECT_EQ(some["nodeType"], "full");
}

TEST_F(DigPeerAnswer, KeepsListsWithinTheFrameThatOldReadersRead) {
  self_.stores.assign(5000, *StoreId::parse(kId));
  EXPECT_GT(ask_json(Ask::kListStores)["stores"].size(), 900U);
  EXPECT_GT(ask_json(Ask::kPeerInfo)["stores"].size(), 900U);
}

TEST_F(DigPeerAnswer, PutsAHeaderBeforeAFile) {
  for (const Ask what : {Ask::kStoreContent, Ask::kFile}) {
    const PeerAnswer answer = ask(what, {{"storeId", kId}});
    const FileAnswer& file = std::get<FileAnswer>(answer);
    EXPECT_EQ(header_of(file), (json{{"success", true}, {"size", 1000}, {"mimeType", "application/x-dig-archive"}}));
    EXPECT_EQ(file.length, 1000U);
  }
  EXPECT_EQ(ask_json(Ask::kStoreContent, {{"storeId", kId}}, std::nullopt),
            (json{{"success", false}, {"error", "Store not found"}}));
}

TEST_F(DigPeerAnswer, GivesARangeAndRefusesOneThatDoesNotLieInTheFile) {
  const PeerAnswer answer = ask(Ask::kFileRange, {{"storeId", kId}, {"rangeStart", 10}, {"rangeEnd", 999}});
  const FileAnswer& file = std::get<FileAnswer>(answer);
  EXPECT_EQ(file.offset, 10U);
  EXPECT_EQ(file.length, 990U);
  const json header = header_of(file);
  EXPECT_EQ(header["size"], 990);
  EXPECT_EQ(header["totalSize"], 1000);
  EXPECT_EQ(header["isPartial"], true);
  const auto read = parse_range_header(bytes_of(header.dump()));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->total, 1000U);

  const json refused =
      ask_json(Ask::kFileRange, {{"storeId", kId}, {"rangeStart", 0}, {"rangeEnd", 1000}, {"chunkId", "c"}});
  EXPECT_EQ(refused["error"], "Invalid range: 0-1000 (file size: 1000)");
  EXPECT_EQ(refused["chunkId"], "c");
  EXPECT_EQ(parse_total_size(bytes_of(refused.dump())), 1000U);
  EXPECT_FALSE(parse_range_header(bytes_of(refused.dump())));
  EXPECT_EQ(ask_json(Ask::kFileRange, {{"storeId", kId}, {"rangeStart", 9}, {"rangeEnd", 8}})["success"], false);
}

TEST_F(DigPeerAnswer, ReadsAllDigitsOfAnUrn) {
  const PeerAnswer answer = ask(Ask::kUrn, {{"urn", "urn:dig:chia:" + kId + "/index.html"}});
  EXPECT_EQ(std::get<FileAnswer>(answer).store.to_string(), kId);
  EXPECT_EQ(ask_json(Ask::kUrn, {{"urn", "urn:dig:chia:" + kId}}, std::nullopt)["error"], "Store not found: " + kId);
  const std::string bad = ask_json(Ask::kUrn, {{"urn", "urn:other"}})["error"];
  EXPECT_TRUE(bad.starts_with("Invalid URN format. Expected: ")) << bad;
}

TEST_F(DigPeerAnswer, SendsASmallStoreInOneFrameAndForALargerOneTheUrlWhereItIs) {
  const std::string session = ask_json(Ask::kTurnCoordination, {{"storeId", kId}})["sessionId"];
  EXPECT_TRUE(session.starts_with("turn_1700000000000_"));
  const json asked{{"storeId", kId}, {"sessionId", session}};
  const PeerAnswer small = ask(Ask::kTurnData, asked, kMaxInlineFile);
  const JsonAnswer whole = finish_inline(std::get<InlineAnswer>(small), Bytes(kMaxInlineFile, 0xfb));
  EXPECT_LE(whole.text.size(), kMaxAnswer);
  const json answer = json::parse(text_of(whole.text));
  EXPECT_EQ(answer["size"], kMaxInlineFile);
  EXPECT_EQ(answer["data"].get<std::string>().substr(0, 8), "+/v7+/v7");
  const std::string error = ask_json(Ask::kTurnData, asked, kMaxInlineFile + 1)["error"];
  EXPECT_NE(error.find("http://192.0.2.1:5001/download/" + kId), std::string::npos) << error;
}

TEST_F(DigPeerAnswer, PadsBase64AsOldReadersExpect) {
  const InlineAnswer answer{*StoreId::parse(kId), 1, "s"};
  EXPECT_EQ(json::parse(text_of(finish_inline(answer, Bytes{0xff}).text))["data"], "/w==");
}

TEST_F(DigPeerAnswer, TellsWhereItsTurnServerIsOnceThatIsProved) {
  const json before = ask_json(Ask::kTurnCoordination, {{"storeId", kId}});
  EXPECT_FALSE(before.contains("relayPort"));
  EXPECT_EQ(ask_json(Ask::kConnectionCapabilities)["capabilities"]["canActAsTurnServer"], false);
  self_.turn = Endpoint{IpAddress::v4(198, 51, 100, 7), 6001};
  const json after = ask_json(Ask::kTurnCoordination, {{"storeId", kId}});
  EXPECT_EQ(after["externalAddress"], "198.51.100.7");
  EXPECT_EQ(after["relayPort"], 6001);
  EXPECT_EQ(after["turnServerPeerId"], self_.peer.to_string());
  EXPECT_EQ(ask_json(Ask::kConnectionCapabilities)["capabilities"]["canActAsTurnServer"], true);
}

TEST_F(DigPeerAnswer, AnswersNoTurnDataOfASessionThatIsUnknownOrOver) {
  const json asked{{"storeId", kId}, {"sessionId", "turn_1_abc"}};
  EXPECT_EQ(ask_json(Ask::kTurnData, asked)["error"], "TURN relay session not found");
  const std::string session = sessions_.open(kNow.mono, 1, random_);
  EXPECT_TRUE(sessions_.has(kNow.mono + kTurnSessionLifetime - 1us, session));
  EXPECT_FALSE(sessions_.has(kNow.mono + kTurnSessionLifetime, session));
  EXPECT_EQ(ask_json(Ask::kTurnCoordination, {{"storeId", kId}}, std::nullopt)["success"], false);
}

TEST_F(DigPeerAnswer, HoldsSoManySessionsAndNoMore) {
  const std::string first = sessions_.open(kNow.mono, 1, random_);
  for (std::size_t i = 0; i < kMaxTurnSessions; ++i) (void)sessions_.open(kNow.mono, 1, random_);
  EXPECT_EQ(sessions_.size(), kMaxTurnSessions);
  EXPECT_FALSE(sessions_.has(kNow.mono, first));
}

TEST_F(DigPeerAnswer, NeverConnectsWhereAPeerTellsItTo) {
  EXPECT_EQ(ask_json(Ask::kTurnSignal, {{"turnServerPeerId", "X"}})["success"], false);
  EXPECT_EQ(ask_json(Ask::kTurnSignal)["error"], "Missing TURN server information in signal");
}

TEST_F(DigPeerAnswer, TellsOfPeersAndWhoHasAStore) {
  KnownPeer known;
  known.peer = PeerId{Digest{2}};
  known.stores = self_.stores;
  known.tcp = {{IpAddress::v4(198, 51, 100, 7), 4001}};
  self_.peers.assign(60, known);
  const std::string address = "/ip4/198.51.100.7/tcp/4001/p2p/" + known.peer.to_string();
  const json some = ask_json(Ask::kPeerExchange, {{"includeStores", true}});
  EXPECT_EQ(some["totalPeers"], 10);
  EXPECT_EQ(some["peers"][0]["addresses"], json::array({address}));
  EXPECT_EQ(some["peers"][0]["stores"], json::array({kId}));
  EXPECT_FALSE(ask_json(Ask::kPeerExchange, {{"privacyMode", true}})["peers"][0].contains("addresses"));
  const json location = ask_json(Ask::kStoreLocation, {{"storeId", kId}});
  EXPECT_EQ(location["hasStore"], true);
  EXPECT_EQ(location["locations"][0]["peerId"], known.peer.to_string());
}

TEST_F(DigPeerAnswer, AnswersTheOlderQuestionsAsTheirNamesPromise) {
  const json files = ask_json(Ask::kStoreFiles, {{"storeId", kId}});
  EXPECT_EQ(files["files"], json::array({kId + ".dig"}));
  EXPECT_EQ(files["metadata"]["size"], 1000);
  EXPECT_EQ(ask_json(Ask::kFindStore, {{"storeId", kId}})["hasStore"], true);
  EXPECT_EQ(ask_json(Ask::kFindStore, {{"storeId", kId}}, std::nullopt)["hasStore"], false);
  const json can = ask_json(Ask::kConnectionCapabilities);
  EXPECT_EQ(can["capabilities"], can["metadata"]);
  EXPECT_EQ(can["capabilities"]["acceptsDirectConnections"], false) << "nothing has proved it";
  EXPECT_EQ(ask_json(Ask::kHandshake)["metadata"]["storeCount"], 1);
}

TEST_F(DigPeerAnswer, ReadsOldNodesStoresAndDropsWhatIsNoStore) {
  const auto stores = parse_stores(bytes_of(R"({"success":true,"stores":["../x",")" + kId + R"(",")" + kId + R"("]})"));
  ASSERT_TRUE(stores);
  EXPECT_THAT(*stores, testing::ElementsAre(*StoreId::parse(kId)));
  EXPECT_FALSE(parse_stores(bytes_of(R"({"success":false,"stores":[]})")));
  EXPECT_FALSE(parse_range_header(bytes_of(R"({"success":true,"size":5,"totalSize":4})"))) << "more than there is";
}

}  // namespace
}  // namespace turnpike::dig
