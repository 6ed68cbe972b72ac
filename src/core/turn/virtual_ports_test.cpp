#include "core/turn/virtual_ports.h"

#include <gtest/gtest.h>

#include <set>

namespace turnpike::turn {
namespace {

constexpr IpAddress kOne = IpAddress::v4(198, 51, 100, 1);
constexpr IpAddress kTwo = IpAddress::v4(198, 51, 100, 2);
constexpr auto kV4 = IpAddress::Family::kV4;

TEST(TurnVirtualPorts, AreAllGivenOutOnceEachAndThenOnTheNextAddress) {
  SeededRandom random(1);
  VirtualPorts ports({kOne, kTwo});
  std::set<Endpoint> given;
  for (std::size_t i = 0; i < 2 * kVirtualPorts; ++i) {
    const auto relayed = ports.take(random, kV4, static_cast<VirtualPorts::Owner>(i));
    ASSERT_TRUE(relayed) << i;
    ASSERT_GE(relayed->port, kFirstVirtualPort);
    ASSERT_EQ(relayed->address, i < kVirtualPorts ? kOne : kTwo);
    ASSERT_TRUE(given.insert(*relayed).second);
    ASSERT_EQ(ports.owner_of(*relayed), i);
  }
  EXPECT_FALSE(ports.take(random, kV4, 0));
  ports.release(*given.begin());
  ports.release(*given.begin());  // twice is once
  EXPECT_EQ(ports.take(random, kV4, 7), *given.begin());
  EXPECT_FALSE(ports.take(random, kV4, 0));
}

TEST(TurnVirtualPorts, AreEvenWhereAskedFor) {
  SeededRandom random(1);
  VirtualPorts ports({kOne});
  for (std::size_t i = 0; i < kVirtualPorts / 2; ++i) {
    ASSERT_EQ(ports.take(random, kV4, 1, PortParity::kEven)->port % 2, 0);
  }
  EXPECT_FALSE(ports.take(random, kV4, 1, PortParity::kEven));
  EXPECT_TRUE(ports.take(random, kV4, 1));
}

TEST(TurnVirtualPorts, KnowNobodyElsewhere) {
  SeededRandom random(1);
  VirtualPorts ports({kOne});
  EXPECT_FALSE(ports.take(random, IpAddress::Family::kV6, 1));
  EXPECT_FALSE(ports.owner_of({kOne, 50'000}));
  const auto relayed = *ports.take(random, kV4, 1);
  EXPECT_FALSE(ports.owner_of({kTwo, relayed.port}));
  EXPECT_FALSE(ports.owner_of({kOne, 80}));
  EXPECT_FALSE(ports.owner_of(
      {{IpAddress::Family::kV6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 51, 100, 1}}, relayed.port}));
  EXPECT_TRUE(ports.is_external(kOne));
  EXPECT_FALSE(ports.is_external(kTwo));
}

TEST(TurnVirtualPorts, AreTakenOnlyWhereTheServerStandsNowAndKeptWhereItStood) {
  SeededRandom random(1);
  VirtualPorts ports({});
  EXPECT_FALSE(ports.has_any());
  EXPECT_FALSE(ports.take(random, kV4, 1));
  ports.set_external({kOne});
  const auto old = *ports.take(random, kV4, 1);
  ports.set_external({kTwo});
  EXPECT_EQ(ports.owner_of(old), 1U) << "a session outlives the proof of its address";
  EXPECT_EQ(ports.take(random, kV4, 2)->address, kTwo);
  ports.release(old);
  ports.set_external({});
  EXPECT_FALSE(ports.has_family(kV4));
  EXPECT_FALSE(ports.is_external(kOne));
  EXPECT_TRUE(ports.is_external(kTwo));
}

}  // namespace
}  // namespace turnpike::turn
