#include "io/log/log.h"

#include <gtest/gtest.h>

namespace turnpike::io {
namespace {

TEST(Log, KnowsItsLevelsByName) {
  for (const char* name : {"debug", "info", "warning", "error"}) EXPECT_TRUE(set_log_level(name)) << name;
  EXPECT_FALSE(set_log_level("loud"));
}

}  // namespace
}  // namespace turnpike::io
