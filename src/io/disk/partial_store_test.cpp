#include "io/disk/partial_store.h"

#include <gmock/gmock.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>

#include "base/hex.h"
#include "core/store/journal.h"
#include "io/disk/catalogue.h"
#include "io/disk/disk_test_support.h"

namespace turnpike::io {
namespace {

using store::Content;
using store::StoreId;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t kMiB = 1U << 20U;
constexpr std::uint64_t kSize = 4 * kMiB + 40'000;  // five pieces

/// A disk that fails when told to, and does not waste time on being durable.
class FakeOps final : public FileOps {
 public:
  ssize_t pwrite(int fd, const void* data, std::size_t size, off_t offset) override {
    if (writes_left == 0) {
      errno = error;
      return -1;
    }
    if (writes_left > 0) --writes_left;
    const bool half = writes_left == 0 && size > 1;  // the last write that succeeds is a short one
    return FileOps::pwrite(fd, data, half ? size / 2 : size, offset);
  }
  int fdatasync(int) override {
    ++syncs;
    errno = EIO;
    return sync_fails ? -1 : 0;
  }
  int fsync(int) override { return 0; }
  std::optional<std::uint64_t> free_space(const std::filesystem::path&) override { return free; }

  int writes_left = -1;  ///< Below zero: no limit.
  int error = ENOSPC;
  bool sync_fails = false;
  int syncs = 0;
  std::uint64_t free = std::uint64_t{1} << 40U;
};

// Made once: every test reads them.
const Bytes& sample_data() {
  static const Bytes data = bytes_from_seed(kSize, 7);
  return data;
}
const merkle::Tree& sample_tree() {
  static const merkle::Tree tree = tree_of(sample_data());
  return tree;
}

class PartialStoreTest : public testing::Test {
 protected:
  using Opened = Result<std::unique_ptr<PartialStore>, DiskError>;

  Opened try_open(const Content& content) {
    return wait(PartialStore::open(pool_, folder_.path(), id_, content,
                                   {.reserve = kMiB, .checkpoint_delay = std::chrono::hours(1), .ops = &ops_}));
  }
  std::unique_ptr<PartialStore> open() {
    auto opened = try_open(tree_.content);
    EXPECT_TRUE(opened);
    return opened ? std::move(*opened) : nullptr;
  }
  std::unique_ptr<PartialStore> open_with_page() {
    auto partial = open();
    EXPECT_TRUE(wait(partial->put_layer_page(0, page_)));
    return partial;
  }

  Bytes piece(std::uint32_t index) const {
    return copy_of(ByteView(data_).subspan(index * kMiB, tree_.content.piece_length(index)));
  }
  Status<PieceRefused> write(PartialStore& partial, std::uint32_t index) {
    return wait(partial.write_piece(index, piece(index)));
  }
  void write_all(PartialStore& partial) {
    for (std::uint32_t i = 0; i < tree_.content.piece_count(); ++i) EXPECT_TRUE(write(partial, i));
  }
  static std::vector<std::uint32_t> pieces(const PartialStore& partial) {
    std::vector<std::uint32_t> out;
    for (std::uint32_t i = 0; i < partial.verified().size(); ++i) {
      if (partial.verified()[i]) out.push_back(i);
    }
    return out;
  }

  std::filesystem::path file(const std::string& ending) const {
    return state_folder(folder_.path()) / "partial" /
           (id_.to_string() + "-" + to_hex(tree_.content.root).substr(0, 16) + ending);
  }
  std::filesystem::path final_file() const { return folder_.path() / id_.file_name(); }

  template <class T>
  T wait(asio::awaitable<T> work) {
    return wait_for(loop_, std::move(work));
  }

  TemporaryFolder folder_;
  asio::io_context loop_;
  WorkerPool pool_{loop_.get_executor(), 2};
  FakeOps ops_;
  const StoreId id_ = id_from_seed(1);
  const Bytes& data_ = sample_data();
  const merkle::Tree& tree_ = sample_tree();
  const Bytes page_ = merkle::encode_layer_page(merkle::make_layer_page(tree_, 0));
};

TEST_F(PartialStoreTest, BecomesTheStoreWhenAllPiecesAreThere) {
  const auto partial = open_with_page();
  EXPECT_THAT(pieces(*partial), IsEmpty());
  for (const std::uint32_t index : {3U, 0U, 4U, 1U}) EXPECT_TRUE(write(*partial, index));
  EXPECT_FALSE(partial->is_complete());
  EXPECT_EQ(wait(partial->commit(Replace::kNo)).error(), DiskError::kBadRequest);
  EXPECT_FALSE(std::filesystem::exists(final_file()));
  EXPECT_TRUE(write(*partial, 2));
  ASSERT_TRUE(partial->is_complete());
  const auto tree = wait(partial->commit(Replace::kNo));
  ASSERT_TRUE(tree);
  EXPECT_EQ(tree->layer, tree_.layer);
  EXPECT_EQ(read_file(final_file()), data_);
  EXPECT_TRUE(std::filesystem::is_empty(state_folder(folder_.path()) / "partial"));
}

TEST_F(PartialStoreTest, IsAdoptedByTheCatalogueWithoutBeingRead) {
  Catalogue catalogue(pool_, folder_.path(), [](const CatalogueEvent&) {});
  const auto partial = open_with_page();
  write_all(*partial);
  auto tree = wait(partial->commit(Replace::kNo));
  ASSERT_TRUE(tree);
  ASSERT_TRUE(wait(catalogue.adopt(id_, std::move(*tree))));
  EXPECT_EQ(wait(catalogue.scan())->hashed, 0U);
  EXPECT_EQ(catalogue.find(id_), tree_.content);
  EXPECT_EQ(*wait(catalogue.layer_page(id_, tree_.content, 0)), page_);
}

TEST_F(PartialStoreTest, OfOnePieceNeedsNoPage) {
  const Bytes data = bytes_from_seed(20'000, 3);
  const merkle::Tree tree = tree_of(data);
  const auto partial = std::move(*try_open(tree.content));
  EXPECT_TRUE(partial->has_page(0));
  EXPECT_EQ(partial->piece_hash(0), tree.content.root);
  EXPECT_TRUE(wait(partial->write_piece(0, data)));
  EXPECT_TRUE(wait(partial->commit(Replace::kNo)));
  EXPECT_EQ(read_file(final_file()), data);
}

TEST_F(PartialStoreTest, WritesNothingThatDoesNotVerifyAndHandsItBack) {
  const auto partial = open();
  EXPECT_EQ(std::get<PieceFault>(write(*partial, 0).error().error), PieceFault::kNoHash);
  ASSERT_TRUE(wait(partial->put_layer_page(0, page_)));
  Bytes wrong = piece(1);
  wrong[99'999] ^= 1U;
  const auto refused = wait(partial->write_piece(1, wrong));
  ASSERT_FALSE(refused);
  EXPECT_EQ(std::get<PieceFault>(refused.error().error), PieceFault::kWrongHash);
  EXPECT_EQ(refused.error().data, wrong);
  const auto shorter = wait(partial->write_piece(4, piece(1)));
  EXPECT_EQ(std::get<PieceFault>(shorter.error().error), PieceFault::kWrongLength);
  const auto beyond = wait(partial->write_piece(5, piece(1)));
  EXPECT_EQ(std::get<DiskError>(beyond.error().error), DiskError::kBadRequest);
  EXPECT_THAT(pieces(*partial), IsEmpty());
  const Bytes on_disk = read_file(file(".part"));
  EXPECT_EQ(on_disk, Bytes(kSize));
}

TEST_F(PartialStoreTest, RefusesAPageThatDoesNotProve) {
  const auto partial = open();
  Bytes wrong = page_;
  wrong[3] ^= 1U;
  EXPECT_EQ(std::get<PieceFault>(wait(partial->put_layer_page(0, wrong)).error()), PieceFault::kBadPage);
  EXPECT_EQ(std::get<PieceFault>(wait(partial->put_layer_page(2048, page_)).error()), PieceFault::kBadPage);
  EXPECT_FALSE(partial->has_page(0));
  EXPECT_TRUE(wait(partial->put_layer_page(0, page_)));
  EXPECT_TRUE(wait(partial->put_layer_page(0, page_)));
  EXPECT_EQ(partial->piece_hash(4), tree_.layer[4]);
}

TEST_F(PartialStoreTest, ResumesWithItsPagesAndAllItsPieces) {
  {
    const auto partial = open_with_page();
    EXPECT_TRUE(write(*partial, 1));
    EXPECT_TRUE(wait(partial->checkpoint()));
    EXPECT_TRUE(write(*partial, 4));
  }
  const auto partial = open();
  EXPECT_TRUE(partial->has_page(0));
  EXPECT_THAT(pieces(*partial), ElementsAre(1, 4));
  write_all(*partial);
  EXPECT_TRUE(wait(partial->commit(Replace::kNo)));
  EXPECT_EQ(read_file(final_file()), data_);
}

TEST_F(PartialStoreTest, LosesNoWrittenPieceToKillMinusNine) {
  pool_.stop();  // a fork takes only the calling thread along
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    asio::io_context loop;
    WorkerPool pool(loop.get_executor(), 2);
    auto opened = wait_for(loop, PartialStore::open(pool, folder_.path(), id_, tree_.content, {.reserve = 0}));
    static_cast<void>(wait_for(loop, (*opened)->put_layer_page(0, page_)));
    for (const std::uint32_t index : {0U, 2U, 3U}) {
      static_cast<void>(wait_for(loop, (*opened)->write_piece(index, piece(index))));
    }
    ::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));

  WorkerPool pool(loop_.get_executor(), 2);
  const auto partial = wait(PartialStore::open(pool, folder_.path(), id_, tree_.content, {.reserve = 0}));
  ASSERT_TRUE(partial);
  EXPECT_THAT(pieces(**partial), ElementsAre(0, 2, 3));
}

TEST_F(PartialStoreTest, ToleratesAJournalCutAnywhere) {
  {
    const auto partial = open_with_page();
    for (const std::uint32_t index : {0U, 1U}) EXPECT_TRUE(write(*partial, index));
    EXPECT_TRUE(wait(partial->checkpoint()));
    EXPECT_TRUE(write(*partial, 3));
  }
  const Bytes journal = read_file(file(".journal"));
  ASSERT_EQ(journal.size(), store::kJournalHeaderSize + 5 * store::kJournalRecordSize);
  for (std::size_t size = 0; size <= journal.size(); ++size) {
    write_file(file(".journal"), ByteView(journal).first(size));
    const auto partial = open();
    const std::size_t records = std::max(size, store::kJournalHeaderSize) - store::kJournalHeaderSize;
    // Record 0 is the empty journal's checkpoint; 1 and 2 are pieces, 3 a checkpoint, 4 a piece.
    const std::size_t expected[] = {0, 0, 1, 2, 2, 3};
    EXPECT_EQ(pieces(*partial).size(), expected[records / store::kJournalRecordSize]) << "cut at " << size;
  }
  const auto partial = open();
  write_all(*partial);
  EXPECT_TRUE(wait(partial->commit(Replace::kNo)));
  EXPECT_EQ(read_file(final_file()), data_);
}

TEST_F(PartialStoreTest, HashesAgainWhatNoCheckpointCoversAndDropsWhatIsTorn) {
  {
    const auto partial = open_with_page();
    EXPECT_TRUE(write(*partial, 0));
    EXPECT_TRUE(wait(partial->checkpoint()));
    EXPECT_TRUE(write(*partial, 2));
    EXPECT_TRUE(write(*partial, 3));
  }
  {
    std::fstream part(file(".part"), std::ios::binary | std::ios::in | std::ios::out);
    part.seekp(2 * kMiB + 4096);
    part.put('!');  // a sector that power loss took
  }
  const auto partial = open();
  EXPECT_THAT(pieces(*partial), ElementsAre(0, 3));
}

TEST_F(PartialStoreTest, TrustsNothingWhenThePartialFileIsAnother) {
  {
    const auto partial = open_with_page();
    for (const std::uint32_t index : {0U, 1U}) EXPECT_TRUE(write(*partial, index));
    EXPECT_TRUE(wait(partial->checkpoint()));
  }
  std::filesystem::resize_file(file(".part"), kMiB);
  EXPECT_THAT(pieces(*open()), ElementsAre(0));  // what is left of it still verifies
  std::filesystem::remove(file(".part"));
  EXPECT_THAT(pieces(*open()), IsEmpty());
}

TEST_F(PartialStoreTest, ForgetsATornPage) {
  {
    static_cast<void>(open_with_page());
  }
  Bytes layer = read_file(file(".layer"));
  layer[10] ^= 1U;
  write_file(file(".layer"), layer);
  const auto partial = open();
  EXPECT_FALSE(partial->has_page(0));
}

TEST_F(PartialStoreTest, PausesWhenTheDiskIsFullAndGoesOnWhenItIsNot) {
  const auto partial = open_with_page();
  EXPECT_TRUE(write(*partial, 0));
  for (int writes = 0; writes < 3; ++writes) {  // in the piece, in the rest of it, in the journal's record
    ops_.writes_left = writes;
    const auto refused = write(*partial, 1);
    ASSERT_FALSE(refused) << writes;
    EXPECT_EQ(std::get<DiskError>(refused.error().error), DiskError::kNoSpace);
    EXPECT_EQ(refused.error().data, piece(1));
    EXPECT_THAT(pieces(*partial), ElementsAre(0));
  }
  ops_.writes_left = -1;
  write_all(*partial);
  EXPECT_TRUE(wait(partial->commit(Replace::kNo)));
  EXPECT_EQ(read_file(final_file()), data_);
}

TEST_F(PartialStoreTest, ResumesAfterAFullDiskToreTheJournal) {
  {
    const auto partial = open_with_page();
    EXPECT_TRUE(write(*partial, 0));
    ops_.writes_left = 2;  // the piece, then half of the record
    EXPECT_FALSE(write(*partial, 1));
    ops_.writes_left = -1;
    EXPECT_TRUE(write(*partial, 2));
  }
  EXPECT_THAT(pieces(*open()), ElementsAre(0, 2));
}

TEST_F(PartialStoreTest, TellsADiskFailureFromAFullDisk) {
  const auto partial = open_with_page();
  ops_.writes_left = 0;
  ops_.error = EIO;
  EXPECT_EQ(std::get<DiskError>(write(*partial, 1).error().error), DiskError::kIo);
}

TEST_F(PartialStoreTest, BelievesNothingAfterASyncThatFailed) {
  auto partial = open_with_page();
  write_all(*partial);
  ops_.sync_fails = true;
  EXPECT_EQ(wait(partial->checkpoint()).error(), DiskError::kIo);
  ops_.sync_fails = false;
  EXPECT_EQ(wait(partial->checkpoint()).error(), DiskError::kIo);
  EXPECT_EQ(wait(partial->commit(Replace::kNo)).error(), DiskError::kIo);
  EXPECT_FALSE(std::filesystem::exists(final_file()));
  partial.reset();
  partial = open();  // all pieces hashed again
  EXPECT_TRUE(partial->is_complete());
  EXPECT_TRUE(wait(partial->commit(Replace::kNo)));
}

TEST_F(PartialStoreTest, TakesNoSpaceThatIsNotThere) {
  ops_.free = kSize + kMiB - 1;  // the reserve is one MiB
  EXPECT_EQ(try_open(tree_.content).error(), DiskError::kNoSpace);
  EXPECT_FALSE(std::filesystem::exists(file(".part")));
  ops_.free = kSize + kMiB;
  EXPECT_TRUE(try_open(tree_.content));
  EXPECT_EQ(try_open({0, {}}).error(), DiskError::kRefused);
  EXPECT_EQ(try_open({store::kMaxStoreSize + 1, {}}).error(), DiskError::kRefused);
}

TEST_F(PartialStoreTest, CountsWhatIsAlreadyWrittenWhenItResumes) {
  {
    const auto partial = open_with_page();
    write_all(*partial);
  }
  ops_.free = kMiB + 4096;
  EXPECT_TRUE(try_open(tree_.content));
}

TEST_F(PartialStoreTest, IsOpenOnceAtATime) {
  auto partial = open();
  EXPECT_EQ(try_open(tree_.content).error(), DiskError::kBusy);
  EXPECT_EQ(wait(discard_partial(pool_, folder_.path(), id_, tree_.content)).error(), DiskError::kBusy);
  partial.reset();
  EXPECT_TRUE(try_open(tree_.content));
}

TEST_F(PartialStoreTest, ReplacesAStoreOnlyWhenTold) {
  write_file(final_file(), bytes_of("the user's own"));
  const auto partial = open_with_page();
  write_all(*partial);
  EXPECT_EQ(wait(partial->commit(Replace::kNo)).error(), DiskError::kExists);
  EXPECT_EQ(read_file(final_file()), copy_of(bytes_of("the user's own")));
  EXPECT_TRUE(wait(partial->commit(Replace::kYes)));
  EXPECT_EQ(read_file(final_file()), data_);
}

TEST_F(PartialStoreTest, JournalsACheckpointByItself) {
  const auto partial = wait(PartialStore::open(pool_, folder_.path(), id_, tree_.content,
                                               {.checkpoint_delay = std::chrono::milliseconds(0), .ops = &ops_}));
  ASSERT_TRUE(partial);
  EXPECT_TRUE(wait((*partial)->put_layer_page(0, page_)));
  EXPECT_TRUE(write(**partial, 1));
  EXPECT_TRUE(write(**partial, 3));
  loop_.restart();
  loop_.run();
  const auto replay = store::replay_journal(id_, tree_.content, read_file(file(".journal")));
  ASSERT_TRUE(replay);
  EXPECT_EQ(replay->durable, (std::vector<bool>{false, true, false, true, false}));
  const int syncs = ops_.syncs;
  EXPECT_TRUE(wait((*partial)->checkpoint()));  // nothing new: no sync
  EXPECT_EQ(ops_.syncs, syncs);
}

TEST_F(PartialStoreTest, TakesManyPiecesAtOnceAndTheSameOneTwice) {
  const auto partial = open_with_page();
  std::vector<std::optional<Status<PieceRefused>>> results(10);
  for (std::uint32_t i = 0; i < 10; ++i) {
    asio::co_spawn(loop_, keep_result(partial->write_piece(i % 5, piece(i % 5)), results[i]), asio::detached);
  }
  loop_.restart();
  while (std::ranges::any_of(results, [](const auto& result) { return !result; })) loop_.run_one();
  for (const auto& result : results) EXPECT_TRUE(*result);
  EXPECT_EQ(read_file(file(".journal")).size(), store::kJournalHeaderSize + 6 * store::kJournalRecordSize);
  EXPECT_TRUE(wait(partial->commit(Replace::kNo)));
  EXPECT_EQ(read_file(final_file()), data_);
}

TEST_F(PartialStoreTest, IsListedUntilItIsDiscarded) {
  EXPECT_THAT(wait(list_partials(pool_, folder_.path())), IsEmpty());
  {
    static_cast<void>(open_with_page());
  }
  const auto listed = wait(list_partials(pool_, folder_.path()));
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].id, id_);
  EXPECT_EQ(listed[0].content, tree_.content);
  EXPECT_TRUE(wait(discard_partial(pool_, folder_.path(), id_, tree_.content)));
  EXPECT_THAT(wait(list_partials(pool_, folder_.path())), IsEmpty());
  EXPECT_TRUE(std::filesystem::is_empty(state_folder(folder_.path()) / "partial"));
}

TEST_F(PartialStoreTest, ClearsWhatAnInterruptedCommitLeft) {
  {
    static_cast<void>(open_with_page());
  }
  std::filesystem::rename(file(".part"), final_file());
  EXPECT_THAT(wait(list_partials(pool_, folder_.path())), IsEmpty());
  EXPECT_TRUE(std::filesystem::is_empty(state_folder(folder_.path()) / "partial"));
}

TEST_F(PartialStoreTest, LeavesAloneWhatOthersWereAlreadyPromised) {
  ops_.free = kSize + kMiB + 100;
  const auto open_beside = [&](std::uint64_t promised) {
    return wait(PartialStore::open(
        pool_, folder_.path(), id_, tree_.content,
        {.reserve = kMiB, .promised = promised, .checkpoint_delay = std::chrono::hours(1), .ops = &ops_}));
  };
  EXPECT_EQ(open_beside(101).error(), DiskError::kNoSpace);
  EXPECT_TRUE(open_beside(100));
}

TEST_F(PartialStoreTest, StopsBeforeTheReserveWhenOthersFillTheDiskAndGoesOnWhenThereIsSpaceAgain) {
  const auto partial = open_with_page();
  EXPECT_TRUE(write(*partial, 0));
  ops_.free = kMiB + kMiB - 1;  // the reserve, and not quite one piece
  const auto refused = write(*partial, 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(std::get<DiskError>(refused.error().error), DiskError::kNoSpace);
  EXPECT_THAT(pieces(*partial), testing::ElementsAre(0));
  ops_.free = kMiB + kMiB;
  EXPECT_TRUE(write(*partial, 1));
}

}  // namespace
}  // namespace turnpike::io
