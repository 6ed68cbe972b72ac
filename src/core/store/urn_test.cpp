#include "core/store/urn.h"

#include <gtest/gtest.h>

#include "base/hex.h"

namespace turnpike::store {
namespace {

const std::string kId = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const std::string kRoot = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";

TEST(Urn, KeepsAll64DigitsOfTheStoreId) {
  const auto urn = parse_urn("urn:dig:chia:" + kId);
  ASSERT_TRUE(urn);
  EXPECT_EQ(urn->id.to_string(), kId);
  EXPECT_FALSE(urn->generation);
  EXPECT_EQ(urn->resource, "");
}

TEST(Urn, HasAGenerationAndAResourceWhereTheyAreGiven) {
  const auto both = parse_urn("urn:dig:chia:" + kId + ":" + kRoot + "/a/b:c.html");
  ASSERT_TRUE(both);
  ASSERT_TRUE(both->generation);
  EXPECT_EQ(to_hex(*both->generation), kRoot);
  EXPECT_EQ(both->resource, "a/b:c.html");
  const auto resource = parse_urn("urn:dig:chia:" + kId + "/index.html");
  ASSERT_TRUE(resource);
  EXPECT_EQ(resource->resource, "index.html");
}

TEST(Urn, IsReadInAnyCaseAndWrittenInLowerCase) {
  std::string upper = "URN:DIG:Chia:" + kId;
  for (char& c : upper) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  const auto urn = parse_urn(upper);
  ASSERT_TRUE(urn);
  EXPECT_EQ(to_string(*urn), "urn:dig:chia:" + kId);
}

TEST(Urn, ComesBackAsItWasWritten) {
  for (const std::string& text : {"urn:dig:chia:" + kId, "urn:dig:chia:" + kId + ":" + kRoot,
                                  "urn:dig:chia:" + kId + "/x", "urn:dig:chia:" + kId + ":" + kRoot + "/x/y"}) {
    const auto urn = parse_urn(text);
    ASSERT_TRUE(urn) << text;
    EXPECT_EQ(to_string(*urn), text);
  }
}

TEST(Urn, SaysWhatIsWrongWithABadOne) {
  EXPECT_EQ(parse_urn("").error(), UrnError::kNotAUrn);
  EXPECT_EQ(parse_urn("urn:dig:chi:" + kId).error(), UrnError::kNotAUrn);
  EXPECT_EQ(parse_urn("urn:dig:chia:" + kId.substr(1)).error(), UrnError::kBadStoreId);
  EXPECT_EQ(parse_urn("urn:dig:chia:" + kId + "0").error(), UrnError::kBadStoreId);
  EXPECT_EQ(parse_urn("urn:dig:chia:../" + kId.substr(3)).error(), UrnError::kBadStoreId);
  EXPECT_EQ(parse_urn("urn:dig:chia:" + kId + ":").error(), UrnError::kBadRoot);
  EXPECT_EQ(parse_urn("urn:dig:chia:" + kId + ":" + kRoot.substr(1)).error(), UrnError::kBadRoot);
  EXPECT_EQ(parse_urn("urn:dig:chia:" + kId + ":" + kRoot + "0").error(), UrnError::kBadRoot);
}

TEST(Urn, IsAtMost2048BytesLong) {
  const std::string start = "urn:dig:chia:" + kId + "/";
  EXPECT_TRUE(parse_urn(start + std::string(kMaxUrnSize - start.size(), 'x')));
  EXPECT_EQ(parse_urn(start + std::string(kMaxUrnSize - start.size() + 1, 'x')).error(), UrnError::kTooLong);
}

TEST(Urn, MayBeABareStoreIdOnACommandLine) {
  EXPECT_EQ(parse_id_or_urn(kId)->id.to_string(), kId);
  EXPECT_EQ(parse_id_or_urn("urn:dig:chia:" + kId)->id.to_string(), kId);
  EXPECT_FALSE(parse_id_or_urn(kId + ".dig"));
}

}  // namespace
}  // namespace turnpike::store
