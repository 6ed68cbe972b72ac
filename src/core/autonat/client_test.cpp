#include "core/autonat/client.h"

#include <gtest/gtest.h>

#include "core/autonat/server.h"

namespace turnpike::autonat {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{1000s};
const IpAddress kAsker = IpAddress::v4(203, 0, 113, 7);

std::vector<multiaddr::Multiaddr> addresses(const IpAddress& address) {
  return {multiaddr::Multiaddr::tcp({address, 4001})};
}

TEST(AutonatClient, IsAnsweredByAServerAfterTheDataItAsksFor) {
  SeededRandom random(5);
  Client client(kStart, addresses(IpAddress::v4(192, 0, 2, 9)), 7);
  Server server(kStart, kAsker, {}, true, random);
  std::size_t sent = 0;
  for (int turn = 0; turn < 100 && !client.result(); ++turn) {
    while (const auto bytes = client.poll_write()) {
      sent += bytes->size();
      server.handle_bytes(kStart, *bytes);
    }
    if (const auto order = server.poll_event()) {
      EXPECT_EQ(order->nonce, 7U);
      server.handle_dialled(DialStatus::kOk);
    }
    while (const auto bytes = server.poll_write()) client.handle_bytes(*bytes);
  }
  ASSERT_TRUE(client.result());
  EXPECT_EQ((*client.result())->dial_status, DialStatus::kOk);
  EXPECT_GE(sent, kMinData);
}

TEST(AutonatClient, GivesNoMoreDataThanTheSpecificationAllowsAndOnlyOnce) {
  Client greedy(kStart, addresses(kAsker), 7);
  greedy.handle_bytes(encode(DialDataRequest{.index = 0, .bytes = kMaxData + 1}));
  EXPECT_EQ(greedy.result()->error(), ClientError::kTooMuch);
  Client twice(kStart, addresses(kAsker), 7);
  twice.handle_bytes(encode(DialDataRequest{.index = 0, .bytes = 10}));
  twice.handle_bytes(encode(DialDataRequest{.index = 0, .bytes = 10}));
  EXPECT_EQ(twice.result()->error(), ClientError::kTooMuch);
}

TEST(AutonatClient, TakesNoAnswerAboutAnAddressItDidNotAskOf) {
  Client client(kStart, addresses(kAsker), 7);
  client.handle_bytes(encode(DialResponse{.status = ResponseStatus::kOk, .index = 1, .dial_status = DialStatus::kOk}));
  EXPECT_EQ(client.result()->error(), ClientError::kMalformed);
}

TEST(AutonatClient, EndsWithTheStreamOrTheTime) {
  Client ended(kStart, addresses(kAsker), 7);
  ended.handle_end();
  EXPECT_EQ(ended.result()->error(), ClientError::kEnded);
  Client late(kStart, addresses(kAsker), 7);
  late.handle_timeout(*late.poll_timeout());
  EXPECT_EQ(late.result()->error(), ClientError::kTimeout);
}

TEST(AutonatDialBack, AnEmptyAnswerIsAYesForSomeLeaveOutZeroes) {
  EXPECT_EQ(read_dial_back_response({}), DialBackAnswer::kIncomplete);
  EXPECT_EQ(read_dial_back_response(Bytes{0}), DialBackAnswer::kOk);
  EXPECT_EQ(read_dial_back_response(encode_dial_back_response()), DialBackAnswer::kOk);
  EXPECT_EQ(read_dial_back_response(Bytes{2, 8}), DialBackAnswer::kIncomplete);
  EXPECT_EQ(read_dial_back_response(Bytes{2, 8, 1}), DialBackAnswer::kWrong);
  EXPECT_EQ(read_dial_back_response(Bytes{200}), DialBackAnswer::kWrong);
  EXPECT_EQ(decode_dial_back(ByteView(encode_dial_back(99)).subspan(1)), 99U);
}

}  // namespace
}  // namespace turnpike::autonat
