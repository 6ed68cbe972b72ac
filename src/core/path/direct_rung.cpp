#include "core/path/direct_rung.h"

#include <algorithm>

namespace turnpike::path {

void keep_both_families(std::vector<Endpoint>& endpoints, std::size_t limit) {
  while (endpoints.size() > limit) {
    const auto is_v4 = [](const Endpoint& e) { return e.address.family == IpAddress::Family::kV4; };
    const auto v4 = std::count_if(endpoints.begin(), endpoints.end(), is_v4);
    const bool drop_v4 = 2 * static_cast<std::size_t>(v4) >= endpoints.size();
    const auto last =
        std::find_if(endpoints.rbegin(), endpoints.rend(), [&](const Endpoint& e) { return is_v4(e) == drop_v4; });
    endpoints.erase(std::next(last).base());
  }
}

namespace {

/// Whether there are any that were not there.
bool replace(std::vector<Endpoint>& known, const std::vector<Endpoint>& told) {
  std::vector<Endpoint> fresh;
  for (const Endpoint& endpoint : told) {
    if (std::find(fresh.begin(), fresh.end(), endpoint) == fresh.end()) fresh.push_back(endpoint);
  }
  keep_both_families(fresh, kMaxDirectEndpoints);
  const bool news = std::any_of(fresh.begin(), fresh.end(), [&](const Endpoint& endpoint) {
    return std::find(known.begin(), known.end(), endpoint) == known.end();
  });
  known = std::move(fresh);
  return news;
}

}  // namespace

void DirectRung::set_endpoints(Instant now, std::vector<Endpoint> tcp, std::vector<Endpoint> quic, bool has_near) {
  has_near_ = has_near;
  const bool news_of_tcp = replace(endpoints_, tcp);
  const bool news_of_quic = replace(quic_, quic);
  if (news_of_tcp || news_of_quic) retry_now(now);
}

void DirectRung::set_connected(Instant now, bool connected) {
  if (connected_ == connected) return;
  connected_ = connected;
  if (connected) retry_now(now);
}

void DirectRung::set_hole(Instant now, const Endpoint& hole, bool ours) {
  hole_ = hole;
  backoff_.reset();
  next_try_ = ours || connected_ ? now : now + kHoleTurn;
}

void DirectRung::retry_now(Instant now) {
  backoff_.reset();
  next_try_ = now;
}

void DirectRung::step(Instant now, PathIds& ids, Random& random, std::deque<Action>& actions) {
  if (attempt_ && now >= attempt_deadline_) {
    const PathId given_up = *attempt_;
    actions.emplace_back(Close{given_up});
    handle_closed(now, given_up, "no answer", random);
  }
  if (open_ || attempt_ || !is_possible() || now < next_try_) return;
  attempt_ = ids.next();
  attempt_deadline_ = now + kDirectAttemptLimit;
  if (hole_) {
    actions.emplace_back(
        Open{.path = *attempt_, .rung = Rung::kPunched, .target = DirectTarget{.tcp = {}, .quic = {*hole_}}});
    return;
  }
  actions.emplace_back(Open{
      .path = *attempt_, .rung = has_near_ ? Rung::kLan : Rung::kDirect, .target = DirectTarget{endpoints_, quic_}});
}

void DirectRung::drop_attempt(std::deque<Action>& actions) {
  if (!attempt_) return;
  actions.emplace_back(Close{*attempt_});
  attempt_.reset();
}

void DirectRung::close_if_forgotten(Instant now, Instant released, std::deque<Action>& actions) {
  if (!open_ || open_->fetches > 0 || now < std::max(open_->used, released) + kDirectLinger) return;
  actions.emplace_back(Close{open_->path});
  open_.reset();
}

bool DirectRung::handle_open(Instant now, PathId path, Duration rtt, Rung rung) {
  if (attempt_ != path) return false;
  attempt_.reset();
  reason_.clear();
  rung_ = rung;
  open_ = OpenPathState{.path = path, .rtt = rtt, .used = now};
  return true;
}

bool DirectRung::handle_closed(Instant now, PathId path, std::string reason, Random& random) {
  if (!owns(path)) return false;
  const bool was_open = open_.has_value();
  const bool proven = was_open && open_->proven;
  if (proven) backoff_.reset();
  open_.reset();
  attempt_.reset();
  hole_.reset();  // NATs may have forgotten it: the next one is another
  reason_ = std::move(reason);
  // What has carried bytes most likely can again, over TCP where it was UDP that died: ranges wait for it.
  next_try_ = proven ? now : now + backoff_.fail(random);
  return was_open;
}

void DirectRung::handle_delivered(std::uint64_t bytes) {
  (rung_ == Rung::kLan ? lan_bytes_ : rung_ == Rung::kPunched ? punched_bytes_ : direct_bytes_) += bytes;
  backoff_.reset();
}

std::optional<Instant> DirectRung::next_try() const {
  if (!is_possible()) return std::nullopt;
  return next_try_;
}

std::optional<Instant> DirectRung::deadline(bool wanted, Instant released) const {
  if (open_) return wanted ? std::nullopt : std::optional(std::max(open_->used, released) + kDirectLinger);
  if (attempt_) return attempt_deadline_;
  return wanted ? next_try() : std::nullopt;
}

RungView DirectRung::view(Rung rung, bool wanted) const {
  const bool is_lan = rung == Rung::kLan;
  if (!(is_lan ? lan_allowed_ : direct_allowed_)) return {.rung = rung, .state = "off", .reason = "switched off here"};
  RungView out{.rung = rung, .state = "idle", .bytes = is_lan ? lan_bytes_ : direct_bytes_};
  const bool is_told = is_lan ? has_near_ : connected_ || !endpoints_.empty() || !quic_.empty();
  if (open_) {
    if (rung_ != rung) return out;
    out.state = "open";
    out.rtt = open_->rtt;
  } else if (!is_told) {
    out.reason = is_lan ? "not found in a network of ours" : "it has told no address";
  } else if (attempt_) {
    out.state = "trying";
    out.next_action = attempt_deadline_;
  } else {
    out.reason = reason_;
    if (wanted && !reason_.empty()) {
      out.state = "waiting";
      out.next_action = next_try_;
    }
  }
  return out;
}

}  // namespace turnpike::path
