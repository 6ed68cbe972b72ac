#include "io/portmap/port_mapper.h"

#include <gtest/gtest.h>

#include "io/loop/convert.h"
#include "io/loop/run.h"

namespace turnpike::io {
namespace {

using namespace std::chrono_literals;
using portmap::Verdict;

struct World {
  asio::io_context loop;
  SeededRandom random{1};
  Surroundings here;
  std::size_t looks = 0;
  std::vector<portmap::Change> changes;

  PortMapperConfig config() {
    PortMapperConfig out;
    out.announcement_port = 0;
    out.mapper.protocols = {portmap::Protocol::kNatPmp};  // whose socket is all that is opened
    out.look = [this] {
      ++looks;
      return here;
    };
    return out;
  }
  PortMapper mapper{loop.get_executor(), config(), random,
                    [this](const portmap::Change& change) { changes.push_back(change); }};
};

TEST(PortMapper, StartsWithoutARouterAndStopsAtOnce) {
  World world;
  world.mapper.start();
  EXPECT_EQ(world.mapper.view()[0].verdict, Verdict::kNoGateway);
  run(world.loop, world.mapper.stop());
  EXPECT_TRUE(world.mapper.mappings().empty());
  EXPECT_TRUE(world.changes.empty());
}

TEST(PortMapper, DoesNotWaitForARouterThatIsSilent) {
  World world;
  world.here.network.v4 = portmap::Uplink{.gateway = IpAddress::v4(127, 0, 0, 77), .own = IpAddress::v4(127, 0, 0, 1)};
  const Instant began = now();
  world.mapper.start();
  EXPECT_EQ(world.mapper.view()[0].verdict, Verdict::kSearching);
  run(world.loop, world.mapper.stop());
  EXPECT_LT(now() - began, portmap::kRemovalPatience);
}

TEST(PortMapper, LooksAgainWhenTheNetworkChanges) {
  World world;
  world.mapper.start();
  world.here.network.v4 = portmap::Uplink{.gateway = IpAddress::v4(127, 0, 0, 77), .own = IpAddress::v4(127, 0, 0, 1)};
  world.mapper.network_changed(false);
  EXPECT_EQ(world.looks, 2U);
  EXPECT_EQ(world.mapper.view()[0].gateway, IpAddress::v4(127, 0, 0, 77));
  run(world.loop, world.mapper.stop());
}

TEST(PortMapper, MayBeDestroyedInTheMiddle) {
  asio::io_context loop;
  {
    World world;
    world.here.network.v4 =
        portmap::Uplink{.gateway = IpAddress::v4(127, 0, 0, 77), .own = IpAddress::v4(127, 0, 0, 1)};
    world.mapper.start();
  }
  loop.run();
}

}  // namespace
}  // namespace turnpike::io
