#include "core/turn/sessions.h"

#include <algorithm>

#include "core/stun/source_limiter.h"

namespace turnpike::turn {
namespace {

std::size_t index_of(Side side) { return static_cast<std::size_t>(side); }

template <class Key>
std::size_t count_of(const std::map<Key, std::size_t>& counts, const Key& key) {
  const auto at = counts.find(key);
  return at == counts.end() ? 0 : at->second;
}

template <class Key>
void count_down(std::map<Key, std::size_t>& counts, const Key& key) {
  const auto at = counts.find(key);
  if (--at->second == 0) counts.erase(at);
}

// A virtual port of a session belongs to this: the session's slot and the end.
VirtualPorts::Owner owner_number(Sessions::End end) {
  return end.slot << 1U | static_cast<VirtualPorts::Owner>(end.side);
}

}  // namespace

std::string_view to_string(RefusalReason reason) {
  switch (reason) {
    case RefusalReason::kSelf:
      return "with itself";
    case RefusalReason::kFull:
      return "full";
    case RefusalReason::kPeerLimit:
      return "too many of this peer";
    case RefusalReason::kNetworkLimit:
      return "too many of this network";
    case RefusalReason::kSpent:
      return "month's donation used up";
    case RefusalReason::kNoAddress:
      return "no relayed address";
  }
  return "unknown";
}

std::string_view to_string(EndReason reason) {
  switch (reason) {
    case EndReason::kClosed:
      return "closed";
    case EndReason::kReplaced:
      return "replaced";
    case EndReason::kNotJoined:
      return "not joined";
    case EndReason::kIdle:
      return "idle";
    case EndReason::kLimitReached:
      return "limit reached";
    case EndReason::kExpired:
      return "expired";
    case EndReason::kReleased:
      return "released";
  }
  return "unknown";
}

Instant Sessions::Session::next_deadline() const { return std::min(end, joined() ? last_byte + kIdleLimit : join_by); }

Sessions::Sessions(SessionsPolicy policy, VirtualPorts& ports, Random& random)
    : policy_(policy), ports_(ports), random_(random), secret_(random.array<32>()) {}

std::optional<RefusalReason> Sessions::refusal(const PeerId& requester, const IpAddress& network,
                                               const PeerId& responder) const {
  if (requester == responder) return RefusalReason::kSelf;
  if (by_pair_.contains({requester, responder})) return std::nullopt;  // takes the place of the one it replaces
  if (!has_room()) return RefusalReason::kFull;
  if (count_of(by_peer_, requester) >= policy_.max_per_peer) return RefusalReason::kPeerLimit;
  if (count_of(by_network_, network) >= policy_.max_per_network) return RefusalReason::kNetworkLimit;
  return std::nullopt;
}

Result<Opened, RefusalReason> Sessions::open(Now now, const PeerId& requester, const IpAddress& from,
                                             const PeerId& responder, IpAddress::Family family) {
  const IpAddress network = stun::answer_network(from);
  if (const auto reason = refusal(requester, network, responder)) return fail(*reason);
  if (const auto pair = by_pair_.find({requester, responder}); pair != by_pair_.end()) {
    end(pair->second, EndReason::kReplaced);
  }

  const Slot slot = free_.empty() ? static_cast<Slot>(slots_.size()) : free_.back();
  const auto mine = ports_.take(random_, family, owner_number({slot, Side::kRequester}));
  const auto theirs = mine ? ports_.take(random_, family, owner_number({slot, Side::kResponder})) : std::nullopt;
  if (!theirs) {
    if (mine) ports_.release(*mine);
    return fail(RefusalReason::kNoAddress);
  }
  if (free_.empty()) {
    slots_.emplace_back();
  } else {
    free_.pop_back();
  }

  const auto lifetime_ms = std::chrono::duration_cast<std::chrono::milliseconds>(policy_.lifetime).count();
  Session& session = slots_[slot];
  session = {};
  session.grant = {.session = {random_.array<16>()},
                   .requester = requester,
                   .responder = responder,
                   .requester_relayed = *mine,
                   .responder_relayed = *theirs,
                   .limits = policy_.limits,
                   .until = {now.wall.unix_ms + static_cast<std::uint64_t>(lifetime_ms)}};
  session.network = network;
  session.end = now.mono + policy_.lifetime;
  session.join_by = now.mono + kJoinLimit;
  session.last_byte = now.mono;
  by_id_.emplace(session.grant.session, slot);
  by_pair_.emplace(std::pair(requester, responder), slot);
  ++by_peer_[requester];
  ++by_network_[network];
  session.deadline = session.next_deadline();
  deadlines_.emplace(session.deadline, slot);

  const auto credential_of = [&](const PeerId& peer) {
    Credential out{
        .username = SessionUsername{session.grant.until.unix_ms / 1000, session.grant.session, peer}.to_string(),
        .password = {}};
    out.password = password_of(out.username);
    return out;
  };
  return Opened{session.grant, credential_of(requester), credential_of(responder)};
}

std::string Sessions::password_of(std::string_view username) const { return session_password(secret_, username); }

std::optional<Sessions::End> Sessions::find(std::string_view username) const {
  const auto name = SessionUsername::parse(username);
  if (!name) return std::nullopt;
  const auto at = by_id_.find(name->session);
  if (at == by_id_.end()) return std::nullopt;
  const Grant& grant = slots_[at->second].grant;
  if (name->expiry != grant.until.unix_ms / 1000) return std::nullopt;
  if (name->peer == grant.requester) return End{at->second, Side::kRequester};
  if (name->peer == grant.responder) return End{at->second, Side::kResponder};
  return std::nullopt;
}

const Endpoint& Sessions::relayed(End end) const {
  const Grant& grant = slots_[end.slot].grant;
  return end.side == Side::kRequester ? grant.requester_relayed : grant.responder_relayed;
}

std::optional<std::uint32_t> Sessions::allocation(End end) const {
  return slots_[end.slot].allocations[index_of(end.side)];
}

void Sessions::set_allocation(Instant now, End end, std::optional<std::uint32_t> allocation) {
  Session& session = slots_[end.slot];
  const bool was_joined = session.joined();
  session.allocations[index_of(end.side)] = allocation;
  session.was_joined |= session.joined();
  if (session.joined() && !was_joined) session.last_byte = now;
  if (!session.joined() && was_joined) session.join_by = now + kJoinLimit;  // an end may come back
  file(end.slot);
}

Allowance Sessions::take(Instant now, Slot slot, std::uint64_t bytes) {
  Session& session = slots_[slot];
  const Limits& limits = session.grant.limits;
  if (bytes > limits.bytes - session.bytes) {
    end(slot, EndReason::kLimitReached);
    return {};
  }
  if (const Duration rest = session.pace.wait(now); rest > Duration::zero()) return {.allowed = false, .rest = rest};
  session.bytes += bytes;
  session.last_byte = now;
  session.pace.charge(now, bytes, limits.bytes_per_second);
  return {.allowed = true, .rest = {}};
}

void Sessions::handle_released(Slot slot) {
  const Session& session = slots_[slot];
  if (session.was_joined && !session.allocations[0] && !session.allocations[1]) end(slot, EndReason::kReleased);
}

void Sessions::file(Slot slot) {
  Session& session = slots_[slot];
  deadlines_.erase({session.deadline, slot});
  session.deadline = session.next_deadline();
  deadlines_.emplace(session.deadline, slot);
}

void Sessions::handle_timeout(Instant now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const Slot slot = deadlines_.begin()->second;
    const Session& session = slots_[slot];
    if (session.next_deadline() > now) {  // bytes have flowed since it was filed
      file(slot);
    } else if (session.end <= now) {
      end(slot, EndReason::kExpired);
    } else {
      end(slot, session.joined() ? EndReason::kIdle : EndReason::kNotJoined);
    }
  }
}

void Sessions::end_if_known(const SessionId& session, EndReason reason) {
  const auto at = by_id_.find(session);
  if (at != by_id_.end()) end(at->second, reason);
}

void Sessions::end(Slot slot, EndReason reason) {
  Session& session = slots_[slot];
  const Grant& grant = session.grant;
  ports_.release(grant.requester_relayed);
  ports_.release(grant.responder_relayed);
  by_id_.erase(grant.session);
  by_pair_.erase({grant.requester, grant.responder});
  count_down(by_peer_, grant.requester);
  count_down(by_network_, session.network);
  deadlines_.erase({session.deadline, slot});
  events_.push_back({grant.session, grant.requester, reason, session.bytes, session.allocations});
  session.allocations = {};  // whoever removes them finds nothing here to take them out of
  free_.push_back(slot);
}

std::optional<Ended> Sessions::poll_event() {
  if (events_.empty()) return std::nullopt;
  Ended out = events_.front();
  events_.pop_front();
  return out;
}

std::optional<Instant> Sessions::poll_timeout() const {
  return deadlines_.empty() ? std::nullopt : std::optional(deadlines_.begin()->first);
}

}  // namespace turnpike::turn
