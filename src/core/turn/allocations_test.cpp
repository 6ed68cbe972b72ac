#include "core/turn/allocations.h"

#include <gtest/gtest.h>

#include "core/turn/turn_test_support.h"

namespace turnpike::turn {
namespace {

using namespace turnpike::turn::testing;

Allocation of(const FiveTuple& client, Instant expires) {
  Allocation out;
  out.client = client;
  out.expires = expires;
  return out;
}

TEST(TurnAllocations, AreFoundByFiveTupleOnly) {
  SeededRandom random(1);
  Allocations table(random);
  const auto slot = table.add(of(udp_client(1), kStart + 1min));
  EXPECT_EQ(table.find(udp_client(1)), slot);
  EXPECT_FALSE(table.find(udp_client(1, 40'001)));
  FiveTuple other_local = udp_client(1);
  other_local.local = kExternal;
  EXPECT_FALSE(table.find(other_local));
  FiveTuple other_link = udp_client(1);
  other_link.link = 1;
  EXPECT_FALSE(table.find(other_link));
}

TEST(TurnAllocations, ExpireInOrderAndNotWhenPutOff) {
  SeededRandom random(1);
  Allocations table(random);
  const auto a = table.add(of(udp_client(1), kStart + 10s));
  const auto b = table.add(of(udp_client(2), kStart + 20s));
  table.set_expiry(a, kStart + 30s);
  EXPECT_FALSE(table.expired(kStart + 19s));
  EXPECT_EQ(table.expired(kStart + 20s), b);
  table.remove(b);
  EXPECT_FALSE(table.expired(kStart + 29s));
  table.set_expiry(a, kStart + 29s);
  EXPECT_EQ(table.expired(kStart + 29s), a);
  table.remove(a);
  EXPECT_EQ(table.size(), 0U);
}

TEST(TurnAllocations, TellAUsedSlotFromItsSuccessor) {
  SeededRandom random(1);
  Allocations table(random);
  const auto slot = table.add(of(udp_client(1), kStart + 10s));
  const auto generation = table.generation(slot);
  table.remove(slot);
  EXPECT_EQ(table.add(of(udp_client(2), kStart + 60s)), slot);
  EXPECT_NE(table.generation(slot), generation);
  EXPECT_FALSE(table.expired(kStart + 10s)) << "the first one's hour has passed, not this one's";
}

}  // namespace
}  // namespace turnpike::turn
