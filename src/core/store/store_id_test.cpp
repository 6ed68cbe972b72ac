#include "core/store/store_id.h"

#include <gtest/gtest.h>

namespace turnpike::store {
namespace {

TEST(StoreId, ComesFromAFileNameOf64LowerCaseDigits) {
  const std::string digits(64, 'a');
  const auto id = StoreId::from_file_name(digits + ".dig");
  ASSERT_TRUE(id);
  EXPECT_EQ(id->to_string(), digits);
  EXPECT_EQ(id->file_name(), digits + ".dig");
}

TEST(StoreId, RefusesPathsUpperCaseAndOtherLengths) {
  const std::string digits(64, 'a');
  for (const std::string& name :
       {std::string(63, 'a'), std::string(65, 'a'), std::string(64, 'A'), "../" + std::string(61, 'a'),
        std::string(60, 'a') + "/../", digits + "\n", " " + digits, std::string(64, 'g'), std::string()}) {
    EXPECT_FALSE(StoreId::parse(name)) << name;
    EXPECT_FALSE(StoreId::from_file_name(name + ".dig")) << name;
  }
  for (const std::string& name :
       {digits, digits + ".DIG", digits + ".dig.part", "." + digits + ".dig", digits + "dig"}) {
    EXPECT_FALSE(StoreId::from_file_name(name)) << name;
  }
}

TEST(Content, CountsItsPiecesAndTheirLengths) {
  EXPECT_EQ((Content{1, {}}).piece_count(), 1U);
  EXPECT_EQ((Content{kPieceSize, {}}).piece_count(), 1U);
  const Content content{kPieceSize + 3, {}};
  EXPECT_EQ(content.piece_count(), 2U);
  EXPECT_EQ(content.piece_length(0), kPieceSize);
  EXPECT_EQ(content.piece_length(1), 3U);
  EXPECT_EQ((Content{kMaxStoreSize, {}}).piece_count(), 1U << 20U);
}

}  // namespace
}  // namespace turnpike::store
