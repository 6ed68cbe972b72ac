#include "core/path/rung.h"

#include <gtest/gtest.h>

namespace turnpike::path {
namespace {

TEST(PathRung, ReadsBackEveryNameItGives) {
  for (const Rung rung : kAllRungs) EXPECT_EQ(parse_rung(name_of(rung)), rung);
  EXPECT_FALSE(parse_rung("relay"));
  EXPECT_FALSE(parse_rung(""));
}

TEST(PathRung, PutsTheCheapestFirst) {
  EXPECT_LT(index_of(Rung::kLan), index_of(Rung::kDirect));
  EXPECT_LT(index_of(Rung::kDirect), index_of(Rung::kHttp));
  EXPECT_LT(index_of(Rung::kHttp), index_of(Rung::kPeerRelay));
  EXPECT_LT(index_of(Rung::kPeerRelay), index_of(Rung::kBootstrapRelay));
}

}  // namespace
}  // namespace turnpike::path
