#include "core/portmap/router.h"

#include <algorithm>
#include <utility>

namespace turnpike::portmap {
namespace {

bool has_passed(const std::optional<Instant>& when, Instant now) { return when && *when <= now; }

}  // namespace

Router::Router(Instant now, const RouterConfig& config, Random& random) : config_(config), random_(&random) {
  const auto wants = [&](Protocol protocol) {
    return std::ranges::find(config.protocols, protocol) != config.protocols.end();
  };
  const bool v4 = config.own.family == IpAddress::Family::kV4;
  if (wants(Protocol::kPcp)) {
    pcp_ = std::make_unique<PcpClient>(config.gateway, config.own, config.secret, random);
    ways_.push_back({.protocol = Protocol::kPcp, .lane = pcp_.get(), .detail = {}, .external = {}});
  }
  if (wants(Protocol::kNatPmp) && v4) {
    nat_pmp_ = std::make_unique<NatPmpClient>(config.gateway);
    ways_.push_back({.protocol = Protocol::kNatPmp, .lane = nat_pmp_.get(), .detail = {}, .external = {}});
  }
  if (wants(Protocol::kUpnp)) {
    upnp_ = std::make_unique<UpnpClient>(config.own, config.first_upnp_id);
    ways_.push_back({.protocol = Protocol::kUpnp, .lane = upnp_.get(), .detail = {}, .external = {}});
  }
  search(now);
}

void Router::search(Instant now) {
  phase_ = Phase::kSearching;
  current_.reset();
  set_.reset();
  external_.reset();
  connection_.reset();
  unstable_ = false;
  was_held_ = false;
  retry_at_.reset();
  choose_at_.reset();
  is_silent_ = false;
  silent_at_ = now + kProbePatience;
  for (Way& way : ways_) {
    way.state = LaneState::kAsked;
    way.detail.clear();
    way.external.reset();
    way.lane->probe(now);
  }
}

std::optional<std::size_t> Router::best() const {
  const auto found = std::ranges::find(ways_, LaneState::kPresent, &Way::state);
  if (found == ways_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - ways_.begin());
}

void Router::consider(Instant now) {
  if (phase_ != Phase::kSearching && phase_ != Phase::kWaiting) return;
  const auto found = best();
  if (found) {
    // Nothing better can come, or it has had its time.
    const bool settled = std::all_of(ways_.begin(), ways_.begin() + static_cast<std::ptrdiff_t>(*found),
                                     [](const Way& way) { return way.state == LaneState::kFailed; });
    if (settled || is_silent_ || has_passed(choose_at_, now)) return use(now, *found);
    if (!choose_at_) choose_at_ = now + kSettle;
    return;
  }
  const bool all_failed = std::ranges::all_of(ways_, [](const Way& way) { return way.state == LaneState::kFailed; });
  if (phase_ == Phase::kSearching && (all_failed || is_silent_)) wait(now);
}

void Router::use(Instant now, std::size_t way) {
  phase_ = Phase::kInUse;
  current_ = way;
  choose_at_.reset();
  retry_at_.reset();
  react_at_.reset();
  unstable_ = false;
  const bool v4 = config_.own.family == IpAddress::Family::kV4;
  set_.emplace(*random_, config_.port, v4 ? SetShape::kGroup : SetShape::kPinholes);
  set_->start();
  external_ = ways_[way].external;
  check_at_ = now + kCheckPeriod;
}

// The protocol in use came to nothing: the next best, then all of them anew.
void Router::leave(Instant now) {
  Way& way = ways_[*current_];
  way.state = LaneState::kFailed;
  way.why = *set_->failure();
  way.detail = set_->detail();
  const bool was_held = was_held_;
  current_.reset();
  set_.reset();
  check_at_.reset();
  answer_by_.reset();
  asked_.reset();
  was_held_ = false;
  if (was_held && restraint_.allow(now)) return search(now);  // it worked until now: perhaps another router is there
  phase_ = Phase::kSearching;
  consider(now);
}

void Router::wait(Instant now) {
  phase_ = Phase::kWaiting;
  retry_at_ = now + retry_;
  retry_ = std::min(2 * retry_, kLongestRetry);
}

void Router::handle_datagram(Instant now, const Endpoint& from, ByteView datagram) {
  if (phase_ == Phase::kClosed) return;
  if (pcp_) pcp_->handle_datagram(now, from, datagram);
  if (nat_pmp_) nat_pmp_->handle_datagram(now, from, datagram);
  run(now);
}

void Router::handle_upnp(Instant now, const upnp::Answer& answer) {
  if (phase_ == Phase::kClosed || !upnp_) return;
  upnp_->handle_answer(now, answer);
  run(now);
}

void Router::handle_timeout(Instant now) {
  if (phase_ == Phase::kClosed) return;
  for (const Way& way : ways_) way.lane->handle_timeout(now);
  if (has_passed(silent_at_, now)) {
    silent_at_.reset();
    is_silent_ = true;
  }
  if (has_passed(answer_by_, now)) {
    answer_by_.reset();
    if (set_ && asked_) set_->handle_refused(now, {.ask = asked_, .again = {}, .external = {}, .detail = {}});
    asked_.reset();
  }
  if (has_passed(react_at_, now)) {
    react_at_.reset();
    react(now);
  }
  if (set_) set_->handle_timeout(now);
  if (has_passed(check_at_, now)) {
    check_at_ = now + kCheckPeriod;
    check(now);
  }
  if (phase_ == Phase::kWaiting && has_passed(retry_at_, now)) search(now);
  if (has_passed(closed_by_, now)) phase_ = Phase::kClosed;
  consider(now);
  run(now);
}

void Router::run(Instant now) {
  for (std::size_t i = 0; i < ways_.size(); ++i) {
    while (const auto event = ways_[i].lane->poll_event()) take(now, i, *event);
  }
  if (!set_) return;
  if (set_->is_settled()) {
    was_held_ = true;
    retry_ = kFirstRetry;
  }
  if (const auto ask = set_->poll_ask()) {
    asked_ = ask;
    answer_by_ = now + kAskPatience;
    ways_[*current_].lane->ask(now, *ask);
    return;
  }
  if (!set_->is_idle()) return;
  if (phase_ == Phase::kClosing) {
    phase_ = Phase::kClosed;
  } else if (set_->failure()) {
    leave(now);
    run(now);  // the next one may have been chosen
  }
}

void Router::take(Instant now, std::size_t way, const LaneEvent& event) {
  if (const auto* present = std::get_if<Present>(&event)) {
    ways_[way].external = present->external;
    if (in_use(way)) {
      connection_.reset();
      if (present->external) note_external(now, *present->external);
    } else if (phase_ == Phase::kInUse) {
      // Not the protocol in use, but the same router, and perhaps an announcement.
      ways_[way].state = LaneState::kPresent;
      if (present->external && external_ && present->external != external_) check(now);
    } else if (ways_[way].state != LaneState::kFailed || phase_ == Phase::kWaiting) {
      ways_[way].state = LaneState::kPresent;
      consider(now);
    }
  } else if (std::holds_alternative<Restarted>(event)) {
    if (in_use(way)) forgotten(now);
  } else if (const auto* granted = std::get_if<Granted>(&event)) {
    if (!in_use(way) || asked_ != granted->ask) return;
    asked_.reset();
    answer_by_.reset();
    set_->handle_granted(now, *granted);
    if (granted->external && !granted->ask.is_removal()) note_external(now, *granted->external);
  } else {
    take_refusal(now, way, std::get<Refused>(event));
  }
}

void Router::take_refusal(Instant now, std::size_t way, const Refused& refused) {
  if (refused.external) ways_[way].external = refused.external;
  if (refused.ask) {
    if (!in_use(way) || asked_ != refused.ask) return;
    asked_.reset();
    answer_by_.reset();
    set_->handle_refused(now, refused);
    return;
  }
  if (in_use(way)) {  // a check: the mappings stand until their leases end
    connection_ = refused.why;
    return;
  }
  ways_[way].state = LaneState::kFailed;
  ways_[way].why = refused.why;
  ways_[way].detail = refused.detail;
  consider(now);
}

// PCP tells of its external address only with a mapping.
void Router::check(Instant now) {
  if (phase_ != Phase::kInUse || asked_) return;
  if (ways_[*current_].protocol == Protocol::kPcp) return set_->check_one();
  ways_[*current_].lane->probe(now);
}

// RFC 6886 §3.6, RFC 6887 §8.5: what we have asked for is asked for again.
void Router::forgotten(Instant now) {
  if (phase_ != Phase::kInUse) return;
  if (restraint_.allow(now)) return set_->renew_all();
  react_at_ = restraint_.next(now);
}

void Router::note_external(Instant now, const IpAddress& external) {
  const bool is_news = external_ && *external_ != external;
  external_ = external;
  ways_[*current_].external = external;
  if (!is_news || phase_ != Phase::kInUse) return;
  if (restraint_.allow(now)) {
    unstable_ = false;
    return set_->renew_all();
  }
  unstable_ = true;
  react_at_ = restraint_.next(now);
}

void Router::react(Instant now) {
  if (phase_ != Phase::kInUse || !set_ || !restraint_.allow(now)) return;
  unstable_ = false;
  set_->renew_all();
}

void Router::close(Instant now) {
  if (phase_ == Phase::kClosing || phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosing;
  closed_by_ = now + kRemovalPatience;
  if (!set_) {
    phase_ = Phase::kClosed;
    return;
  }
  set_->remove_all();
  run(now);
}

std::optional<Transmit> Router::poll_transmit() {
  if (phase_ == Phase::kClosed) return std::nullopt;
  if (pcp_) {
    if (auto out = pcp_->poll_transmit()) return out;
  }
  return nat_pmp_ ? nat_pmp_->poll_transmit() : std::nullopt;
}

std::optional<upnp::Command> Router::poll_upnp() { return upnp_ ? upnp_->poll_command() : std::nullopt; }

std::optional<Instant> Router::poll_timeout() const {
  if (phase_ == Phase::kClosed) return std::nullopt;
  std::optional<Instant> out;
  const auto sooner = [&out](const std::optional<Instant>& when) {
    if (when) out = std::min(out.value_or(*when), *when);
  };
  for (const Way& way : ways_) sooner(way.lane->poll_timeout());
  for (const auto& when : {silent_at_, choose_at_, retry_at_, check_at_, answer_by_, react_at_, closed_by_})
    sooner(when);
  if (set_) sooner(set_->poll_timeout());
  return out;
}

bool Router::is_settled() const {
  if (phase_ == Phase::kSearching) return is_silent_;
  return phase_ != Phase::kInUse || set_->is_settled();
}

std::vector<Mapping> Router::mappings() const {
  std::vector<Mapping> out;
  if (phase_ != Phase::kInUse || unstable_) return out;
  const bool v4 = config_.own.family == IpAddress::Family::kV4;
  for (const PortSet::Entry& entry : set_->entries()) {
    if (!entry.is_held) continue;
    const Endpoint internal{config_.own, set_->internal_port(entry)};
    const Endpoint external{v4 ? external_.value_or(IpAddress{}) : config_.own, entry.external_port};
    out.push_back({.purpose = entry.purpose,
                   .transport = transport_of(entry.purpose),
                   .internal = internal,
                   .external = external,
                   .protocol = ways_[*current_].protocol,
                   .expires = entry.expires,
                   .in_group = v4 && set_->is_group()});
  }
  return out;
}

// Of several refusals the one that tells most.
Verdict Router::failed_verdict() const {
  for (const Way& way : ways_) {
    const auto flaw = way.external ? flaw_of(way.external, config_.own) : std::nullopt;
    if (flaw) return *flaw;
  }
  for (const Refusal each : {Refusal::kNotAuthorised, Refusal::kOutOfResources, Refusal::kAnotherNat,
                             Refusal::kNoAddress, Refusal::kTaken, Refusal::kBroken, Refusal::kUnsupported}) {
    const bool said = std::ranges::any_of(
        ways_, [each](const Way& way) { return way.state == LaneState::kFailed && way.why == each; });
    if (said) return verdict_of(each);
  }
  return Verdict::kNoAnswer;
}

Verdict Router::verdict() const {
  if (phase_ == Phase::kClosing || phase_ == Phase::kClosed) return Verdict::kOff;
  if (phase_ == Phase::kSearching && !is_silent_) return Verdict::kSearching;
  if (phase_ != Phase::kInUse) return failed_verdict();
  if (!set_->is_settled()) return Verdict::kWorking;
  if (unstable_) return Verdict::kUnstable;
  if (config_.own.family == IpAddress::Family::kV4) {
    if (const auto flaw = flaw_of(external_, config_.own)) return *flaw;
  }
  return set_->is_group() ? Verdict::kMapped : Verdict::kMappedSingly;
}

std::string Router::words_of_set() const {
  if (set_->gave_up_group()) {
    return "; no free group of ports was found in " + std::to_string(kMaxGroupTries) +
           " tries, so old nodes cannot compute ours";
  }
  const auto refused = std::ranges::find_if(
      set_->entries(), [](const PortSet::Entry& entry) { return !entry.is_held && entry.refused.has_value(); });
  if (refused == set_->entries().end()) return {};
  std::string out = "; of port " + std::to_string(set_->internal_port(*refused)) + "/" +
                    std::string(name_of(transport_of(refused->purpose))) + " it says: it " +
                    std::string(words_of(*refused->refused));
  return set_->detail().empty() ? out : out + " (" + set_->detail() + ")";
}

std::string Router::reason() const {
  const Verdict now = verdict();
  std::string out(words_of(now));
  if (phase_ == Phase::kInUse && (now == Verdict::kMappedSingly || is_behind_another_nat(now))) out += words_of_set();
  if (phase_ == Phase::kInUse && connection_) out += "; just now the router " + std::string(words_of(*connection_));
  if (phase_ == Phase::kWaiting && now != Verdict::kNoAnswer) {
    for (const Way& way : ways_) {
      if (way.state == LaneState::kFailed && !way.detail.empty()) {
        out += "; " + std::string(name_of(way.protocol)) + ": " + way.detail;
      }
    }
  }
  return out;
}

RouterView Router::view() const {
  RouterView out;
  out.family = config_.own.family;
  out.gateway = config_.gateway;
  out.verdict = verdict();
  out.reason = reason();
  if (current_) out.protocol = ways_[*current_].protocol;
  out.external = external_;
  for (const Way& way : ways_) {
    if (!out.external) out.external = way.external;
    const bool used = current_ && &way == &ways_[*current_];
    const std::string_view state = used                               ? "in use"
                                   : way.state == LaneState::kPresent ? "answers"
                                   : way.state == LaneState::kFailed  ? "refused"
                                                                      : "asked";
    LaneView lane{.protocol = way.protocol, .state = state, .reason = {}};
    if (way.state == LaneState::kFailed) {
      lane.reason =
          "the router " + std::string(words_of(way.why)) + (way.detail.empty() ? "" : " (" + way.detail + ")");
    }
    out.lanes.push_back(std::move(lane));
  }
  out.mappings = mappings();
  out.is_group = phase_ == Phase::kInUse && set_->is_group() && !unstable_;
  if (phase_ == Phase::kWaiting) out.next_action = retry_at_;
  if (phase_ == Phase::kInUse)
    out.next_action = react_at_ ? react_at_ : set_->renews_at() ? set_->renews_at() : check_at_;
  return out;
}

}  // namespace turnpike::portmap
