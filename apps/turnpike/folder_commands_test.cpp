#include "folder_commands.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "base/hex.h"
#include "exit_code.h"
#include "io/disk/catalogue_db.h"
#include "io/disk/hash_file.h"
#include "io/state/state_db.h"
#include "node/memory.h"
#include "test_folder.h"

namespace turnpike::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const std::string kId(64, 'a');
const std::string kOther(64, 'b');
// SHA-256 of "hello", which is the root of a store of one leaf.
const std::string kHelloRoot = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

class FolderCommands : public testing::Test {
 protected:
  [[nodiscard]] Invocation invocation(bool json = true) const {
    return {.order = IdOrder{}, .data = folder_ / "data", .json = json};
  }
  [[nodiscard]] json printed() { return json::parse(out_.str()); }

  int add(const fs::path& file, const std::string& id = "", bool replace = false) {
    return run_add(console_, invocation(), {.files = {file}, .id = store::StoreId::parse(id), .replace = replace});
  }
  int verify(VerifyOrder order = {}) { return run_verify(console_, invocation(), order); }
  void remember(const std::string& id, std::uint64_t size, const Digest& root) const {
    io::CatalogueDb(folder_ / "data/.turnpike/catalogue.db")
        .put(*store::StoreId::parse(id), {.stamp = {.size = size}, .content = {size, root}});
  }

  TestFolder folder_;
  std::ostringstream out_;
  std::ostringstream err_;
  Console console_{.out = out_, .err = err_};
};

TEST_F(FolderCommands, AddTakesTheIdFromTheFilesName) {
  EXPECT_EQ(add(folder_.write(kId + ".dig", "hello")), kDone);
  EXPECT_EQ(TestFolder::read(folder_ / "data" / (kId + ".dig")), "hello");
  const json row = printed()[0];
  EXPECT_EQ(row["store"], kId);
  EXPECT_EQ(row["size"], 5);
  EXPECT_EQ(row["node"], "not running");
}

TEST_F(FolderCommands, AddTakesTheIdGivenForAnyOtherName) {
  EXPECT_EQ(add(folder_.write("notes.txt", "hello")), kUsage);
  EXPECT_NE(err_.str().find("--id"), std::string::npos);
  EXPECT_EQ(add(folder_ / "notes.txt", kId), kDone);
  EXPECT_TRUE(fs::exists(folder_ / "data" / (kId + ".dig")));
}

TEST_F(FolderCommands, AddRefusesAnIdThatContradictsTheFilesName) {
  const fs::path file = folder_.write(kId + ".dig", "hello");
  EXPECT_EQ(add(file, kOther), kUsage);
  EXPECT_NE(err_.str().find("--id"), std::string::npos);
  EXPECT_FALSE(fs::exists(folder_ / "data" / (kOther + ".dig")));
  EXPECT_EQ(add(file, kId), kDone);
}

TEST_F(FolderCommands, AddOfTheSameBytesAgainIsNoError) {
  EXPECT_EQ(add(folder_.write("x", "hello"), kId), kDone);
  EXPECT_EQ(add(folder_ / "x", kId), kDone);
  EXPECT_EQ(add(folder_ / "data" / (kId + ".dig")), kDone);
}

TEST_F(FolderCommands, AddKeepsAStoreOfOtherBytesUnlessToldToReplaceIt) {
  EXPECT_EQ(add(folder_.write("x", "hello"), kId), kDone);
  EXPECT_EQ(add(folder_.write("y", "other"), kId), kFailed);
  EXPECT_NE(err_.str().find("--replace"), std::string::npos);
  EXPECT_EQ(TestFolder::read(folder_ / "data" / (kId + ".dig")), "hello");
  EXPECT_EQ(add(folder_ / "y", kId, true), kDone);
  EXPECT_EQ(TestFolder::read(folder_ / "data" / (kId + ".dig")), "other");
}

TEST_F(FolderCommands, AddRefusesAnEmptyFileAndOneThatIsNotThere) {
  EXPECT_EQ(add(folder_.write("x", ""), kId), kDataInvalid);
  EXPECT_EQ(add(folder_ / "none", kId), kNotFound);
  EXPECT_EQ(add(folder_ / "none"), kNotFound) << "what is not there is missing first of all, whatever it is called";
  EXPECT_FALSE(fs::exists(folder_ / "data" / (kId + ".dig")));
}

TEST_F(FolderCommands, AddOfSeveralPutsNoneWhenOneOfThemCannotBe) {
  const AddOrder order{.files = {folder_.write(kId, "hello"), folder_ / kOther}, .id = {}, .replace = false};
  EXPECT_EQ(run_add(console_, invocation(), order), kNotFound);
  EXPECT_FALSE(fs::exists(folder_ / "data" / (kId + ".dig")));
}

TEST_F(FolderCommands, HashPrintsWhatPinTakes) {
  EXPECT_EQ(run_hash(console_, invocation(false), {.file = folder_.write("x", "hello"), .layers = false}), kDone);
  EXPECT_EQ(out_.str(), "5:" + kHelloRoot + "  " + (folder_ / "x").string() + "\n");
}

TEST_F(FolderCommands, HashGivesAHashForEachPieceWhenAsked) {
  EXPECT_EQ(
      run_hash(console_, invocation(), {.file = folder_.write("x", std::string((1U << 20U) + 1, 'x')), .layers = true}),
      kDone);
  EXPECT_EQ(printed()["pieces"].size(), 2U);
}

TEST_F(FolderCommands, HashRefusesAnEmptyFile) {
  EXPECT_EQ(run_hash(console_, invocation(), {.file = folder_.write("x", ""), .layers = false}), kDataInvalid);
  EXPECT_EQ(run_hash(console_, invocation(), {.file = folder_ / "none", .layers = false}), kNotFound);
}

TEST_F(FolderCommands, VerifyComparesWithWhatTheNodeHashedBefore) {
  EXPECT_EQ(add(folder_.write("x", "hello"), kId), kDone);
  EXPECT_EQ(add(folder_ / "x", kOther), kDone);
  out_.str("");
  remember(kId, 5, *digest_from_hex(kHelloRoot));
  EXPECT_EQ(verify(), kDone);
  EXPECT_EQ(printed()[0]["ok"], true);
  EXPECT_TRUE(printed()[1]["ok"].is_null());
}

TEST_F(FolderCommands, VerifyNamesADamagedStore) {
  EXPECT_EQ(add(folder_.write("x", "hellO"), kId), kDone);
  out_.str("");
  remember(kId, 5, *digest_from_hex(kHelloRoot));
  EXPECT_EQ(verify(), kDataInvalid);
  EXPECT_EQ(printed()[0]["ok"], false);
  EXPECT_NE(err_.str().find("1 of 1"), std::string::npos);
}

TEST_F(FolderCommands, VerifyComparesWithWhatTheUserExpects) {
  EXPECT_EQ(add(folder_.write("x", "hello"), kId), kDone);
  const store::StoreId id = *store::StoreId::parse(kId);
  EXPECT_EQ(verify({.stores = {id}, .expected = store::Content{5, *digest_from_hex(kHelloRoot)}}), kDone);
  EXPECT_EQ(verify({.stores = {id}, .expected = store::Content{6, *digest_from_hex(kHelloRoot)}}), kDataInvalid);
}

TEST_F(FolderCommands, VerifySaysWhichStoreIsNotThere) {
  EXPECT_EQ(verify({.stores = {*store::StoreId::parse(kId)}, .expected = {}}), kNotFound);
}

TEST_F(FolderCommands, IdStaysTheSame) {
  EXPECT_EQ(run_id(console_, invocation(false)), kDone);
  const std::string first = out_.str();
  EXPECT_TRUE(first.starts_with("12D3KooW"));
  out_.str("");
  EXPECT_EQ(run_id(console_, invocation(false)), kDone);
  EXPECT_EQ(out_.str(), first);
}

/// What a node that is started now would remember.
class FolderMemory : public FolderCommands {
 protected:
  [[nodiscard]] bool is_private(const std::string& id) const {
    const auto state = io::StateDb::open(folder_ / "data/.turnpike/state.db");
    return node::Memory(**state).is_private(*store::StoreId::parse(id));
  }
  [[nodiscard]] bool is_given(const std::string& id) const {
    const auto state = io::StateDb::open(folder_ / "data/.turnpike/state.db");
    const auto stamp = io::stamp_of_path(folder_ / "data" / (id + ".dig"));
    return stamp && node::Memory(**state).is_given(*store::StoreId::parse(id), *stamp);
  }
};

TEST_F(FolderMemory, AddPrivateIsDurableBeforeTheStoreIsThere) {
  const fs::path file = folder_.write(kId + ".dig", "hello");
  EXPECT_EQ(run_add(console_, invocation(), {.files = {file}, .id = {}, .make_private = true}), kDone);
  EXPECT_TRUE(is_private(kId));
  EXPECT_EQ(add(folder_.write(kOther + ".dig", "hello")), kDone);
  EXPECT_FALSE(is_private(kOther));
}

TEST_F(FolderMemory, ShareOnAndOffIsRememberedWithoutANode) {
  const auto store = *store::StoreId::parse(kId);
  EXPECT_EQ(run_share(console_, invocation(), {.store = store, .on = false}), kDone);
  EXPECT_EQ(printed(), (json{{"store", kId}, {"shared", false}}));
  EXPECT_TRUE(is_private(kId));
  out_.str("");
  EXPECT_EQ(run_share(console_, invocation(), {.store = store, .on = true}), kDone);
  EXPECT_FALSE(is_private(kId));
}

TEST_F(FolderMemory, AddSaysThatItIsTheOwnerWhoPutsTheFileThere) {
  EXPECT_EQ(add(folder_.write("x", "hello"), kId), kDone);
  EXPECT_TRUE(is_given(kId));
  EXPECT_EQ(add(folder_.write("y", "other"), kId, true), kDone);
  EXPECT_TRUE(is_given(kId));
  folder_.write("data/" + kId + ".dig", "damage");
  EXPECT_FALSE(is_given(kId));
}

TEST_F(FolderCommands, AddLeavesTheReserveFree) {
  const fs::path file = folder_.write(kId + ".dig", "hello");
  const std::uint64_t everything = std::uint64_t{1} << 62U;
  EXPECT_EQ(run_add(console_, invocation(), {.files = {file}, .id = {}, .reserve = everything}), kFailed);
  EXPECT_NE(err_.str().find("reserve"), std::string::npos) << err_.str();
  EXPECT_FALSE(fs::exists(folder_ / "data" / (kId + ".dig")));
}

TEST_F(FolderCommands, AddRemovesWhatAKilledOneLeft) {
  EXPECT_EQ(add(folder_.write(kId + ".dig", "hello")), kDone);
  folder_.write("data/.turnpike/add-123456", std::string(1000, 'x'));
  EXPECT_EQ(add(folder_.write(kOther + ".dig", "hello")), kDone);
  for (const auto& entry : fs::directory_iterator(folder_ / "data/.turnpike"))
    EXPECT_FALSE(entry.path().filename().string().starts_with("add-")) << entry.path();
}

}  // namespace
}  // namespace turnpike::cli
