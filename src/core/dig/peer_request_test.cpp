#include "core/dig/peer_request.h"

#include <gmock/gmock.h>

namespace turnpike::dig {
namespace {

const std::string kStore(64, 'a');

Result<PeerRequest, PeerRequestError> parse(const std::string& text, bool discovery = false) {
  return parse_peer_request(bytes_of(text), discovery);
}

PeerRequestError error_of(const std::string& text, bool discovery = false) {
  const auto request = parse(text, discovery);
  return request ? PeerRequestError{99} : request.error();
}

TEST(DigPeerRequest, ReadsWhatOldNodesSend) {
  const auto range = parse(R"({"type":"GET_FILE_RANGE","storeId":")" + kStore +
                           R"(","filePath":"x.dig","rangeStart":5,"rangeEnd":9,"chunkId":"c_1"})");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->ask, Ask::kFileRange);
  EXPECT_EQ(range->store()->to_string(), kStore);
  EXPECT_EQ(range->range_start, 5U);
  EXPECT_EQ(range->range_end, 9U);
  EXPECT_EQ(range->chunk_id, "c_1");
  const auto info = parse(R"({"type":"GET_PEER_INFO","requestedInfo":["stores"]})");
  ASSERT_TRUE(info);
  EXPECT_TRUE(info->wants("stores"));
  EXPECT_FALSE(info->wants("capabilities"));
  EXPECT_TRUE(parse(R"({"type":"GET_PEER_INFO"})")->wants("capabilities")) << "no list asks for all";
}

TEST(DigPeerRequest, KnowsEveryTypeByItsNameAndProtocol) {
  for (std::uint8_t n = 0; n <= static_cast<std::uint8_t>(Ask::kFindStore); ++n) {
    const std::string text = R"({"storeId":")" + kStore + R"(","rangeStart":0,"rangeEnd":0,"type":")" +
                             std::string(name_of(Ask{n})) + R"("})";
    const bool discovery = Ask{n} == Ask::kListStores || Ask{n} == Ask::kFindStore;
    ASSERT_TRUE(parse(text, discovery)) << text;
    EXPECT_EQ(parse(text, discovery)->ask, Ask{n});
    EXPECT_EQ(error_of(text, !discovery), PeerRequestError::kUnknown);
  }
}

TEST(DigPeerRequest, TellsAnUnknownTypeFromABrokenMessage) {
  EXPECT_EQ(error_of("{}"), PeerRequestError::kUnknown);
  EXPECT_EQ(error_of(R"({"type":"CONNECT_TO_TURN_SERVER"})"), PeerRequestError::kUnknown);
  EXPECT_EQ(error_of(R"({"type":7})"), PeerRequestError::kMalformed);
  EXPECT_EQ(error_of("{"), PeerRequestError::kMalformed);
  EXPECT_EQ(error_of(R"({"type":"GET_STORE_CONTENT"})"), PeerRequestError::kMalformed) << "of which store";
  EXPECT_EQ(error_of(R"({"type":"GET_FILE_RANGE","storeId":"x","rangeStart":-1,"rangeEnd":2})"),
            PeerRequestError::kMalformed);
  EXPECT_EQ(error_of(R"({"type":"GET_FILE_RANGE","storeId":"x","rangeStart":1})"), PeerRequestError::kMalformed);
}

TEST(DigPeerRequest, TakesAnIdThatIsNoneForOneThatIsNotHere) {
  const auto request = parse(R"({"type":"GET_STORE_CONTENT","storeId":"../../etc/passwd"})");
  ASSERT_TRUE(request);
  EXPECT_FALSE(request->store());
}

TEST(DigPeerRequest, BoundsWhatAPeerCanAskForInOneAnswer) {
  EXPECT_EQ(parse(R"({"type":"PEER_EXCHANGE","maxPeers":100000})")->max_peers, kMaxExchangedPeers);
  EXPECT_EQ(parse(R"({"type":"PEER_EXCHANGE"})")->max_peers, 10U);
}

TEST(DigPeerRequest, WritesWhatItReads) {
  const auto id = *store::StoreId::parse(kStore);
  const auto range = parse_peer_request(make_range_request(id, 3, 7), false);
  ASSERT_TRUE(range);
  EXPECT_EQ(range->store(), id);
  EXPECT_EQ(range->range_end, 7U);
  EXPECT_EQ(parse_peer_request(make_list_stores_request(), true)->ask, Ask::kListStores);
  EXPECT_EQ(parse_peer_request(make_peer_info_request(), false)->ask, Ask::kPeerInfo);
  EXPECT_EQ(parse_peer_request(make_identification_request(1), false)->ask, Ask::kIdentification);
}

}  // namespace
}  // namespace turnpike::dig
