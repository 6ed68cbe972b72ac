#include "core/sync/ranking.h"

#include <gtest/gtest.h>

namespace turnpike::sync {
namespace {

store::Content content(std::uint8_t tag) {
  store::Content out{.size = 1000U + tag, .root = {}};
  out.root[0] = tag;
  return out;
}

Announcement by(std::uint8_t peer, IpAddress from, std::uint8_t tag) {
  Announcement out{.peer = {}, .from = from, .content = content(tag), .seq = 1};
  out.peer.public_key[0] = peer;
  return out;
}

IpAddress home(std::uint8_t network, std::uint8_t host = 1) { return IpAddress::v4(203, 0, network, host); }

TEST(SyncRanking, FetchesALoneAnnouncersStoreUnconfirmed) {
  const std::vector announced{by(1, home(1), 7)};
  const Choice choice = choose(announced, {});
  ASSERT_EQ(choice.candidates.size(), 1U);
  EXPECT_EQ(choice.candidates[0].mark, Mark::kUnconfirmed);
}

TEST(SyncRanking, CountsNetworksAndNotPeers) {
  const std::vector one_home{by(1, home(1, 1), 7), by(2, home(1, 2), 7), by(3, home(1, 3), 7)};
  EXPECT_EQ(choose(one_home, {}).candidates[0].mark, Mark::kUnconfirmed);
  const std::vector two_homes{by(1, home(1), 7), by(2, home(2), 7)};
  EXPECT_EQ(choose(two_homes, {}).candidates[0].mark, Mark::kConfirmed);
}

TEST(SyncRanking, FetchesALeaderOfTwoNetworksAgainstALoneOne) {
  const std::vector announced{by(1, home(1), 7), by(2, home(2), 8), by(3, home(3), 8)};
  const Choice choice = choose(announced, {});
  ASSERT_EQ(choice.candidates.size(), 1U);
  EXPECT_EQ(choice.candidates[0].content, content(8));
  EXPECT_EQ(choice.candidates[0].mark, Mark::kConfirmed);
}

TEST(SyncRanking, LeavesOneAgainstOneContested) {
  const std::vector announced{by(1, home(1), 7), by(2, home(2), 8)};
  const Choice choice = choose(announced, {});
  EXPECT_TRUE(choice.is_contested());
  EXPECT_EQ(choice.candidates[0].mark, Mark::kContested);
}

TEST(SyncRanking, LeavesTwoAgainstTwoContested) {
  const std::vector announced{by(1, home(1), 7), by(2, home(2), 7), by(3, home(3), 8), by(4, home(4), 8)};
  EXPECT_TRUE(choose(announced, {}).is_contested());
}

TEST(SyncRanking, StagesNoMoreThanItsLimit) {
  std::vector<Announcement> announced;
  for (std::uint8_t i = 1; i <= 20; ++i) announced.push_back(by(i, home(i), i));
  EXPECT_EQ(choose(announced, {}).candidates.size(), kMaxStaged);
}

TEST(SyncRanking, BelievesATrustedPeerMoreThanManyNetworks) {
  std::vector announced{by(1, home(1), 7), by(2, home(2), 8), by(3, home(3), 8), by(4, home(4), 8)};
  announced[0].trusted = true;
  const Choice choice = choose(announced, {});
  ASSERT_EQ(choice.candidates.size(), 1U);
  EXPECT_EQ(choice.candidates[0].content, content(7));
  EXPECT_EQ(choice.candidates[0].mark, Mark::kTrusted);
}

TEST(SyncRanking, BelievesAPublisherMoreThanATrustedPeerAndItsLatestWordMost) {
  std::vector announced{by(1, home(1), 7), by(2, home(2), 8), by(3, home(3), 9)};
  announced[0].trusted = true;
  announced[1].publisher_seq = 4;
  announced[2].publisher_seq = 5;
  const Choice choice = choose(announced, {});
  ASSERT_EQ(choice.candidates.size(), 1U);
  EXPECT_EQ(choice.candidates[0].content, content(9));
  EXPECT_EQ(choice.candidates[0].mark, Mark::kSigned);
}

TEST(SyncRanking, KnowsOnlyThePinnedContentUnderAPin) {
  const std::vector announced{by(1, home(1), 7), by(2, home(2), 8), by(3, home(3), 8)};
  const Choice choice = choose(announced, content(7));
  ASSERT_EQ(choice.candidates.size(), 1U);
  EXPECT_EQ(choice.candidates[0].content, content(7));
  EXPECT_EQ(choice.candidates[0].mark, Mark::kPinned);
  EXPECT_EQ(choose({}, content(9)).candidates[0].peers, 0U);
}

}  // namespace
}  // namespace turnpike::sync
