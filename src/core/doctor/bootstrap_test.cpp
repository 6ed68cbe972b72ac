#include "core/doctor/bootstrap.h"

#include <gtest/gtest.h>

namespace turnpike::doctor {
namespace {

using namespace std::chrono_literals;

BootstrapFacts reached(Duration ahead = 0s) {
  BootstrapFacts out;
  out.url = "https://boot.example";
  out.connected = true;
  out.is_ours = true;
  out.round_trip = 20ms;
  out.ahead = ahead;
  return out;
}
BootstrapFacts failed(captive::Finding finding, const char* text = "it is so") {
  BootstrapFacts out;
  out.url = "https://boot.example";
  out.failure = "timed out";
  out.verdict = captive::Verdict{finding, text};
  return out;
}

TEST(DoctorBootstrap, IsReachedAndHowFast) {
  EXPECT_EQ(check_bootstrap(reached()).value, "reached");
  EXPECT_EQ(check_bootstrap(reached()).text, "reached in 20 ms");
  BootstrapFacts slow = reached();
  slow.round_trip = kSlowBootstrap + 1ms;
  slow.through_proxy = true;
  EXPECT_EQ(check_bootstrap(slow).state, State::kNote);
  EXPECT_TRUE(check_bootstrap(slow).text.starts_with("reached through the proxy"));
}

TEST(DoctorBootstrap, SaysWhoAnswersInItsPlace) {
  EXPECT_EQ(check_bootstrap(failed(captive::Finding::kCaptive)).value, "captive");
  EXPECT_EQ(check_bootstrap(failed(captive::Finding::kWrongKey)).value, "wrong-key");
  EXPECT_EQ(check_bootstrap(failed(captive::Finding::kStranger)).value, "stranger");
  EXPECT_EQ(check_bootstrap(failed(captive::Finding::kUnreachable, "")).text, "timed out");
  BootstrapFacts web = reached();
  web.is_ours = false;
  EXPECT_EQ(check_bootstrap(web).value, "stranger");
}

TEST(DoctorCaptive, IsNotSoWhereOneBootstrapIsReached) {
  EXPECT_EQ(check_captive({failed(captive::Finding::kCaptive)}).state, State::kProblem);
  EXPECT_EQ(check_captive({failed(captive::Finding::kCaptive), reached()}).value, "open");
  EXPECT_EQ(check_captive({failed(captive::Finding::kUnreachable)}).state, State::kUnknown);
  EXPECT_EQ(check_captive({}).state, State::kUnknown);
}

TEST(DoctorClock, IsMeasuredAgainstTheBootstrapsAndTheMedianCounts) {
  EXPECT_EQ(check_clock({reached(1s)}).text, "the clock agrees with the bootstrap's");
  EXPECT_EQ(check_clock({reached(30s)}).state, State::kGood);
  EXPECT_EQ(check_clock({reached(-2min)}).state, State::kNote);
  const Check wrong = check_clock({reached(kClockLimit + 1s)});
  EXPECT_EQ(wrong.state, State::kProblem);
  EXPECT_EQ(wrong.text, "the clock is 601 s behind the bootstrap's");
  EXPECT_EQ(check_clock({reached(-24h), reached(0s), reached(1s)}).state, State::kGood);
  EXPECT_EQ(check_clock({failed(captive::Finding::kUnreachable)}).state, State::kUnknown);
}

TEST(DoctorProxy, WorksRefusesOrIsNotNeeded) {
  const ProxyFacts proxy{"proxy:3128", "https_proxy", ""};
  EXPECT_EQ(check_proxy({}, {reached()}).value, "none");
  EXPECT_EQ(check_proxy(proxy, {reached()}).value, "not-needed");
  BootstrapFacts through = reached();
  through.through_proxy = true;
  EXPECT_EQ(check_proxy(proxy, {through}).value, "works");
  EXPECT_EQ(check_proxy(proxy, {failed(captive::Finding::kUnreachable)}).value, "unused");
  const Check refuses = check_proxy({"proxy:3128", "--proxy", "it asks for credentials (HTTP 407)"}, {});
  EXPECT_EQ(refuses.value, "refuses");
  EXPECT_NE(refuses.advice.find("user:password@"), std::string::npos);
}

}  // namespace
}  // namespace turnpike::doctor
