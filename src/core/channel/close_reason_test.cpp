#include "core/channel/close_reason.h"

#include <gtest/gtest.h>

#include <set>

namespace turnpike::channel {
namespace {

TEST(CloseReason, BlamesAPeerOnlyForWhatItDidUnderItsProvenName) {
  EXPECT_EQ(blame_of(CloseReason::kWindowExceeded), Blame::kPeer);
  EXPECT_EQ(blame_of(CloseReason::kBadFrame), Blame::kPeer);
  EXPECT_EQ(blame_of(CloseReason::kWrongPeer), Blame::kPath);
  EXPECT_EQ(blame_of(CloseReason::kBadHandshake), Blame::kPath);
  EXPECT_EQ(blame_of(CloseReason::kConnectionLost), Blame::kPath);
  EXPECT_EQ(blame_of(CloseReason::kClosedByUs), Blame::kNobody);
}

TEST(CloseReason, HasATextOfItsOwnForEach) {
  std::set<std::string_view> texts;
  for (int i = 0; i <= static_cast<int>(CloseReason::kNoncesSpent); ++i) {
    texts.insert(text_of(static_cast<CloseReason>(i)));
  }
  EXPECT_EQ(texts.size(), static_cast<std::size_t>(CloseReason::kNoncesSpent) + 1);
}

}  // namespace
}  // namespace turnpike::channel
