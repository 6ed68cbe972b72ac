#include "core/portmap/mapping.h"

#include <gtest/gtest.h>

namespace turnpike::portmap {
namespace {

TEST(PortmapPurpose, StandsWhereOldPeersComputeIt) {
  EXPECT_EQ(offset_of(Purpose::kPeerTcp), 0);
  EXPECT_EQ(offset_of(Purpose::kPeerUdp), 0);
  EXPECT_EQ(offset_of(Purpose::kHttp), 1000);
  EXPECT_EQ(offset_of(Purpose::kTurnUdp), 2000);
  EXPECT_EQ(offset_of(Purpose::kTurnTcp), 2000);
  EXPECT_EQ(transport_of(Purpose::kHttp), Transport::kTcp);
  EXPECT_EQ(transport_of(Purpose::kTurnUdp), Transport::kUdp);
}

TEST(PortmapMapping, IsTheSameRoadWithAnotherLease) {
  Mapping a, b;
  b.expires = Instant(std::chrono::seconds(9));
  EXPECT_TRUE(is_same_road(a, b));
  b.external.port = 1;
  EXPECT_FALSE(is_same_road(a, b));
}

}  // namespace
}  // namespace turnpike::portmap
