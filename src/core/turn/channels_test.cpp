#include "core/turn/channels.h"

#include <gtest/gtest.h>

#include "core/turn/permissions.h"

namespace turnpike::turn {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{1h};
constexpr Endpoint kOne{IpAddress::v4(198, 51, 100, 1), 50'001};
constexpr Endpoint kTwo{IpAddress::v4(198, 51, 100, 1), 50'002};

TEST(TurnChannels, HoldForTenMinutesAndMayThenMeanSomebodyElse) {
  Channels channels;
  ASSERT_EQ(channels.bind(kStart, 0x4000, kOne), Channels::Bound::kOk);
  EXPECT_EQ(channels.by_number(kStart + kChannelLifetime - 1s, 0x4000)->peer, kOne);
  EXPECT_EQ(channels.by_number(kStart + kChannelLifetime, 0x4000), nullptr);
  EXPECT_EQ(channels.by_peer(kStart + kChannelLifetime, kOne), nullptr);
  EXPECT_EQ(channels.bind(kStart + kChannelLifetime - 1s, 0x4000, kTwo), Channels::Bound::kConflict);
  EXPECT_EQ(channels.bind(kStart + kChannelLifetime, 0x4000, kTwo), Channels::Bound::kOk);
}

TEST(TurnPermissions, HoldForFiveMinutesForAnAddressWhateverThePort) {
  Permissions permissions;
  permissions.install(kStart, kOne.address);
  permissions.install(kStart, kOne.address);
  EXPECT_EQ(permissions.size(), 1U);
  EXPECT_TRUE(permissions.allows(kStart + kPermissionLifetime - 1s, kTwo.address));
  EXPECT_FALSE(permissions.allows(kStart + kPermissionLifetime, kOne.address));
  EXPECT_FALSE(permissions.allows(kStart, IpAddress::v4(192, 0, 2, 1)));
}

}  // namespace
}  // namespace turnpike::turn
