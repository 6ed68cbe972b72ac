#include "copy_file.h"

#include <gtest/gtest.h>

#include "core/merkle/tree.h"
#include "exit_code.h"
#include "test_folder.h"

namespace turnpike::cli {
namespace {

TEST(CopyFile, CopiesEveryByteAndLeavesNoTemporary) {
  const TestFolder folder;
  const std::string text(3'000'001, 'x');
  EXPECT_FALSE(copy_file(folder.write("a", text), folder / "b", folder / "t", Existing::kKeep));
  EXPECT_EQ(TestFolder::read(folder / "b"), text);
  EXPECT_EQ(folder.count(), 2U);
}

TEST(CopyFile, KeepsWhatIsThereUnlessToldOtherwise) {
  const TestFolder folder;
  folder.write("a", "new");
  folder.write("b", "old");
  const auto error = copy_file(folder / "a", folder / "b", folder / "t", Existing::kKeep);
  ASSERT_TRUE(error);
  EXPECT_TRUE(error->exists);
  EXPECT_EQ(TestFolder::read(folder / "b"), "old");
  EXPECT_FALSE(copy_file(folder / "a", folder / "b", folder / "t", Existing::kReplace));
  EXPECT_EQ(TestFolder::read(folder / "b"), "new");
  EXPECT_EQ(folder.count(), 2U);
}

TEST(CopyFile, NamesASourceThatIsNotThereOrIsNoFile) {
  const TestFolder folder;
  EXPECT_EQ(copy_file(folder / "none", folder / "b", folder / "t", Existing::kKeep)->code, kNotFound);
  EXPECT_EQ(copy_file(folder / ".", folder / "b", folder / "t", Existing::kKeep)->code, kFailed);
  EXPECT_EQ(folder.count(), 0U);
}

TEST(CopyFile, NamesATargetFolderThatIsNotThere) {
  const TestFolder folder;
  const auto error = copy_file(folder.write("a", "x"), folder / "no/b", folder / "t", Existing::kKeep);
  ASSERT_TRUE(error);
  EXPECT_NE(error->text.find("no/b"), std::string::npos);
  EXPECT_EQ(folder.count(), 1U);
  const auto beside = copy_file(folder / "a", folder / "no/b", folder / "no/.temporary", Existing::kKeep);
  ASSERT_TRUE(beside);
  EXPECT_EQ(beside->text, (folder / "no").string() + ": No such file or directory");
}

TEST(CopyFile, CopiesFromAFileSystemThatSharesNothing) {  // /proc gives no copy_file_range and says size 0
  const TestFolder folder;
  const auto error = copy_file("/proc/self/cmdline", folder / "b", folder / "t", Existing::kKeep);
  ASSERT_TRUE(error);
  EXPECT_NE(error->text.find("written to while"), std::string::npos) << error->text;
}

/// The content of a store of one leaf.
store::Content content_of(const std::string& text) {
  crypto::LeafHasher hasher;
  merkle::TreeBuilder builder(text.size());
  builder.add_leaves(merkle::hash_leaves(hasher, bytes_of(text)));
  return builder.finish().content;
}

TEST(CopyFile, HashesWhatItCopiesWhereItKnowsWhatThatMustBe) {
  const TestFolder folder;
  const std::string text = std::string(3'000'001, 'x') + "y";
  const CopyExtras extras{.expected = content_of(text), .before_it_takes_its_name = {}};
  EXPECT_FALSE(copy_file(folder.write("a", text), folder / "b", folder / "t", Existing::kKeep, extras));
  EXPECT_EQ(TestFolder::read(folder / "b"), text);
  for (const std::string& bad : {std::string(3'000'001, 'x') + "z", text.substr(1), text + "y"}) {
    const auto error = copy_file(folder.write("a", bad), folder / "c", folder / "t", Existing::kKeep, extras);
    ASSERT_TRUE(error);
    EXPECT_FALSE(std::filesystem::exists(folder / "c"));
  }
  EXPECT_EQ(copy_file(folder.write("a", text.substr(1)), folder / "c", folder / "t", Existing::kKeep, extras)->code,
            kDataInvalid);
}

TEST(CopyFile, AsksBeforeTheCopyTakesItsName) {
  const TestFolder folder;
  CopyExtras extras;
  extras.before_it_takes_its_name = [&]() -> std::optional<CopyError> {
    EXPECT_EQ(TestFolder::read(folder / "t"), "x");
    EXPECT_FALSE(std::filesystem::exists(folder / "b"));
    return CopyError{kFailed, "no"};
  };
  EXPECT_EQ(copy_file(folder.write("a", "x"), folder / "b", folder / "t", Existing::kKeep, extras)->text, "no");
  EXPECT_EQ(folder.count(), 1U);
}

TEST(EqualFiles, ComparesTheLastByteToo) {
  const TestFolder folder;
  const std::string text(2'000'000, 'x');
  folder.write("a", text);
  folder.write("b", text);
  folder.write("c", text.substr(1) + "y");
  folder.write("d", text.substr(1));
  EXPECT_TRUE(equal_files(folder / "a", folder / "b"));
  EXPECT_FALSE(equal_files(folder / "a", folder / "c"));
  EXPECT_FALSE(equal_files(folder / "a", folder / "d"));
  EXPECT_FALSE(equal_files(folder / "a", folder / "none"));
}

}  // namespace
}  // namespace turnpike::cli
