#include "core/coordination/choice.h"

#include <gmock/gmock.h>

#include <set>

namespace turnpike::coordination {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

PeerId peer(std::uint8_t number) { return {{number}}; }

TEST(TurnChoice, PrefersTheLowestSumOfBothEndsRoundTrips) {
  const std::vector<Candidate> candidates{{peer(1), 100ms, 5ms}, {peer(2), 30ms, 40ms}, {peer(3), 5ms, 90ms}};
  EXPECT_THAT(rank(peer(8), peer(9), candidates), ElementsAre(peer(2), peer(3), peer(1)));
}

TEST(TurnChoice, PutsWhatNobodyHasMeasuredBehindWhatIsKnownToBeNear) {
  const std::vector<Candidate> candidates{{peer(1), std::nullopt, 5ms}, {peer(2), 200ms, 200ms}, {peer(3), {}, {}}};
  EXPECT_THAT(rank(peer(8), peer(9), candidates), ElementsAre(peer(2), peer(1), peer(3)));
}

TEST(TurnChoice, SpreadsPairsOverServersThatAreEquallyNear) {
  std::vector<Candidate> candidates;
  for (std::uint8_t i = 1; i <= 4; ++i) candidates.push_back({peer(i), Duration(20ms) + Duration(i), 20ms});
  std::set<PeerId> first;
  for (std::uint8_t i = 10; i < 60; ++i) first.insert(rank(peer(i), peer(9), candidates).front());
  EXPECT_EQ(first.size(), 4U);
  EXPECT_EQ(rank(peer(8), peer(9), candidates), rank(peer(8), peer(9), candidates));
}

}  // namespace
}  // namespace turnpike::coordination
