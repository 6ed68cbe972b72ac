#include "io/ledger/ledger_writer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>

#include "io/loop/run.h"

namespace turnpike::io {
namespace {

using budget::Row;
using budget::RowKind;

struct LedgerWriting : testing::Test {
  LedgerWriting() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ledger-XXXXXX").string();
    folder = mkdtemp(pattern.data());
    writer.emplace(loop.get_executor(), std::move(Ledger::open(file())->ledger));
    writer->on_written([this](std::size_t rows) { told.push_back(rows); });
  }
  ~LedgerWriting() override {
    writer.reset();
    std::filesystem::remove_all(folder);
  }
  [[nodiscard]] std::filesystem::path file() const { return folder / "ledger.db"; }

  std::filesystem::path folder;
  asio::io_context loop;
  std::optional<LedgerWriter> writer;
  std::vector<std::size_t> told;
};

asio::awaitable<bool> flushed(LedgerWriter& writer) {
  bool done = false;
  co_await writer.flush();
  done = true;
  co_return done;
}

TEST_F(LedgerWriting, WritesAtOnceWhatCameTogether) {
  writer->write({.number = 1, .kind = RowKind::kMonth, .month = {682}});
  for (std::uint64_t n = 2; n <= 100; ++n) {
    writer->write({.number = n, .kind = RowKind::kReserve, .month = {682}, .account = n, .traffic = {1, 1}});
  }
  EXPECT_TRUE(run(loop, flushed(*writer)));
  std::size_t all = 0;
  for (const std::size_t rows : told) all += rows;
  EXPECT_EQ(all, 100U);
  EXPECT_LE(told.size(), 2U);
  EXPECT_EQ(read_ledger(file())->rows(), 100U);
}

TEST_F(LedgerWriting, SaysThatAWriteFailedAndKeepsTheRows) {
  writer->write({.number = 7, .kind = RowKind::kMonth, .month = {682}});
  EXPECT_TRUE(run(loop, flushed(*writer)));
  ASSERT_FALSE(told.empty());
  writer->write({.number = 7, .kind = RowKind::kMonth, .month = {682}});  // its number is taken
  EXPECT_TRUE(run(loop, flushed(*writer)));
  EXPECT_EQ(told.back(), 0U);
}

TEST_F(LedgerWriting, HasNothingToWaitForWhereNothingIsWritten) { EXPECT_TRUE(run(loop, flushed(*writer))); }

}  // namespace
}  // namespace turnpike::io
