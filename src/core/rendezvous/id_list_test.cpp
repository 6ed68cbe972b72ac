#include "core/rendezvous/id_list.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "base/random.h"

namespace turnpike::rendezvous {
namespace {

TEST(IdList, HoldsWhatASetWouldHold) {
  SeededRandom random(1);
  IdList list;
  std::set<std::uint32_t> model;
  for (int step = 0; step < 20'000; ++step) {
    const auto id = static_cast<std::uint32_t>(random.below(300));
    // Long runs of growing and of shrinking, so that it passes both ways through every size.
    const bool grows = random.below(10) < ((step / 2000) % 2 == 0 ? 8U : 2U);
    if (grows) {
      ASSERT_EQ(list.insert(id), model.insert(id).second);
    } else {
      ASSERT_EQ(list.erase(id), model.erase(id) == 1);
    }
    ASSERT_EQ(std::vector<std::uint32_t>(list.ids().begin(), list.ids().end()),
              std::vector<std::uint32_t>(model.begin(), model.end()));
  }
}

TEST(IdList, TakesNoMemoryForTwo) { EXPECT_LE(sizeof(IdList), 24U); }

}  // namespace
}  // namespace turnpike::rendezvous
