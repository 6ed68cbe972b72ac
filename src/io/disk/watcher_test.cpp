#include "io/disk/watcher.h"

#include <gmock/gmock.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <functional>

#include "io/disk/disk_test_support.h"
#include "io/loop/convert.h"

namespace turnpike::io {
namespace {

using namespace std::chrono_literals;
using store::StoreId;

constexpr std::chrono::nanoseconds kLongAgo = 1'600'000'000s;

/// A catalogue that is kept as its folder is, by a loop that runs until something is so.
class WatcherTest : public testing::Test {
 protected:
  void start(Watcher::Settings settings = {}) {
    watcher_ = std::make_unique<Watcher>(loop_.get_executor(), catalogue_, settings,
                                         [this](const Result<ScanReport, DiskError>& report) {
                                           ++scans_;
                                           if (report) last_ = *report;
                                         });
    asio::co_spawn(loop_, watcher_->run(), asio::detached);
    run_until([this] { return scans_ > 0; });
  }
  ~WatcherTest() override {
    if (watcher_) watcher_->stop();
    loop_.restart();
    loop_.run_for(10s);
  }

  /// Runs the loop until it is so; false if it is not within half a minute, on however slow a machine.
  bool run_until(const std::function<bool()>& is_so) {
    const Instant end = now() + 30s;
    loop_.restart();
    while (!is_so() && now() < end) loop_.run_one_for(100ms);
    return is_so();
  }
  bool run_until_here(const StoreId& id, ByteView data) {
    const auto content = tree_of(data).content;
    return run_until([&] { return catalogue_.find(id) == content; });
  }
  bool run_until_gone(const StoreId& id) {
    return run_until([&] { return !catalogue_.find(id); });
  }

  [[nodiscard]] std::filesystem::path data() const { return folder_.path() / "data"; }
  [[nodiscard]] std::filesystem::path path_of(const StoreId& id) const { return data() / id.file_name(); }
  /// As mv puts a file in place that was written long ago.
  void move_in(const StoreId& id, ByteView bytes) {
    write_file(folder_.path() / "outside", bytes);
    set_mtime(folder_.path() / "outside", kLongAgo + mtime_++ * 1ns);
    std::filesystem::rename(folder_.path() / "outside", path_of(id));
  }

  TemporaryFolder folder_;
  asio::io_context loop_;
  WorkerPool pool_{loop_.get_executor(), 2};
  std::vector<CatalogueEvent> events_;
  Catalogue catalogue_{pool_, data(), [this](const CatalogueEvent& event) { events_.push_back(event); }};
  std::unique_ptr<Watcher> watcher_;
  int scans_ = 0;
  int mtime_ = 0;
  ScanReport last_;
  const StoreId a_ = id_from_seed(1);
  const StoreId b_ = id_from_seed(2);
  const Bytes one_ = bytes_from_seed(100'000, 1);
  const Bytes two_ = bytes_from_seed(3 << 20U, 2);
};

TEST_F(WatcherTest, NoticesWithoutAScanWhatIsMovedInChangedAndRemoved) {
  start();
  ASSERT_TRUE(watcher_->is_told());
  move_in(a_, one_);
  ASSERT_TRUE(run_until_here(a_, one_));
  move_in(a_, two_);
  ASSERT_TRUE(run_until_here(a_, two_));
  std::filesystem::remove(path_of(a_));
  ASSERT_TRUE(run_until_gone(a_));
  ASSERT_FALSE(events_.empty());
  const auto* gone = std::get_if<StoreRemoved>(&events_.back());
  ASSERT_NE(gone, nullptr);
  EXPECT_TRUE(gone->is_gone);
  EXPECT_EQ(scans_, 1);
}

TEST_F(WatcherTest, TakesAWrittenFileInOnceItHasSettled) {
  start();
  write_file(path_of(a_), one_);
  ASSERT_TRUE(run_until_here(a_, one_));
  EXPECT_EQ(scans_, 1);
}

TEST_F(WatcherTest, TakesInAHardLinkAndWhatIsRenamedWithinTheFolder) {
  start();
  write_file(folder_.path() / "outside", one_);
  set_mtime(folder_.path() / "outside", kLongAgo);
  std::filesystem::create_hard_link(folder_.path() / "outside", path_of(a_));
  ASSERT_TRUE(run_until_here(a_, one_));
  std::filesystem::rename(path_of(a_), path_of(b_));
  ASSERT_TRUE(run_until_here(b_, one_));
  EXPECT_TRUE(run_until_gone(a_));
  EXPECT_EQ(scans_, 1);
}

TEST_F(WatcherTest, TakesAFileInThatBecomesReadable) {
  if (::geteuid() == 0) {
    // Root reads everything, so a failed reading is played: a folder that cannot take the layer.
    start();
    std::filesystem::remove_all(state_folder(data()) / "layers");
    write_file(state_folder(data()) / "layers", {});
    move_in(a_, two_);
    ASSERT_TRUE(run_until([this] { return catalogue_.troubles().contains(a_); }));
    std::filesystem::remove(state_folder(data()) / "layers");
    std::filesystem::create_directory(state_folder(data()) / "layers");
  } else {
    start();
    write_file(folder_.path() / "outside", two_);
    std::filesystem::permissions(folder_.path() / "outside", std::filesystem::perms::none);
    set_mtime(folder_.path() / "outside", kLongAgo);
    std::filesystem::rename(folder_.path() / "outside", path_of(a_));
    ASSERT_TRUE(run_until([this] { return catalogue_.troubles().contains(a_); }));
  }
  EXPECT_EQ(catalogue_.find(a_), std::nullopt);
  std::filesystem::permissions(path_of(a_), std::filesystem::perms::owner_read);  // the change of mode is told
  EXPECT_TRUE(run_until_here(a_, two_));
  EXPECT_TRUE(catalogue_.troubles().empty());
  EXPECT_EQ(scans_, 1);
}

TEST_F(WatcherTest, TriesAFileAgainByItselfThatCouldNotBeRead) {
  Watcher::Settings settings;
  settings.first_retry = 10ms;
  start(settings);
  std::filesystem::remove_all(state_folder(data()) / "layers");
  write_file(state_folder(data()) / "layers", {});
  move_in(a_, two_);
  ASSERT_TRUE(run_until([this] { return catalogue_.troubles().contains(a_); }));
  std::filesystem::remove(state_folder(data()) / "layers");
  std::filesystem::create_directory(state_folder(data()) / "layers");
  EXPECT_TRUE(run_until_here(a_, two_));
  EXPECT_EQ(scans_, 1);
}

TEST_F(WatcherTest, IgnoresLinksFoldersAndOtherNames) {
  start();
  write_file(folder_.path() / "outside", one_);
  std::filesystem::create_symlink(folder_.path() / "outside", path_of(a_));
  std::filesystem::create_directory(path_of(b_));
  write_file(data() / "notes.txt", one_);
  move_in(id_from_seed(3), two_);
  ASSERT_TRUE(run_until_here(id_from_seed(3), two_));
  EXPECT_EQ(catalogue_.list().size(), 1U);
  // A link that takes a store's place is none any more.
  std::filesystem::remove(path_of(id_from_seed(3)));
  std::filesystem::create_symlink(folder_.path() / "outside", path_of(id_from_seed(3)));
  EXPECT_TRUE(run_until_gone(id_from_seed(3)));
}

TEST_F(WatcherTest, CountsNewForeignNamesByOneScanALittleLater) {
  Watcher::Settings settings;
  settings.scan_period = 50ms;
  start(settings);
  for (int i = 0; i < 100; ++i) write_file(data() / ("notes" + std::to_string(i)), one_);
  ASSERT_TRUE(run_until([this] { return last_.ignored == 100; }));
  EXPECT_LE(scans_, 4);
}

TEST_F(WatcherTest, ScansWhenTheKernelsQueueOverflows) {
  Watcher::Settings settings;
  settings.safety_period = 24h;
  start(settings);
  ASSERT_EQ(scans_, 1);
  // More events than fs.inotify.max_queued_events allows by default (16,384), while nobody reads them.
  write_file(data() / "x", {});
  for (int i = 0; i < 12'000; ++i) {
    std::filesystem::rename(data() / "x", data() / "y");
    std::filesystem::rename(data() / "y", data() / "x");
  }
  move_in(a_, one_);  // this one was not queued any more
  ASSERT_TRUE(run_until([this] { return scans_ == 2; }));
  EXPECT_EQ(catalogue_.find(a_), tree_of(one_).content);
}

TEST_F(WatcherTest, WatchesTheFolderThatHasTakenTheOldOnesPlace) {
  start();
  move_in(a_, one_);
  ASSERT_TRUE(run_until_here(a_, one_));
  std::filesystem::rename(data(), folder_.path() / "old");
  std::filesystem::create_directory(data());
  ASSERT_TRUE(run_until_gone(a_));
  ASSERT_TRUE(run_until([this] { return watcher_->is_told(); }));
  const int before = scans_;
  move_in(b_, two_);
  EXPECT_TRUE(run_until_here(b_, two_));
  EXPECT_LE(scans_, before + 1);
}

TEST_F(WatcherTest, WaitsForAFolderThatIsGoneAndComesBack) {
  start();
  std::filesystem::rename(data(), folder_.path() / "old");
  const int before = scans_;
  ASSERT_TRUE(run_until([&] { return scans_ > before; }));
  EXPECT_FALSE(std::filesystem::exists(data()));  // it is not made anew: what belongs there may only be unmounted
  std::filesystem::rename(folder_.path() / "old", data());
  move_in(a_, one_);
  EXPECT_TRUE(run_until_here(a_, one_));
}

TEST_F(WatcherTest, LooksAgainAndAgainWhereTheKernelDoesNotTell) {
  Watcher::Settings settings;
  settings.use_kernel = false;
  settings.scan_period = 20ms;
  start(settings);
  EXPECT_FALSE(watcher_->is_told());
  move_in(a_, one_);
  ASSERT_TRUE(run_until_here(a_, one_));
  std::filesystem::remove(path_of(a_));
  EXPECT_TRUE(run_until_gone(a_));
}

TEST_F(WatcherTest, LeavesAFileAloneThatGrowsForEver) {
  start();
  std::ofstream growing(path_of(a_), std::ios::binary);
  int writes = 0;
  // It is written to whenever the loop has a moment, more often than kSettleTime.
  const Instant end = now() + 2 * Catalogue::kSettleTime;
  run_until([&] {
    growing.write(reinterpret_cast<const char*>(one_.data()), 1000).flush();
    ++writes;
    return now() >= end;
  });
  EXPECT_EQ(catalogue_.find(a_), std::nullopt);
  EXPECT_TRUE(events_.empty());
  growing.close();
  EXPECT_TRUE(run_until([&] { return catalogue_.find(a_).has_value(); }));
}

TEST_F(WatcherTest, NoticesAFileThatChangedWhenItIsAskedFor) {
  start();
  move_in(a_, one_);
  ASSERT_TRUE(run_until_here(a_, one_));
  move_in(a_, two_);
  EXPECT_FALSE(wait_for(loop_, catalogue_.open(a_)));
  EXPECT_TRUE(run_until_here(a_, two_));
}

TEST_F(WatcherTest, EndsARescanWhenTheFolderHasBeenLookedAt) {
  Watcher::Settings settings;
  settings.use_kernel = false;
  settings.scan_period = 1h;
  start(settings);
  move_in(a_, one_);
  bool done = false;
  asio::co_spawn(loop_, watcher_->rescan(), [&](const std::exception_ptr&) { done = true; });
  ASSERT_TRUE(run_until([&] { return done; }));
  EXPECT_EQ(catalogue_.find(a_), tree_of(one_).content);
}

}  // namespace
}  // namespace turnpike::io
