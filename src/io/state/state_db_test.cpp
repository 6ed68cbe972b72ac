#include "io/state/state_db.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

namespace turnpike::io {
namespace {

class StateDbTest : public testing::Test {
 protected:
  StateDbTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "state-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~StateDbTest() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::filesystem::path file() const { return folder_ / "state.db"; }

 private:
  std::filesystem::path folder_;
};

TEST_F(StateDbTest, RemembersAcrossReopening) {
  {
    auto db = StateDb::open(file());
    ASSERT_TRUE(db);
    ASSERT_TRUE((*db)->put("wants", "a", "1"));
    ASSERT_TRUE((*db)->put("wants", "b", std::string("\0x", 2)));
    ASSERT_TRUE((*db)->put("pins", "a", "2"));
    ASSERT_TRUE((*db)->put("wants", "a", "3"));
  }
  const auto db = StateDb::open(file());
  ASSERT_TRUE(db);
  EXPECT_EQ((*db)->get("wants", "a"), "3");
  EXPECT_EQ((*db)->all("wants").size(), 2U);
  EXPECT_EQ((*db)->all("wants").at("b"), std::string("\0x", 2));
  EXPECT_EQ((*db)->get("pins", "b"), std::nullopt);
}

TEST_F(StateDbTest, ForgetsWhatIsErased) {
  auto db = StateDb::open(file());
  ASSERT_TRUE(db);
  ASSERT_TRUE((*db)->put("wants", "a", "1"));
  ASSERT_TRUE((*db)->erase("wants", "a"));
  ASSERT_TRUE((*db)->erase("wants", "never there"));
  EXPECT_EQ((*db)->get("wants", "a"), std::nullopt);
}

TEST_F(StateDbTest, RefusesAFileOfALaterVersion) {
  {
    sqlite3* raw = nullptr;
    ASSERT_EQ(sqlite3_open(file().c_str(), &raw), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(raw, "PRAGMA user_version = 2", nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(raw);
  }
  const auto db = StateDb::open(file());
  ASSERT_FALSE(db);
  EXPECT_NE(db.error().text.find("later version"), std::string::npos);
}

TEST_F(StateDbTest, SaysWhichFileCannotBeUsedAndWhatToLookAt) {
  const auto db = StateDb::open(file() / "no" / "such");
  ASSERT_FALSE(db);
  EXPECT_TRUE(db.error().text.starts_with((file() / "no" / "such").string())) << db.error().text;
  EXPECT_NE(db.error().text.find("whether the disk is full"), std::string::npos);
}

}  // namespace
}  // namespace turnpike::io
