#include "io/channel/stop.h"

#include <gtest/gtest.h>

#include <memory>

namespace turnpike::io {
namespace {

TEST(Stop, IsHeardOnceByWhoeverIsUnderIt) {
  Stop stop;
  int first = 0;
  int second = 0;
  int gone = 0;
  const Stop::Guard one(stop, [&] { ++first; });
  {
    const Stop::Guard ended(stop, [&] { ++gone; });
  }
  const Stop::Guard two(stop, [&] { ++second; });
  stop.request();
  stop.request();
  EXPECT_TRUE(stop.is_requested());
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 1);
  EXPECT_EQ(gone, 0);
}

TEST(Stop, IsHeardAtOnceByWhoeverComesLate) {
  Stop stop;
  stop.request();
  bool heard = false;
  const Stop::Guard late(stop, [&] { heard = true; });
  EXPECT_TRUE(heard);
}

TEST(Stop, AllowsAHookToEndAnother) {
  Stop stop;
  std::unique_ptr<Stop::Guard> second;
  const Stop::Guard first(stop, [&] { second.reset(); });
  bool heard = false;
  second = std::make_unique<Stop::Guard>(stop, [&] { heard = true; });
  stop.request();
  EXPECT_FALSE(heard);
}

}  // namespace
}  // namespace turnpike::io
