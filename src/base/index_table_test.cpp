#include "base/index_table.h"

#include <gtest/gtest.h>

#include <set>

namespace turnpike {
namespace {

// Few hashes for many numbers, so that runs are long, wrap around and get torn open again.
std::uint64_t crowded(std::uint32_t number) { return number % 7 * 0x9e3779b97f4a7c15U; }

TEST(IndexTable, FindsWhatASetWouldHold) {
  SeededRandom random(1);
  IndexTable table;
  std::set<std::uint32_t> model;
  for (int step = 0; step < 30'000; ++step) {
    const auto number = static_cast<std::uint32_t>(random.below(200));
    const bool grows = random.below(10) < ((step / 3000) % 2 == 0 ? 8U : 2U);
    if (grows && model.insert(number).second) {
      table.insert(crowded(number), number, crowded);
    } else if (!grows && model.erase(number) == 1) {
      table.erase(crowded(number), number, crowded);
    }
    ASSERT_EQ(table.size(), model.size());
    const auto probe = static_cast<std::uint32_t>(random.below(200));
    const auto found = table.find(crowded(probe), [&](std::uint32_t n) { return n == probe; });
    ASSERT_EQ(found.has_value(), model.contains(probe)) << "at step " << step;
  }
}

TEST(IndexTable, PutsOneNumberInThePlaceOfAnother) {
  IndexTable table;
  table.insert(crowded(1), 1, crowded);
  table.insert(crowded(8), 8, crowded);
  table.replace(crowded(1), 1, 15);
  EXPECT_EQ(table.find(crowded(15), [](std::uint32_t n) { return n == 15; }), 15U);
  EXPECT_FALSE(table.find(crowded(1), [](std::uint32_t n) { return n == 1; }));
}

TEST(KeyedHash, DiffersFromKeyToKeyAndFromWordToWord) {
  SeededRandom random(1);
  const KeyedHash first(random);
  const KeyedHash second(random);
  const Digest bytes{1, 2, 3};
  Digest other = bytes;
  other[31] ^= 1U;
  EXPECT_NE(first(bytes), second(bytes));
  EXPECT_NE(first(bytes), first(other));
  EXPECT_NE(first(bytes), first(bytes, 1));
  EXPECT_EQ(first(bytes), first(bytes));
}

}  // namespace
}  // namespace turnpike
