#include "core/sync/mode.h"

#include <gtest/gtest.h>

namespace turnpike::sync {
namespace {

TEST(SyncModeNames, AreReadBack) {
  for (const SyncMode mode : {SyncMode::kAll, SyncMode::kListed, SyncMode::kOff}) {
    EXPECT_EQ(parse_sync_mode(name_of(mode)), mode);
  }
  EXPECT_FALSE(parse_sync_mode("everything"));
}

}  // namespace
}  // namespace turnpike::sync
