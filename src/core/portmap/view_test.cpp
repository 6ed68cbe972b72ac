#include "core/portmap/view.h"

#include <gtest/gtest.h>

#include <set>

namespace turnpike::portmap {
namespace {

TEST(PortmapView, GivesEachVerdictItsOwnNameAndWords) {
  std::set<std::string_view> names, words;
  for (int i = 0; i <= static_cast<int>(Verdict::kUnstable); ++i) {
    names.insert(name_of(static_cast<Verdict>(i)));
    words.insert(words_of(static_cast<Verdict>(i)));
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(Verdict::kUnstable) + 1);
  EXPECT_EQ(words.size(), names.size());
}

TEST(PortmapView, TellsTheCarriersRangeFromItsNeighbours) {
  const IpAddress own = IpAddress::v4(192, 168, 1, 2);
  EXPECT_EQ(flaw_of(IpAddress::v4(100, 63, 255, 255), own), std::nullopt);
  EXPECT_EQ(flaw_of(IpAddress::v4(100, 64, 0, 0), own), Verdict::kCarrierAddress);
  EXPECT_EQ(flaw_of(IpAddress::v4(100, 127, 255, 255), own), Verdict::kCarrierAddress);
  EXPECT_EQ(flaw_of(IpAddress::v4(100, 128, 0, 0), own), std::nullopt);
}

}  // namespace
}  // namespace turnpike::portmap
