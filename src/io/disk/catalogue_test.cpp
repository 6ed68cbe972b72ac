#include "io/disk/catalogue.h"

#include <gmock/gmock.h>

#include "core/merkle/layer_page.h"
#include "io/disk/disk_test_support.h"

namespace turnpike::io {
namespace {

using namespace std::chrono_literals;
using store::Content;
using store::StoreId;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t kMiB = 1U << 20U;
constexpr std::chrono::nanoseconds kLongAgo = 1'600'000'000s;

class CatalogueTest : public testing::Test {
 protected:
  std::unique_ptr<Catalogue> open_catalogue() {
    return std::make_unique<Catalogue>(pool_, folder_.path(), [this](const CatalogueEvent& event) {
      const StoreId id = std::visit([](const auto& what) { return what.id; }, event);
      events_.push_back(std::string(std::array{"added ", "changed ", "removed "}.at(event.index())) +
                        id.to_string().substr(0, 4));
    });
  }

  std::filesystem::path path_of(const StoreId& id) { return folder_.path() / id.file_name(); }
  std::string name_of(const StoreId& id) { return id.to_string().substr(0, 4); }

  /// A store whose last write is long past.
  Bytes put(const StoreId& id, std::uint64_t size, std::uint64_t seed, std::chrono::nanoseconds mtime = kLongAgo) {
    Bytes data = bytes_from_seed(size, seed);
    write_file(path_of(id), data);
    set_mtime(path_of(id), mtime);
    return data;
  }

  ScanReport scan(Catalogue& catalogue) {
    auto report = wait_for(loop_, catalogue.scan());
    EXPECT_TRUE(report);
    return *report;
  }

  template <class T>
  T wait(asio::awaitable<T> work) {
    return wait_for(loop_, std::move(work));
  }

  TemporaryFolder folder_;
  asio::io_context loop_;
  WorkerPool pool_{loop_.get_executor(), 2};
  std::vector<std::string> events_;
  const StoreId a_ = id_from_seed(1);
  const StoreId b_ = id_from_seed(2);
};

TEST_F(CatalogueTest, FindsWhatBearsAStoresNameAndCountsTheRest) {
  const Bytes data = put(a_, 5 * kMiB + 3, 1);
  const std::string digits(64, 'a');
  for (const std::string& name : {std::string(63, 'a') + ".dig", std::string(64, 'A') + ".dig", digits,
                                  digits + ".dig.part", std::string("notes.txt")}) {
    write_file(folder_.path() / name, bytes_of("x"));
  }
  std::filesystem::create_directory(folder_.path() / (std::string(64, 'b') + ".dig"));
  std::filesystem::create_symlink(path_of(a_), folder_.path() / (std::string(64, 'c') + ".dig"));
  ASSERT_EQ(::mkfifo((folder_.path() / (std::string(64, 'd') + ".dig")).c_str(), 0600), 0);
  const auto catalogue = open_catalogue();
  const ScanReport report = scan(*catalogue);
  EXPECT_EQ(report.stores, 1U);
  EXPECT_EQ(report.hashed, 1U);
  EXPECT_EQ(report.ignored, 8U);
  EXPECT_EQ(report.failed + report.refused + report.settling, 0U);
  EXPECT_EQ(catalogue->find(a_), tree_of(data).content);
  EXPECT_EQ(catalogue->list().size(), 1U);
  EXPECT_THAT(events_, ElementsAre("added " + name_of(a_)));
}

TEST_F(CatalogueTest, HashesEverySizeAsTheTreeSays) {
  const auto catalogue = open_catalogue();
  std::uint64_t seed = 100;
  for (const std::uint64_t size : {std::uint64_t{1}, std::uint64_t{16385}, kMiB - 1, kMiB, kMiB + 1, 40 * kMiB + 7}) {
    ++seed;
    const Bytes data = put(id_from_seed(seed), size, seed);
    scan(*catalogue);
    EXPECT_EQ(catalogue->find(id_from_seed(seed)), tree_of(data).content) << size;
  }
}

TEST_F(CatalogueTest, DoesNotReadAnUnchangedStoreAgain) {
  put(a_, 3 * kMiB, 1);
  put(b_, 1000, 2);
  {
    const auto catalogue = open_catalogue();
    EXPECT_EQ(scan(*catalogue).hashed, 2U);
    const ScanReport again = scan(*catalogue);
    EXPECT_EQ(again.hashed, 0U);
    EXPECT_EQ(again.unchanged, 2U);
  }
  const auto restarted = open_catalogue();
  const ScanReport report = scan(*restarted);
  EXPECT_EQ(report.hashed, 0U);
  EXPECT_EQ(report.stores, 2U);
  EXPECT_EQ(events_.size(), 4U);
}

TEST_F(CatalogueTest, HashesAgainWhenSizeTimeOrInodeDiffer) {
  const auto catalogue = open_catalogue();
  put(a_, 2 * kMiB, 1);
  scan(*catalogue);
  put(a_, 2 * kMiB, 1, kLongAgo + 1ns);  // same bytes, one nanosecond later
  EXPECT_EQ(scan(*catalogue).hashed, 1U);
  put(a_, 2 * kMiB + 1, 1, kLongAgo + 1ns);
  EXPECT_EQ(scan(*catalogue).hashed, 1U);
  const std::filesystem::path other = folder_.path() / "other";
  write_file(other, bytes_from_seed(2 * kMiB + 1, 9));
  set_mtime(other, kLongAgo + 1ns);
  std::filesystem::rename(other, path_of(a_));  // only the inode differs
  EXPECT_EQ(scan(*catalogue).hashed, 1U);
  EXPECT_EQ(catalogue->find(a_), tree_of(bytes_from_seed(2 * kMiB + 1, 9)).content);
  EXPECT_THAT(events_, ElementsAre("added " + name_of(a_), "changed " + name_of(a_), "changed " + name_of(a_)));
}

TEST_F(CatalogueTest, RefusesEmptyStoresAndThoseAboveOneTiB) {
  put(a_, 0, 1);
  write_file(path_of(b_), {});
  std::filesystem::resize_file(path_of(b_), store::kMaxStoreSize + 1);
  set_mtime(path_of(b_), kLongAgo);
  const auto catalogue = open_catalogue();
  const ScanReport report = scan(*catalogue);
  EXPECT_EQ(report.refused, 2U);
  EXPECT_EQ(report.stores, 0U);
}

TEST_F(CatalogueTest, LeavesAFileAloneThatWasJustWritten) {
  const auto catalogue = open_catalogue();
  write_file(path_of(a_), bytes_from_seed(100, 1));
  set_mtime(path_of(a_), std::chrono::system_clock::now().time_since_epoch());
  EXPECT_EQ(scan(*catalogue).settling, 1U);
  EXPECT_EQ(catalogue->find(a_), std::nullopt);
  set_mtime(path_of(a_), kLongAgo);
  EXPECT_EQ(scan(*catalogue).stores, 1U);
}

TEST_F(CatalogueTest, TellsWhenAStoreHasGone) {
  const auto catalogue = open_catalogue();
  put(a_, 3 * kMiB, 1);
  const Bytes data = put(b_, 3 * kMiB, 1);  // the same content under another name
  scan(*catalogue);
  events_.clear();
  std::filesystem::remove(path_of(a_));
  EXPECT_EQ(scan(*catalogue).stores, 1U);
  EXPECT_THAT(events_, ElementsAre("removed " + name_of(a_)));
  EXPECT_TRUE(wait(catalogue->layer_page(b_, tree_of(data).content, 0)));  // their layer is still there
  std::filesystem::remove(path_of(b_));
  scan(*catalogue);
  EXPECT_TRUE(std::filesystem::is_empty(state_folder(folder_.path()) / "layers"));
}

TEST_F(CatalogueTest, ServesRangesPagesAndLeavesThatVerify) {
  const auto catalogue = open_catalogue();
  const Bytes data = put(a_, 5 * kMiB + 40000, 1);
  scan(*catalogue);
  const merkle::Tree tree = tree_of(data);

  const auto open = wait(catalogue->open(a_));
  ASSERT_TRUE(open);
  EXPECT_EQ(open->content, tree.content);
  Bytes range(100'000);
  ASSERT_TRUE(wait(catalogue->read(*open, kMiB - 7, range)));
  EXPECT_TRUE(std::equal(range.begin(), range.end(), data.begin() + kMiB - 7));
  EXPECT_EQ(wait(catalogue->read(*open, data.size() - range.size() + 1, range)).error(), DiskError::kBadRequest);

  const auto page = wait(catalogue->layer_page(a_, tree.content, 0));
  ASSERT_TRUE(page);
  EXPECT_EQ(merkle::open_layer_page(tree.content, 0, *page)->hashes, tree.layer);
  EXPECT_EQ(wait(catalogue->layer_page(a_, tree.content, 2048)).error(), DiskError::kBadRequest);

  const auto leaves = wait(catalogue->leaves(a_, tree.content, 5));
  ASSERT_TRUE(leaves);
  EXPECT_TRUE(merkle::open_leaves(tree.content, 5, tree.layer[5], *leaves));
  EXPECT_EQ(wait(catalogue->leaves(a_, tree.content, 6)).error(), DiskError::kBadRequest);
  EXPECT_TRUE(*wait(catalogue->verify(a_)));
}

TEST_F(CatalogueTest, ServesThePageOfAOnePieceStoreWithoutAFile) {
  const auto catalogue = open_catalogue();
  const merkle::Tree tree = tree_of(put(a_, 70'000, 1));
  scan(*catalogue);
  const auto page = wait(catalogue->layer_page(a_, tree.content, 0));
  ASSERT_TRUE(page);
  EXPECT_THAT(merkle::open_layer_page(tree.content, 0, *page)->hashes, ElementsAre(tree.content.root));
  EXPECT_TRUE(wait(catalogue->leaves(a_, tree.content, 0)));
}

TEST_F(CatalogueTest, KnowsNothingOfAStrangerOrAnotherContent) {
  const auto catalogue = open_catalogue();
  Content content = tree_of(put(a_, 2 * kMiB, 1)).content;
  scan(*catalogue);
  EXPECT_EQ(wait(catalogue->open(b_)).error(), DiskError::kNotFound);
  content.size -= 1;
  EXPECT_EQ(wait(catalogue->layer_page(a_, content, 0)).error(), DiskError::kNotFound);
  EXPECT_EQ(wait(catalogue->leaves(a_, content, 0)).error(), DiskError::kNotFound);
}

TEST_F(CatalogueTest, NoticesAFileThatChangesWhileItIsServed) {
  const auto catalogue = open_catalogue();
  put(a_, 2 * kMiB, 1);
  scan(*catalogue);
  const auto open = wait(catalogue->open(a_));
  ASSERT_TRUE(open);
  EXPECT_TRUE(open->is_unchanged());
  put(a_, 2 * kMiB, 2, kLongAgo + 1s);
  EXPECT_FALSE(open->is_unchanged());
  Bytes range(1000);
  EXPECT_EQ(wait(catalogue->read(*open, 0, range)).error(), DiskError::kChanged);
  EXPECT_EQ(wait(catalogue->open(a_)).error(), DiskError::kChanged);
  EXPECT_EQ(catalogue->find(a_), std::nullopt);
  EXPECT_THAT(events_, ElementsAre("added " + name_of(a_), "removed " + name_of(a_)));
  scan(*catalogue);
  EXPECT_EQ(catalogue->find(a_), tree_of(bytes_from_seed(2 * kMiB, 2)).content);
}

TEST_F(CatalogueTest, NeverProvesLeavesOfBytesThatAreNotTheStores) {
  const auto catalogue = open_catalogue();
  Bytes data = put(a_, 2 * kMiB, 1);
  scan(*catalogue);
  data[kMiB + 5] ^= 1U;
  write_file(path_of(a_), data);
  set_mtime(path_of(a_), kLongAgo);  // rotten, and the stamp does not show it
  EXPECT_EQ(wait(catalogue->leaves(a_, tree_of(bytes_from_seed(2 * kMiB, 1)).content, 1)).error(), DiskError::kChanged);
  EXPECT_FALSE(*wait(catalogue->verify(a_)));
}

TEST_F(CatalogueTest, TakesADamagedLayerFileForMissing) {
  const auto catalogue = open_catalogue();
  const merkle::Tree tree = tree_of(put(a_, 3 * kMiB, 1));
  scan(*catalogue);
  const auto folder = state_folder(folder_.path()) / "layers";
  const std::filesystem::path file = std::filesystem::directory_iterator(folder)->path();
  Bytes layer = read_file(file);
  layer[40] ^= 1U;
  write_file(file, layer);
  EXPECT_EQ(wait(catalogue->layer_page(a_, tree.content, 0)).error(), DiskError::kChanged);
  EXPECT_EQ(scan(*catalogue).hashed, 1U);
  EXPECT_TRUE(wait(catalogue->layer_page(a_, tree.content, 0)));

  std::filesystem::remove(file);
  const auto restarted = open_catalogue();
  EXPECT_EQ(scan(*restarted).hashed, 1U);
  EXPECT_TRUE(wait(restarted->layer_page(a_, tree.content, 0)));
}

TEST_F(CatalogueTest, SurvivesADatabaseThatIsNone) {
  put(a_, 3 * kMiB, 1);
  std::filesystem::create_directory(state_folder(folder_.path()));
  write_file(state_folder(folder_.path()) / "catalogue.db", bytes_from_seed(5000, 3));
  EXPECT_EQ(scan(*open_catalogue()).hashed, 1U);
  EXPECT_EQ(scan(*open_catalogue()).hashed, 0U);
}

TEST_F(CatalogueTest, AdoptsACommittedStoreWithoutReadingIt) {
  const auto catalogue = open_catalogue();
  const merkle::Tree tree = tree_of(put(a_, 3 * kMiB, 1));
  ASSERT_TRUE(wait(catalogue->adopt(a_, tree)));
  EXPECT_EQ(catalogue->find(a_), tree.content);
  EXPECT_EQ(scan(*catalogue).hashed, 0U);
  EXPECT_TRUE(wait(catalogue->layer_page(a_, tree.content, 0)));
  EXPECT_EQ(wait(catalogue->adopt(b_, tree)).error(), DiskError::kNotFound);
}

TEST_F(CatalogueTest, KeepsWhatIsAdoptedWhileAScanRuns) {
  const auto catalogue = open_catalogue();
  scan(*catalogue);
  std::optional<Result<ScanReport, DiskError>> report;
  asio::co_spawn(loop_, keep_result(catalogue->scan(), report), asio::detached);
  loop_.restart();
  loop_.run_one();  // the folder is being listed, without the store
  const merkle::Tree tree = tree_of(put(a_, 3 * kMiB, 1));
  ASSERT_TRUE(wait(catalogue->adopt(a_, tree)));
  while (!report) loop_.run_one();
  EXPECT_EQ(catalogue->find(a_), tree.content);
}

TEST_F(CatalogueTest, ScansOneAfterTheOther) {
  put(a_, 20 * kMiB, 1);
  put(b_, 20 * kMiB, 2);
  const auto catalogue = open_catalogue();
  std::optional<Result<ScanReport, DiskError>> first;
  std::optional<Result<ScanReport, DiskError>> second;
  asio::co_spawn(loop_, keep_result(catalogue->scan(), first), asio::detached);
  asio::co_spawn(loop_, keep_result(catalogue->scan(), second), asio::detached);
  loop_.run();
  EXPECT_EQ((*first)->hashed, 2U);
  EXPECT_EQ((*second)->hashed, 0U);
}

TEST_F(CatalogueTest, SaysThatAFolderCannotBeRead) {
  write_file(folder_.path() / "file", bytes_of("x"));
  Catalogue catalogue(pool_, folder_.path() / "file", [](const CatalogueEvent&) {});
  EXPECT_EQ(wait(catalogue.scan()).error(), DiskError::kIo);
}

TEST_F(CatalogueTest, MayBeDestroyedWhileItScans) {
  put(a_, 20 * kMiB, 1);
  auto catalogue = open_catalogue();
  std::optional<Result<ScanReport, DiskError>> report;
  asio::co_spawn(loop_, keep_result(catalogue->scan(), report), asio::detached);
  for (int i = 0; i < 4; ++i) loop_.run_one();
  catalogue.reset();
  loop_.run();
  EXPECT_THAT(events_, IsEmpty());
}

TEST_F(CatalogueTest, LooksAtTheStoresItIsToldOfAndAtNoOthers) {
  const auto catalogue = open_catalogue();
  scan(*catalogue);
  put(a_, 100'000, 1);
  put(b_, 100'000, 2);
  const auto look_until = [&](std::size_t events) {
    asio::co_spawn(loop_, catalogue->look({a_}), asio::detached);
    loop_.restart();
    while (events_.size() < events && loop_.run_one() > 0) {
    }
  };
  look_until(1);
  EXPECT_TRUE(catalogue->find(a_));
  EXPECT_EQ(catalogue->find(b_), std::nullopt);
  std::filesystem::remove(path_of(a_));
  look_until(2);
  EXPECT_THAT(events_, ElementsAre("added " + name_of(a_), "removed " + name_of(a_)));
}

TEST_F(CatalogueTest, LeavesAFileToWhoeverClaimsItAndLooksAtItAfterwards) {
  const auto catalogue = open_catalogue();
  std::vector<StoreId> again;
  catalogue->on_again([&](const LookAgain& look) { again.push_back(look.id); });
  {
    const auto claim = catalogue->claim(a_);
    put(a_, 3 * kMiB, 1);
    EXPECT_EQ(scan(*catalogue).hashed, 0U);
    EXPECT_EQ(catalogue->find(a_), std::nullopt);
  }
  EXPECT_THAT(again, ElementsAre(a_));
  EXPECT_EQ(scan(*catalogue).hashed, 1U);
}

TEST_F(CatalogueTest, HashesAStoreInDoubtAgainAndTellsWhatItIsNow) {
  const auto catalogue = open_catalogue();
  Bytes data = put(a_, 3 * kMiB, 1);
  scan(*catalogue);
  data[kMiB] ^= 1U;
  write_file(path_of(a_), data);
  set_mtime(path_of(a_), kLongAgo);  // rotten, and the stamp does not show it
  EXPECT_EQ(scan(*catalogue).hashed, 0U);
  asio::co_spawn(loop_, catalogue->recheck(a_), asio::detached);
  loop_.restart();
  while (events_.size() < 2 && loop_.run_one() > 0) {
  }
  EXPECT_THAT(events_, ElementsAre("added " + name_of(a_), "changed " + name_of(a_)));
  EXPECT_EQ(catalogue->find(a_), tree_of(data).content);
}

TEST_F(CatalogueTest, PutsADamagedFileAsideAndKnowsItAfterARestart) {
  {
    const auto catalogue = open_catalogue();
    const Content content = tree_of(put(a_, 3 * kMiB, 1)).content;
    scan(*catalogue);
    EXPECT_EQ(wait(catalogue->put_aside(a_, {5, {}})).error(), DiskError::kNotFound);  // other bytes: not ours to move
    EXPECT_EQ(*wait(catalogue->put_aside(a_, content)), a_.file_name() + ".damaged");
    EXPECT_EQ(catalogue->find(a_), std::nullopt);
    EXPECT_EQ(scan(*catalogue).stores, 0U);
  }
  const auto restarted = open_catalogue();
  scan(*restarted);
  EXPECT_EQ(restarted->aside().at(a_), a_.file_name() + ".damaged");
}

TEST_F(CatalogueTest, RemovesAStoreOfWhichItsOwnerHasEnough) {
  const auto catalogue = open_catalogue();
  put(a_, 3 * kMiB, 1);
  scan(*catalogue);
  EXPECT_TRUE(wait(catalogue->remove(a_)));
  EXPECT_FALSE(std::filesystem::exists(path_of(a_)));
  EXPECT_THAT(events_, ElementsAre("added " + name_of(a_), "removed " + name_of(a_)));
  EXPECT_TRUE(wait(catalogue->remove(b_)));
}

TEST_F(CatalogueTest, SaysWhichFilesItCannotTakeIn) {
  put(a_, 0, 1);
  put(b_, 3 * kMiB, 2);
  std::filesystem::create_directory(state_folder(folder_.path()));
  write_file(state_folder(folder_.path()) / "layers", {});  // no layer can be kept
  const auto catalogue = open_catalogue();
  std::vector<LookAgain::Why> again;
  catalogue->on_again([&](const LookAgain& look) { again.push_back(look.why); });
  EXPECT_EQ(scan(*catalogue).failed, 1U);
  EXPECT_EQ(catalogue->troubles().at(a_), DiskError::kRefused);
  EXPECT_TRUE(catalogue->troubles().contains(b_));
  EXPECT_THAT(again, ElementsAre(LookAgain::Why::kFailed));
}

}  // namespace
}  // namespace turnpike::io
