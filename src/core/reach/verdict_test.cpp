#include "core/reach/verdict.h"

#include <gtest/gtest.h>

namespace turnpike::reach {
namespace {

const IpAddress kSeen = IpAddress::v4(60, 0, 1, 7);

Verdict of(Origin origin, const char* address, std::vector<IpAddress> seen = {kSeen}) {
  return judge(origin, *IpAddress::parse(address), seen);
}

TEST(ReachVerdict, TellsCarriersDoubleNatsAndWhatIsWorthAProbeApart) {
  EXPECT_EQ(of(Origin::kMapped, "100.64.3.9"), Verdict::kCgnat);
  EXPECT_EQ(of(Origin::kMapped, "100.127.255.255"), Verdict::kCgnat);
  EXPECT_EQ(of(Origin::kMapped, "192.168.0.2"), Verdict::kDoubleNat);
  EXPECT_EQ(of(Origin::kMapped, "10.1.2.3"), Verdict::kDoubleNat);
  EXPECT_EQ(of(Origin::kMapped, "100.128.0.1"), Verdict::kDoubleNat) << "public, but not what the world sees";
  EXPECT_EQ(of(Origin::kMapped, "60.0.1.7"), Verdict::kProving);
  EXPECT_EQ(of(Origin::kOwn, "60.0.1.7"), Verdict::kProving);
  EXPECT_EQ(of(Origin::kOwn, "192.168.0.2"), Verdict::kLocal);
  EXPECT_EQ(of(Origin::kOwn, "100.64.3.9"), Verdict::kLocal);
  EXPECT_EQ(of(Origin::kAdvertised, "60.0.9.9"), Verdict::kNotOurs);
}

TEST(ReachVerdict, SaysNothingOfAFamilyOverWhichNobodySeesUs) {
  EXPECT_EQ(of(Origin::kOwn, "2001:db8::1"), Verdict::kUnknown);
  EXPECT_EQ(of(Origin::kOwn, "60.0.1.7", {}), Verdict::kUnknown);
  EXPECT_EQ(of(Origin::kOwn, "2001:db8::1", {*IpAddress::parse("2001:db8::2")}), Verdict::kUnknown)
      << "a host has several addresses of IPv6";
}

TEST(ReachVerdict, BlamesTheRouterThatSaidItForwards) {
  EXPECT_EQ(when_nothing_arrives(Origin::kMapped), Verdict::kLyingRouter);
  EXPECT_EQ(when_nothing_arrives(Origin::kOwn), Verdict::kFirewall);
  EXPECT_EQ(when_nothing_arrives(Origin::kAdvertised), Verdict::kFirewall);
}

TEST(ReachVerdict, HasAWordAndALineForEach) {
  for (auto each = Verdict::kUnknown; each <= Verdict::kNotOurs;
       each = static_cast<Verdict>(static_cast<int>(each) + 1)) {
    EXPECT_FALSE(name_of(each).empty());
    EXPECT_FALSE(words_of(each).empty());
  }
}

}  // namespace
}  // namespace turnpike::reach
