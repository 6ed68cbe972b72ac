#include "progress.h"

#include <gtest/gtest.h>

#include "exit_code.h"

namespace turnpike::cli {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr Instant kStart{1h};
constexpr Duration kPatience = 300s;
const std::string kStore(64, 'a');

json line(std::uint64_t bytes, std::uint64_t http, std::uint64_t relay) {
  return {{"state", "fetching"},
          {"announcers", 2},
          {"size", 4096},
          {"bytes_verified", bytes},
          {"bytes_per_second", 1024.0},
          {"bytes_by_rung", {{"http", http}, {"bootstrap-relay", relay}}}};
}

TEST(Progress, ShowsShareBytesRateTimeLeftAndTheRungInUse) {
  Progress progress(kStart, kStore, kPatience);
  progress.handle_line(kStart, line(2048, 2048, 0));
  EXPECT_EQ(progress.bar(120), "aaaaaaaa  50% [##########..........] 2.0 KiB of 4.0 KiB  1.0 KiB/s  2.0 s left  http");
  EXPECT_EQ(progress.words(), "aaaaaaaaaaaa…  50%  2.0 KiB of 4.0 KiB  1.0 KiB/s  2.0 s left  http");
}

TEST(Progress, ChangesTheRungWhenBytesComeByAnother) {
  Progress progress(kStart, kStore, kPatience);
  progress.handle_line(kStart, line(1024, 0, 1024));
  progress.handle_line(kStart + 1s, line(2048, 1024, 1024));
  EXPECT_TRUE(progress.words().ends_with("bootstrap-relay+http")) << progress.words();
  progress.handle_line(kStart + 4s, line(3072, 2048, 1024));
  EXPECT_TRUE(progress.words().ends_with("left  http")) << progress.words();
}

TEST(Progress, TellsTheReasonWhereNothingIsFetched) {
  Progress progress(kStart, kStore, kPatience);
  progress.handle_line(kStart, {{"state", "waiting"}, {"reason", "no peer answers"}, {"size", nullptr}});
  EXPECT_EQ(progress.bar(120), "aaaaaaaa   0% [....................] waiting: no peer answers");
}

TEST(Progress, FitsItsTerminalWithoutCuttingACharacter) {
  Progress progress(kStart, kStore, kPatience);
  progress.handle_line(kStart, {{"state", "waiting"}, {"reason", "ääääää"}});
  for (int columns = 1; columns < 70; ++columns) {
    const std::string bar = progress.bar(columns);
    EXPECT_LE(bar.size(), static_cast<std::size_t>(columns));
    EXPECT_NO_THROW((void)json(bar).dump()) << bar;
  }
}

TEST(Progress, GivesUpOnAStoreThatNobodyAnnouncesAfterHalfAMinute) {
  Progress progress(kStart, kStore, kPatience);
  progress.handle_line(kStart + 29s, {{"state", "missing"}, {"announcers", 0}});
  EXPECT_FALSE(progress.verdict(kStart + 29s));
  const auto verdict = progress.verdict(kStart + 30s);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->code, kNotFound);
}

TEST(Progress, GivesUpWhenNothingNewCameForAsLongAsTheUserWaits) {
  Progress progress(kStart, kStore, kPatience);
  progress.handle_line(kStart + 10s, line(1024, 1024, 0));
  progress.handle_line(kStart + 309s, line(1024, 1024, 0));
  EXPECT_FALSE(progress.verdict(kStart + 309s));
  const auto verdict = progress.verdict(kStart + 310s);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->code, kTimedOut);
  EXPECT_NE(verdict->text.find("turnpike why " + kStore), std::string::npos);
}

TEST(Progress, TimesOutAndNothingElseWhenTheUserWaitsForLessThanHalfAMinute) {
  Progress progress(kStart, kStore, 10s);
  progress.handle_line(kStart + 9s, {{"state", "missing"}, {"announcers", 0}});
  EXPECT_FALSE(progress.verdict(kStart + 9s));
  ASSERT_TRUE(progress.verdict(kStart + 10s));
  EXPECT_EQ(progress.verdict(kStart + 10s)->code, kTimedOut);
}

TEST(Progress, DoesNotSayThatNobodyHasWhatHasPartlyCome) {
  Progress progress(kStart, kStore, kPatience);
  progress.handle_line(kStart + 1s, line(1024, 1024, 0));
  for (int second = 2; second < 100; ++second) {
    json gone = line(1024, 1024, 0);
    gone["announcers"] = 0;
    progress.handle_line(kStart + std::chrono::seconds(second), gone);
  }
  EXPECT_FALSE(progress.verdict(kStart + 100s));
}

}  // namespace
}  // namespace turnpike::cli
