#include "core/reach/sent_to.h"

#include <gmock/gmock.h>

namespace turnpike::reach {
namespace {

using namespace std::chrono_literals;
using rendezvous::ServiceKind;

const Instant kStart{1h};
IpAddress host(std::size_t n) {
  return IpAddress::v4(60, static_cast<std::uint8_t>(n >> 16U), static_cast<std::uint8_t>(n >> 8U),
                       static_cast<std::uint8_t>(n));
}

TEST(ReachSentTo, RemembersForEachPortByItself) {
  SentTo book;
  book.note(kStart, ServiceKind::kQuic, host(1));
  EXPECT_TRUE(book.contains(kStart, ServiceKind::kQuic, host(1)));
  EXPECT_FALSE(book.contains(kStart, ServiceKind::kTurnUdp, host(1)));
  EXPECT_FALSE(book.contains(kStart, ServiceKind::kQuic, host(2)));
  EXPECT_TRUE(book.contains(kStart, ServiceKind::kQuic, *IpAddress::parse("::ffff:60.0.0.1")));
}

TEST(ReachSentTo, ForgetsAfterTheLongestANatRemembers) {
  SentTo book;
  book.note(kStart, ServiceKind::kQuic, host(1));
  book.note(kStart + 1h, ServiceKind::kQuic, host(2));
  EXPECT_TRUE(book.contains(kStart + kSentToMemory - 1s, ServiceKind::kQuic, host(1)));
  EXPECT_FALSE(book.contains(kStart + kSentToMemory, ServiceKind::kQuic, host(1)));
  EXPECT_THAT(book.latest(kStart + kSentToMemory, ServiceKind::kQuic, 9), testing::ElementsAre(host(2)));
}

TEST(ReachSentTo, CountsFromTheLastDatagram) {
  SentTo book;
  book.note(kStart, ServiceKind::kQuic, host(1));
  book.note(kStart + 1h, ServiceKind::kQuic, host(1));
  EXPECT_TRUE(book.contains(kStart + 1h + kSentToMemory - 1s, ServiceKind::kQuic, host(1)));
}

TEST(ReachSentTo, HoldsNoMoreThanItsLimitAndNamesTheLatestFirst) {
  SentTo book;
  for (std::size_t n = 0; n < kMaxSentTo + 100; ++n) {
    book.note(kStart + n * 1ms, ServiceKind::kQuic, host(n));
  }
  EXPECT_LE(book.size(ServiceKind::kQuic), kMaxSentTo);
  EXPECT_THAT(book.latest(kStart + 1h, ServiceKind::kQuic, 2),
              testing::ElementsAre(host(kMaxSentTo + 99), host(kMaxSentTo + 98)));
  for (std::size_t i = 0; i < 20 * kMaxSentTo; ++i) {
    book.note(kStart + 1h + i * 1s, ServiceKind::kTurnUdp, host(i % 3));
  }
  EXPECT_EQ(book.size(ServiceKind::kTurnUdp), 3U);
}

}  // namespace
}  // namespace turnpike::reach
