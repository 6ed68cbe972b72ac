#include "core/connect/roads.h"

namespace turnpike::connect {

std::string_view name_of(Road road) { return road == Road::kDirect ? "direct" : "proxy"; }

std::vector<Attempt> Roads::plan(Instant now, const std::string& target, bool has_proxy) const {
  if (!has_proxy || rests_until(now)) return {{Road::kDirect, {}}};
  if (remembered(target) == Road::kProxy) return {{Road::kProxy, {}}, {Road::kDirect, kRoadStagger}};
  return {{Road::kDirect, {}}, {Road::kProxy, kRoadStagger}};
}

void Roads::handle_success(const std::string& target, Road road) {
  if (worked_.size() >= kMaxRemembered && !worked_.contains(target)) worked_.clear();
  worked_[target] = road;
  if (road != Road::kProxy) return;
  rest_.reset();
  rests_until_.reset();
  refusal_.clear();
}

void Roads::handle_refusal(Instant now, const Refused& refused) {
  refusal_ = refused.text;
  if (refused.reason == RefusalReason::kFarEnd) return;
  rests_until_ = now + rest_.fail(random_);
}

void Roads::handle_network_changed() {
  worked_.clear();
  rest_.reset();
  rests_until_.reset();
  refusal_.clear();
}

std::optional<Instant> Roads::rests_until(Instant now) const {
  return rests_until_ && now < *rests_until_ ? rests_until_ : std::nullopt;
}

std::optional<Road> Roads::remembered(const std::string& target) const {
  const auto found = worked_.find(target);
  return found == worked_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace turnpike::connect
