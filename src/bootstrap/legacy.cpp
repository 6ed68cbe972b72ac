#include "bootstrap/legacy.h"

#include <algorithm>
#include <numeric>

namespace turnpike::bootstrap {
namespace {

double in_dollars(budget::MicroUsd amount) { return static_cast<double>(amount.value) / 1e6; }

std::string_view legacy_name_of(budget::Mode mode) {
  switch (mode) {
    case budget::Mode::kNormal:
      return "normal";
    case budget::Mode::kWarning:
      return "warning";
    case budget::Mode::kPremiumOnly:
      return "throttle";
    case budget::Mode::kFinishQuotes:
      return "emergency";
    case budget::Mode::kSpent:
      return "shutdown";
  }
  return "normal";
}

}  // namespace

io::http::Response legacy_answer(unsigned status, std::string json) {
  io::http::Response out = io::http::Response::json(status, json);
  out.headers.add("Cache-Control", "no-store");
  return out;
}

io::http::Response legacy_refusal(unsigned status, const dig::ErrorAnswer& why) {
  io::http::Response out = legacy_answer(status, dig::encode_error(why));
  if (why.retry_after_seconds > 0) out.headers.add("Retry-After", std::to_string(why.retry_after_seconds));
  return out;
}

io::http::Response legacy_refusal(const dig::BadMessage& bad) {
  const unsigned status = bad.error == dig::MessageError::kTooLarge ? 413 : 400;
  return legacy_refusal(status, {.error = to_string(bad)});
}

dig::CostInfo cost_info(const Legacy& legacy, Now now, std::size_t sessions) {
  dig::CostInfo out{.sessions = sessions};
  if (legacy.budget == nullptr) return out;
  const budget::Figures figures = legacy.budget->figures(now);
  out.mode = legacy_name_of(figures.mode);
  out.spend = in_dollars(figures.spent);
  out.projected = in_dollars(figures.projected);
  out.budget = in_dollars(figures.budget);
  out.fixed = in_dollars(legacy.budget->config().plan.fixed);
  out.by_tier = figures.sessions;
  out.sessions = std::accumulate(figures.sessions.begin(), figures.sessions.end(), std::size_t{0});
  return out;
}

io::http::Response legacy_refusal(const Legacy& legacy, Now now, const budget::Refusal& why, bool allocating) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(why.retry_after).count();
  const bool over = allocating && why.reason == budget::Refused::kSpent;
  return legacy_refusal(over ? 503 : 429,
                        {.error = "Cost-aware throttling: " + std::string(budget::words_of(why.reason)),
                         .retry_after_seconds = static_cast<std::uint64_t>(std::max<std::int64_t>(1, seconds)),
                         .suggestion = std::string(budget::suggestion_for(why.reason)),
                         .cost = cost_info(legacy, now, 0),
                         .shutdown = over});
}

}  // namespace turnpike::bootstrap
