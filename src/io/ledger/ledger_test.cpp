#include "io/ledger/ledger.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

namespace turnpike::io {
namespace {

using budget::Row;
using budget::RowKind;

Row month_row() { return {.number = 1, .kind = RowKind::kMonth, .month = {682}}; }
Row reserve_row(std::uint64_t number) {
  return {.number = number, .kind = RowKind::kReserve, .month = {682}, .account = number, .traffic = {100, 100}};
}
Row settle_row(std::uint64_t number, std::uint64_t account) {
  return {.number = number, .kind = RowKind::kSettle, .month = {682}, .account = account, .traffic = {70, 60}};
}

class LedgerFile : public testing::Test {
 protected:
  LedgerFile() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ledger-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~LedgerFile() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::filesystem::path file() const { return folder_ / "ledger.db"; }
  /// As somebody with a SQL shell would.
  void edit(const std::string& sql) const {
    sqlite3* raw = nullptr;
    ASSERT_EQ(sqlite3_open(file().c_str(), &raw), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(raw, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(raw);
    sqlite3_close(raw);
  }
  /// A month, two reservations, one of them settled, and a grant.
  void fill() const {
    auto opened = Ledger::open(file());
    ASSERT_TRUE(opened);
    Row grant{.number = 5, .kind = RowKind::kGrant, .month = {682}};
    grant.party.fill(9);
    grant.tier = budget::Tier::kPremium;
    const std::vector<Row> rows{month_row(), reserve_row(2), reserve_row(3), settle_row(4, 2), grant};
    ASSERT_TRUE(opened->ledger->append(rows));
  }
  [[nodiscard]] LedgerError fault() const {
    const auto opened = Ledger::open(file());
    EXPECT_FALSE(opened);
    return opened ? LedgerError{} : opened.error();
  }

 private:
  std::filesystem::path folder_;
};

TEST_F(LedgerFile, ComesToTheSameAfterReopening) {
  fill();
  const auto opened = Ledger::open(file());
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->books.rows(), 5U);
  EXPECT_EQ(opened->books.spent(), (budget::Traffic{70, 60}));
  EXPECT_EQ(opened->books.reserved().size(), 1U);
  EXPECT_EQ(opened->books.grants().size(), 1U);
}

TEST_F(LedgerFile, IsItsOwnersAlone) {
  fill();
  struct stat status{};
  ASSERT_EQ(stat(file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(LedgerFile, GoesOnWhereItEnded) {
  fill();
  {
    auto opened = Ledger::open(file());
    ASSERT_TRUE(opened->ledger->append(std::vector{settle_row(6, 3)}));
  }
  EXPECT_EQ(Ledger::open(file())->books.spent(), (budget::Traffic{140, 120}));
}

TEST_F(LedgerFile, CanBeReadWhileItIsWritten) {
  fill();
  auto opened = Ledger::open(file());
  std::vector<Row> seen;
  const auto books = read_ledger(file(), [&](const Row& row) {
    seen.push_back(row);
    return true;
  });
  ASSERT_TRUE(books);
  EXPECT_EQ(seen.size(), 5U);
  EXPECT_EQ(seen[3], settle_row(4, 2));
  EXPECT_TRUE(opened->ledger->append(std::vector{settle_row(6, 3)}));
  EXPECT_EQ(read_ledger(file())->rows(), 6U);
}

TEST_F(LedgerFile, NamesTheRowThatWasEditedWhateverWasEditedInIt) {
  for (const char* change :
       {"bytes_out = 6", "bytes_in = 71", "account = 3", "at_ms = 1", "month = 683", "kind = 4", "kind = 99",
        "tier = 3", "tier = 300", "until_ms = 1", "party = x'00'", "party = zeroblob(33), account = 7",
        "hash = zeroblob(32)", "bytes_out = -1", "bytes_out = 'none'"}) {
    std::filesystem::remove(file());
    fill();
    edit(std::string("UPDATE rows SET ") + change + " WHERE number = 4");
    EXPECT_EQ(fault().row, 4U) << change;
    EXPECT_NE(fault().text.find("row 4"), std::string::npos) << fault().text;
  }
}

TEST_F(LedgerFile, NoticesARowThatIsMissingWhereverItStood) {
  for (std::uint64_t gone = 1; gone <= 5; ++gone) {
    std::filesystem::remove(file());
    fill();
    edit("DELETE FROM rows WHERE number = " + std::to_string(gone));
    EXPECT_EQ(fault().row, gone);
  }
}

TEST_F(LedgerFile, NoticesRowsCutOffTogetherWithTheirCount) {
  fill();
  edit("DELETE FROM rows WHERE number > 3; UPDATE head SET rows = 3");
  EXPECT_EQ(fault().row, 3U);
}

TEST_F(LedgerFile, NoticesARowThatWasAdded) {
  fill();
  edit(
      "INSERT INTO rows SELECT 6, kind, month, at_ms, account, bytes_in, bytes_out, party, tier, until_ms, hash "
      "FROM rows WHERE number = 4");
  EXPECT_EQ(fault().row, 6U);
}

TEST_F(LedgerFile, LeavesADamagedFileAsItIs) {
  fill();
  edit("UPDATE rows SET bytes_out = 0 WHERE number = 4");
  (void)fault();
  EXPECT_EQ(fault().row, 4U);
}

TEST_F(LedgerFile, SaysSoOfAFileThatIsNoDatabaseOrIsCutShort) {
  std::ofstream(file())
      << "this is no database, though it has a name like one; and it is long enough for a header of one";
  EXPECT_NE(fault().text.find("cannot be used"), std::string::npos) << fault().text;
  std::filesystem::remove(file());
  fill();
  edit("PRAGMA wal_checkpoint(TRUNCATE)");
  std::filesystem::resize_file(file(), std::filesystem::file_size(file()) / 2);
  EXPECT_FALSE(fault().text.empty());
}

TEST_F(LedgerFile, RefusesAFileOfALaterVersion) {
  fill();
  edit("PRAGMA user_version = 2");
  EXPECT_NE(fault().text.find("later version"), std::string::npos);
}

TEST_F(LedgerFile, WritesAllOfItsRowsOrNone) {
  fill();
  auto opened = Ledger::open(file());
  const Row twice = settle_row(6, 3);
  EXPECT_FALSE(opened->ledger->append(std::vector{twice, twice}));
  EXPECT_EQ(read_ledger(file())->rows(), 5U);
  EXPECT_TRUE(opened->ledger->append(std::vector{twice})) << "and goes on when it can";
  EXPECT_EQ(read_ledger(file())->rows(), 6U);
}

// The child is killed at a moment it does not choose, while it reports each row that is durable.
TEST_F(LedgerFile, LosesNoRowThatItReportedWhenItsWriterIsKilled) {
  for (int round = 0; round < 5; ++round) {
    std::filesystem::remove(file());
    std::filesystem::remove(file().string() + "-wal");
    std::filesystem::remove(file().string() + "-shm");
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      auto opened = Ledger::open(file());
      if (!opened->ledger->append(std::vector{month_row()})) _exit(1);
      for (std::uint64_t number = 2;; ++number) {
        if (!opened->ledger->append(std::vector{reserve_row(number)})) _exit(1);
        if (write(pipe_ends[1], &number, sizeof number) != sizeof number) _exit(1);
      }
    }
    close(pipe_ends[1]);
    std::uint64_t reported = 0;
    for (int rows = 0; rows < 20 + 7 * round; ++rows) {
      ASSERT_EQ(read(pipe_ends[0], &reported, sizeof reported), static_cast<ssize_t>(sizeof reported));
    }
    ASSERT_EQ(kill(child, SIGKILL), 0);
    waitpid(child, nullptr, 0);
    for (std::uint64_t number = 0; read(pipe_ends[0], &number, sizeof number) == sizeof number;) reported = number;
    close(pipe_ends[0]);

    const auto opened = Ledger::open(file());
    ASSERT_TRUE(opened) << opened.error().text;
    EXPECT_GE(opened->books.rows(), reported);
    EXPECT_LE(opened->books.rows(), reported + 1);
    EXPECT_EQ(opened->books.reserved().size(), opened->books.rows() - 1);
  }
}

}  // namespace
}  // namespace turnpike::io
