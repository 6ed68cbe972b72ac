#include "bootstrap/metrics.h"

#include <gmock/gmock.h>

#include <regex>
#include <set>
#include <sstream>

namespace turnpike::bootstrap {
namespace {

using testing::HasSubstr;

MetricsInput sample() {
  MetricsInput input{.version = "1.2.3"};
  input.stats.peers = 7;
  input.stats.relay.bytes = 1'000'000;
  input.budget = budget::Figures{.mode = budget::Mode::kWarning, .budget = {20'000'000}, .spent = {14'500'000}};
  input.budget->sessions[3] = 2;
  input.turn = turn::ServerCounters{.bytes = 99};
  return input;
}

TEST(Metrics, TellTheBudgetTheRegistryTheRelayAndTurn) {
  const std::string text = metrics_text(sample());
  EXPECT_THAT(text, HasSubstr("\nturnpike_registered_peers 7\n"));
  EXPECT_THAT(text, HasSubstr("\nturnpike_relay_bytes_total 1000000\n"));
  EXPECT_THAT(text, HasSubstr("\nturnpike_budget_spent_usd 14.500000\n"));
  EXPECT_THAT(text, HasSubstr("\nturnpike_budget_mode{mode=\"warning\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("\nturnpike_budget_mode{mode=\"normal\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("\nturnpike_budget_sessions{tier=\"premium\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("\nturnpike_turn_bytes_total 99\n"));
}

TEST(Metrics, LeaveOutWhatThereIsNot) {
  const std::string text = metrics_text({.version = "1"});
  EXPECT_THAT(text, testing::Not(HasSubstr("turnpike_budget")));
  EXPECT_THAT(text, testing::Not(HasSubstr("turnpike_turn")));
}

TEST(Metrics, KeepToTheFormat) {
  std::istringstream lines(metrics_text(sample()));
  const std::regex sample_line(R"(turnpike_[a-z0-9_]+(\{[a-z]+="[^"\\]*"\})? -?[0-9]+(\.[0-9]+)?)");
  const std::regex comment(R"(# (HELP turnpike_[a-z0-9_]+ .+|TYPE turnpike_[a-z0-9_]+ (gauge|counter)))");
  std::set<std::string> typed;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) EXPECT_TRUE(typed.insert(line).second) << "twice: " << line;
    EXPECT_TRUE(std::regex_match(line, line.starts_with("#") ? comment : sample_line)) << line;
  }
  EXPECT_GT(typed.size(), 30U);
}

}  // namespace
}  // namespace turnpike::bootstrap
