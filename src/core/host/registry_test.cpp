#include "core/host/registry.h"

#include <gmock/gmock.h>

namespace turnpike::host {
namespace {

using testing::ElementsAre;

TEST(HostRegistry, NamesItsProtocolsByWhatTheyAre) {
  Registry registry;
  registry.add("/bulk/1", {.wide = true});
  registry.add("/ping/1", {.streams = 2, .urgent = true});
  registry.add("/secret/1", {.advertised = false});
  EXPECT_THAT(registry.all(), ElementsAre("/bulk/1", "/ping/1", "/secret/1"));
  EXPECT_THAT(registry.advertised(), ElementsAre("/bulk/1", "/ping/1"));
  EXPECT_THAT(registry.urgent(), ElementsAre("/ping/1"));
  EXPECT_THAT(registry.wide(), ElementsAre("/bulk/1"));
  EXPECT_EQ(registry.find("/ping/1")->streams, 2U);
}

TEST(HostRegistry, NamesAProtocolOnlyWhileItIsToBeAdvertised) {
  Registry registry;
  registry.add("/dht/1", {.advertised = false});
  EXPECT_FALSE(registry.set_advertised("/dht/1", false)) << "no news";
  EXPECT_TRUE(registry.set_advertised("/dht/1", true));
  EXPECT_THAT(registry.advertised(), ElementsAre("/dht/1"));
  EXPECT_TRUE(registry.set_advertised("/dht/1", false));
  EXPECT_THAT(registry.advertised(), ElementsAre());
  EXPECT_FALSE(registry.set_advertised("/never/1", true));
}

TEST(HostRegistry, ForgetsWhatWasRemovedAndReplacesWhatIsAddedAgain) {
  Registry registry;
  registry.add("/a/1", {});
  registry.add("/a/1", {.streams = 1});
  EXPECT_EQ(registry.find("/a/1")->streams, 1U);
  registry.remove("/a/1");
  registry.remove("/never/1");
  EXPECT_EQ(registry.find("/a/1"), nullptr);
}

}  // namespace
}  // namespace turnpike::host
