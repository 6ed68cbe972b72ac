#include "core/doctor/bootstrap.h"

#include <algorithm>

namespace turnpike::doctor {
namespace {

std::string milliseconds(Duration time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(time).count()) + " ms";
}

}  // namespace

Check check_bootstrap(const BootstrapFacts& facts) {
  const std::string name = "bootstrap " + facts.url;
  if (facts.connected && facts.is_ours.value_or(false)) {
    std::string text = facts.through_proxy ? "reached through the proxy" : "reached";
    const bool slow = facts.round_trip && *facts.round_trip > kSlowBootstrap;
    if (facts.round_trip) text += " in " + milliseconds(*facts.round_trip);
    return {name, slow ? State::kNote : State::kGood, "reached", text,
            slow ? "it is far or busy; a nearer bootstrap, if there is one, makes meeting and relaying quicker" : ""};
  }
  if (facts.connected) {
    return {name, State::kProblem, "stranger", "what answers there is no Turnpike bootstrap", "check --bootstrap"};
  }
  const auto finding = facts.verdict ? facts.verdict->finding : captive::Finding::kUnreachable;
  const std::string text = facts.verdict && !facts.verdict->text.empty() ? facts.verdict->text : facts.failure;
  switch (finding) {
    case captive::Finding::kCaptive:
      return {name, State::kProblem, "captive", text, "open any page in a browser and log in to this network"};
    case captive::Finding::kWrongKey:
      return {name, State::kProblem, "wrong-key", text, "give --bootstrap-pin the pin that the bootstrap prints"};
    case captive::Finding::kStranger:
      return {name, State::kProblem, "stranger", text, "check --bootstrap and --bootstrap-pin"};
    default:
      return {name, State::kProblem, "unreachable", facts.failure,
              "check that the bootstrap runs and that its port (443) may be reached from here; behind a firewall that "
              "wants a proxy, name it with --proxy"};
  }
}

Check check_captive(const std::vector<BootstrapFacts>& bootstraps) {
  const bool works = std::ranges::any_of(bootstraps, &BootstrapFacts::connected);
  if (works) return {"captive", State::kGood, "open", "no captive portal", {}};
  for (const BootstrapFacts& facts : bootstraps) {
    if (facts.verdict && facts.verdict->finding == captive::Finding::kCaptive) {
      return {"captive", State::kProblem, "captive", facts.verdict->text,
              "open any page in a browser and log in to this network"};
    }
  }
  if (bootstraps.empty()) return {"captive", State::kUnknown, "unknown", "no bootstrap is configured", {}};
  return {"captive", State::kUnknown, "unknown", "no bootstrap is reached, and no portal shows", {}};
}

Check check_clock(const std::vector<BootstrapFacts>& bootstraps) {
  std::vector<Duration> all;
  for (const BootstrapFacts& facts : bootstraps) {
    if (facts.ahead) all.push_back(*facts.ahead);
  }
  if (all.empty()) return {"clock", State::kUnknown, "unknown", "no bootstrap told its time", {}};
  std::ranges::sort(all);
  const Duration ahead = all[all.size() / 2];
  const Duration off = std::chrono::abs(ahead);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(off).count();
  if (off < std::chrono::seconds(2))
    return {"clock", State::kGood, "right", "the clock agrees with the bootstrap's", {}};
  const std::string text = "the clock is " + std::to_string(seconds) + " s " +
                           (ahead.count() > 0 ? "behind" : "ahead of") + " the bootstrap's";
  if (off <= kClockNote) return {"clock", State::kGood, "right", text, {}};
  const bool wrong = off > kClockLimit;
  return {"clock", wrong ? State::kProblem : State::kNote, wrong ? "wrong" : "right", text,
          wrong ? "set the clock (timedatectl set-ntp true): what is signed here counts as expired elsewhere"
                : "set the clock; more than ten minutes are not tolerated"};
}

Check check_proxy(const ProxyFacts& proxy, const std::vector<BootstrapFacts>& bootstraps) {
  if (proxy.address.empty()) return {"proxy", State::kGood, "none", "no proxy is configured", {}};
  const std::string which = proxy.address + " (" + proxy.source + ")";
  if (!proxy.refusal.empty()) {
    const bool credentials = proxy.refusal.find("407") != std::string::npos;
    return {"proxy", State::kProblem, "refuses", "the proxy " + which + ": " + proxy.refusal,
            credentials ? "put the right user:password@ before the proxy's host, in --proxy or the variable"
                        : "ask who runs the proxy to allow CONNECT to the bootstrap's port 443"};
  }
  const auto used = std::ranges::any_of(bootstraps, &BootstrapFacts::through_proxy);
  if (used) return {"proxy", State::kGood, "works", "the proxy " + which + " carries us to the bootstrap", {}};
  const bool direct = std::ranges::any_of(bootstraps, &BootstrapFacts::connected);
  if (direct) return {"proxy", State::kGood, "not-needed", "the proxy " + which + " is not needed: direct works", {}};
  return {"proxy", State::kProblem, "unused", "the proxy " + which + " did not help either",
          "check its host and port, and that no_proxy does not name the bootstrap"};
}

}  // namespace turnpike::doctor
