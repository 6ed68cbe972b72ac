#include "core/turn/forwarding.h"

#include <gtest/gtest.h>

#include <map>

#include "core/turn/turn_test_support.h"

namespace turnpike::turn {
namespace {

using namespace turnpike::turn::testing;

Route to(std::uint8_t host, std::uint32_t slot, Instant until = kStart + 1min) {
  return {.to = udp_client(host), .channel = 0x4001, .from_slot = 0, .to_slot = slot, .valid_until = until};
}

TEST(TurnForwarding, FindsByClientAndChannelUntilTheRouteRunsOut) {
  SeededRandom random(1);
  Forwarding table(random);
  table.publish(udp_client(1), 0x4000, to(2, 5));
  ASSERT_NE(table.find(kStart, udp_client(1), 0x4000), nullptr);
  EXPECT_EQ(table.find(kStart, udp_client(1), 0x4000)->to, udp_client(2));
  EXPECT_EQ(table.find(kStart, udp_client(1), 0x4001), nullptr);
  EXPECT_EQ(table.find(kStart, udp_client(1, 40'001), 0x4000), nullptr);
  EXPECT_EQ(table.find(kStart, tcp_client(1, 0), 0x4000), nullptr);
  EXPECT_EQ(table.find(kStart + 1min, udp_client(1), 0x4000), nullptr);
}

TEST(TurnForwarding, WithdrawsAllThatLeadToAnAllocationAndNoOther) {
  SeededRandom random(1);
  Forwarding table(random);
  table.publish(udp_client(1), 0x4000, to(9, 5));
  table.publish(udp_client(2), 0x4000, to(9, 5));
  table.publish(udp_client(3), 0x4000, to(8, 6));
  table.publish(udp_client(1), 0x4000, to(8, 6));  // again, elsewhere
  table.withdraw_to(5);
  EXPECT_NE(table.find(kStart, udp_client(1), 0x4000), nullptr);
  EXPECT_EQ(table.find(kStart, udp_client(2), 0x4000), nullptr);
  table.withdraw_to(6);
  table.withdraw_to(7);
  EXPECT_EQ(table.size(), 0U);
}

TEST(TurnForwarding, AgreesWithAPlainMapOverAnyCourse) {
  SeededRandom random(7);
  Forwarding table(random);
  std::map<std::pair<std::uint8_t, ChannelNumber>, std::uint32_t> model;
  for (int step = 0; step < 20'000; ++step) {
    const auto host = static_cast<std::uint8_t>(random.below(20));
    const auto channel = static_cast<ChannelNumber>(0x4000 + random.below(3));
    const auto slot = static_cast<std::uint32_t>(random.below(10));
    switch (random.below(4)) {
      case 0:
        table.withdraw(udp_client(host), channel);
        model.erase({host, channel});
        break;
      case 1:
        table.withdraw_to(slot);
        std::erase_if(model, [slot](const auto& each) { return each.second == slot; });
        break;
      default:
        table.publish(udp_client(host), channel, to(1, slot));
        model[{host, channel}] = slot;
    }
    ASSERT_EQ(table.size(), model.size());
    const Route* const found = table.find(kStart, udp_client(host), channel);
    const auto expected = model.find({host, channel});
    ASSERT_EQ(found != nullptr, expected != model.end());
    if (found != nullptr) {
      ASSERT_EQ(found->to_slot, expected->second);
    }
  }
}

}  // namespace
}  // namespace turnpike::turn
