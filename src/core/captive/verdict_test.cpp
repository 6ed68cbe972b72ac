#include "core/captive/verdict.h"

#include <gtest/gtest.h>

namespace turnpike::captive {
namespace {

WebAnswer page(unsigned status = 200) { return read_answer(status, "", "text/html", bytes_of("<html>Log in</html>")); }
WebAnswer redirect(std::string_view to) { return read_answer(302, to, "", {}); }
WebAnswer health() {
  return read_answer(200, "", "application/json",
                     bytes_of(R"({"status":"ok","service":"turnpike bootstrap","peer_id":"12D3KooW"})"));
}

Facts facts(Tls tls, std::optional<WebAnswer> at_port, std::optional<WebAnswer> at_80 = {}) {
  Facts out{.host = "boot.example", .reached = at_port || tls != Tls::kFailed, .tls = tls, .seen_pin = "SEEN"};
  out.at_port = std::move(at_port);
  out.at_80 = std::move(at_80);
  return out;
}

Finding found(const Facts& facts) { return judge(facts).finding; }

TEST(CaptiveVerdict, KnowsAPortalByItsRedirectToAnotherHost) {
  EXPECT_EQ(found(facts(Tls::kNone, redirect("http://login.hotel.example/?u=boot.example"))), Finding::kCaptive);
  EXPECT_EQ(found(facts(Tls::kUntrusted, redirect("https://192.0.2.1/login"))), Finding::kCaptive);
  EXPECT_EQ(found(facts(Tls::kFailed, {}, redirect("//login.hotel.example/"))), Finding::kCaptive);
}

TEST(CaptiveVerdict, KnowsAPortalByThePageItShowsInAnotherHostsName) {
  EXPECT_EQ(found(facts(Tls::kNone, page())), Finding::kCaptive);
  EXPECT_EQ(found(facts(Tls::kUntrusted, page())), Finding::kCaptive);
}

TEST(CaptiveVerdict, KnowsAPortalThatSaysSoItself) {
  EXPECT_EQ(found(facts(Tls::kNone, read_answer(511, "", "text/plain", {}))), Finding::kCaptive);
  EXPECT_EQ(found(facts(Tls::kFailed, {}, read_answer(511, "", "", {}))), Finding::kCaptive);
}

TEST(CaptiveVerdict, TellsWhatToDoAndWhatGaveTheNetworkAway) {
  const Verdict verdict = judge(facts(Tls::kFailed, {}, redirect("http://login.example/\x1b[1m")));
  EXPECT_NE(verdict.text.find("captive portal: it sends boot.example to http://login.example/?[1m; open any page"),
            std::string::npos)
      << verdict.text;
}

TEST(CaptiveVerdict, TellsARealBootstrapWithAnotherKeyFromAPortalByItsHealth) {
  const Verdict verdict = judge(facts(Tls::kUntrusted, health(), redirect("http://login.example/")));
  EXPECT_EQ(verdict.finding, Finding::kWrongKey);
  EXPECT_NE(verdict.text.find("pin SEEN"), std::string::npos);
}

TEST(CaptiveVerdict, TakesAHostThatProvesItsKeyForItself) {
  EXPECT_EQ(found(facts(Tls::kTrusted, page())), Finding::kStranger);
  EXPECT_EQ(found(facts(Tls::kTrusted, redirect("http://login.example/"))), Finding::kStranger);
  EXPECT_EQ(found(facts(Tls::kTrusted, health())), Finding::kOurs);
  EXPECT_EQ(found(facts(Tls::kNone, health())), Finding::kOurs);
}

TEST(CaptiveVerdict, FindsNoPortalWhereAnotherBootstrapWorks) {
  Facts with_another = facts(Tls::kUntrusted, redirect("http://login.example/"));
  with_another.another_works = true;
  EXPECT_EQ(found(with_another), Finding::kStranger);
}

TEST(CaptiveVerdict, TakesARedirectToTheHostItselfForTheHostsOwn) {
  EXPECT_EQ(found(facts(Tls::kFailed, {}, redirect("https://Boot.Example/health"))), Finding::kUnreachable);
  EXPECT_EQ(found(facts(Tls::kFailed, {}, redirect("/health"))), Finding::kUnreachable);
  EXPECT_EQ(found(facts(Tls::kFailed, {}, redirect("https://boot.example:443/x?y=http://z/"))), Finding::kUnreachable);
  EXPECT_EQ(found(facts(Tls::kFailed, {}, redirect("/next?to=http://z/"))), Finding::kUnreachable);
}

TEST(CaptiveVerdict, TakesAPageAtPort80ForTheHostsOwn) {
  EXPECT_EQ(found(facts(Tls::kFailed, {}, page())), Finding::kUnreachable);
}

TEST(CaptiveVerdict, NamesAStranger) {
  EXPECT_EQ(found(facts(Tls::kUntrusted, read_answer(404, "", "text/plain", bytes_of("no")))), Finding::kStranger);
  EXPECT_EQ(found(facts(Tls::kNone, read_answer(404, "", "application/json", bytes_of("{}")))), Finding::kStranger);
}

TEST(CaptiveVerdict, DoesNotTakeAPageThatNamesUsForUs) {
  const auto answer =
      read_answer(200, "", "text/html", bytes_of(R"(<html>"turnpike bootstrap" "peer_id" is blocked here</html>)"));
  EXPECT_FALSE(answer.is_ours);
  EXPECT_EQ(found(facts(Tls::kUntrusted, answer)), Finding::kCaptive);
}

TEST(CaptiveVerdict, SaysNothingWhereNothingAnswers) {
  EXPECT_EQ(found(facts(Tls::kFailed, {})), Finding::kUnreachable);
  EXPECT_EQ(judge(facts(Tls::kFailed, {})).text, "");
}

}  // namespace
}  // namespace turnpike::captive
