#include "bootstrap_commands.h"

#include <gmock/gmock.h>
#include <sqlite3.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "exit_code.h"
#include "io/ledger/ledger.h"
#include "test_folder.h"

namespace turnpike::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;

struct LedgerCommand : testing::Test {
  LedgerCommand() { std::filesystem::create_directories(data() / ".turnpike"); }

  [[nodiscard]] std::filesystem::path data() const { return (folder / "x").parent_path(); }
  void fill() {
    auto opened = io::Ledger::open(file());
    ASSERT_TRUE(opened);
    std::vector<budget::Row> rows{{.number = 1, .kind = budget::RowKind::kMonth, .month = {682}}};
    for (std::uint64_t n = 2; n <= 40; ++n) {
      budget::Row row{.number = n, .kind = budget::RowKind::kReserve, .month = {682}, .account = n, .traffic = {5, 5}};
      row.party = pace::flow_of(IpAddress::v4(203, 0, 113, 9));
      rows.push_back(row);
    }
    ASSERT_TRUE(opened->ledger->append(rows));
  }
  [[nodiscard]] std::filesystem::path file() const { return data() / ".turnpike" / "ledger.db"; }
  int run(bool as_json, bool all = false) {
    BootstrapOrder order{.command = "ledger"};
    order.all = all;
    return run_bootstrap(console, {.order = order, .data = data(), .json = as_json}, order);
  }

  TestFolder folder;
  std::ostringstream out;
  std::ostringstream err;
  Console console{.out = out, .err = err};
};

TEST_F(LedgerCommand, ShowsTheLastRowsAndThatAllAreInOrder) {
  fill();
  EXPECT_EQ(run(false), kDone);
  EXPECT_THAT(out.str(), HasSubstr("\n40 "));
  EXPECT_THAT(out.str(), testing::Not(HasSubstr("\n20 ")));
  EXPECT_THAT(out.str(), HasSubstr("203.0.113.9"));
  EXPECT_THAT(out.str(), HasSubstr("40 rows, all as they were written; 2026-11"));
  EXPECT_EQ(run(false, true), kDone);
  EXPECT_THAT(out.str(), HasSubstr("\n20 "));
}

TEST_F(LedgerCommand, PrintsEveryRowAsJson) {
  fill();
  EXPECT_EQ(run(true), kDone);
  const json answer = json::parse(out.str());
  EXPECT_EQ(answer["rows"].size(), 40U);
  EXPECT_EQ(answer["rows"][1]["kind"], "reserve");
  EXPECT_EQ(answer["month"], "2026-11");
}

TEST_F(LedgerCommand, NamesTheRowThatWasEdited) {
  fill();
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(file().c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(raw, "UPDATE rows SET bytes_out = 1 WHERE number = 7", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(raw);
  EXPECT_EQ(run(false), kDataInvalid);
  EXPECT_THAT(err.str(), HasSubstr("row 7"));
}

TEST_F(LedgerCommand, SaysThatThereIsNone) {
  EXPECT_EQ(run(false), kNotFound);
  EXPECT_THAT(err.str(), HasSubstr("no ledger"));
}

TEST_F(LedgerCommand, SaysThatNoBootstrapRuns) {
  const BootstrapOrder order{.command = "budget"};
  EXPECT_EQ(run_bootstrap(console, {.order = order, .data = data(), .json = false}, order), kNotRunning);
  EXPECT_THAT(err.str(), HasSubstr("no bootstrap runs on"));
}

TEST(BudgetCommand, ShowsTheMoneyForPeople) {
  const std::string text = show_budget({{"month", "2026-11"},
                                        {"mode", "warning"},
                                        {"spent_usd", 14.509},
                                        {"budget_usd", 20.0},
                                        {"spent_share", 0.7254},
                                        {"sessions", {{"free", 2}, {"premium", 1}}},
                                        {"resets_ms", 1'796'083'200'000},
                                        {"grants", {{{"peer", "12D3"}, {"tier", "premium"}, {"until_ms", nullptr}}}}});
  EXPECT_THAT(text, HasSubstr("$14.50 of $20.00 (72 %)"));
  EXPECT_THAT(text, HasSubstr("2 free, 1 premium"));
  EXPECT_THAT(text, HasSubstr("2026-12-01 00:00 UTC"));
  EXPECT_THAT(text, HasSubstr("premium  12D3\n"));
}

TEST(BudgetCommand, SaysWhyNothingIsRelayed) {
  EXPECT_THAT(show_budget({{"ledger_error", "row 7 is bad"}}), HasSubstr("nothing is relayed: row 7 is bad"));
}

}  // namespace
}  // namespace turnpike::cli
