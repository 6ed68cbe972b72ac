#include "core/relay/sessions.h"

#include <algorithm>

#include "crypto/mac.h"

namespace turnpike::relay {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

// How far ahead of the granted rate a session may run, so that reads of any usual size pass without a rest.
constexpr Duration kBurst = std::chrono::milliseconds(100);
// Rates above are not worth metering, and their arithmetic would not fit.
constexpr std::uint64_t kUnmeteredRate = 1'000'000'000'000;

// How long `bytes` take at `rate`. Capped at a day, which no session lives.
Duration time_for(std::uint64_t bytes, std::uint64_t rate) {
  const std::uint64_t whole = std::min<std::uint64_t>(bytes / rate, 86'400);
  const std::uint64_t rest = bytes % rate * 1'000'000 / rate;
  return seconds(static_cast<std::int64_t>(whole)) + microseconds(static_cast<std::int64_t>(rest));
}

// Where we are an end, the other end's bytes come in and go no further.
budget::Traffic traffic_of(bool is_ours, Side from, std::uint64_t bytes) {
  if (!is_ours) return {bytes, bytes};
  return from == Side::kInitiator ? budget::Traffic{0, bytes} : budget::Traffic{bytes, 0};
}

RefusalReason reason_of(budget::Refused reason) {
  switch (reason) {
    case budget::Refused::kSessions:
      return RefusalReason::kTier;
    case budget::Refused::kNetwork:
      return RefusalReason::kNetworkLimit;
    case budget::Refused::kCheaperFirst:
      return RefusalReason::kCheaperFirst;
    case budget::Refused::kPremiumOnly:
      return RefusalReason::kPremiumOnly;
    case budget::Refused::kFinishQuotes:
      return RefusalReason::kFinishQuotes;
    case budget::Refused::kSpent:
      return RefusalReason::kSpent;
    case budget::Refused::kShare:
      return RefusalReason::kShare;
    case budget::Refused::kLedger:
      return RefusalReason::kLedger;
    case budget::Refused::kFull:
      return RefusalReason::kFull;
  }
  return RefusalReason::kFull;
}

template <class Map, class Key>
std::size_t count_of(const Map& map, const Key& key) {
  const auto at = map.find(key);
  return at == map.end() ? 0 : at->second;
}

template <class Map, class Key>
void decrement(Map& map, const Key& key) {
  const auto at = map.find(key);
  if (--at->second == 0) map.erase(at);
}

}  // namespace

std::string_view to_string(EndReason reason) {
  switch (reason) {
    case EndReason::kLeft:
      return "left";
    case EndReason::kReplaced:
      return "replaced";
    case EndReason::kNotJoined:
      return "not joined";
    case EndReason::kIdle:
      return "idle";
    case EndReason::kQuoteUsed:
      return "quote used";
    case EndReason::kExpired:
      return "expired";
  }
  return "";
}

Sessions::Sessions(Policy policy, Random& random, budget::Budget* budget)
    : policy_(policy), random_(random), budget_(budget), secret_(random.array<32>()) {}

Result<Grant, Refusal> Sessions::open(Now now, const PeerId& initiator, const IpAddress& from, const PeerId& responder,
                                      bool is_ours) {
  const IpAddress network = network_of(from);
  // The slot is freed first: a peer that reconnects is not refused for its own ghost.
  const auto slot = slots_.find({initiator, responder});
  if (slot != slots_.end()) end(now, sessions_.find(slot->second), EndReason::kReplaced);

  Counters& counters = counted(initiator);
  if (const auto reason = limit_reached(initiator, network, responder)) {
    ++totals_.refused;
    ++counters.refused;
    return fail(Refusal{*reason, *reason == RefusalReason::kSelf ? Duration{} : kJoinLimit});
  }
  const auto terms = terms_for(now, {.peer = initiator,
                                     .from = from,
                                     .towards = responder,
                                     .way = is_ours ? budget::Way::kInward : budget::Way::kThrough,
                                     .is_ourselves = is_ours});
  if (!terms) {
    ++totals_.refused;
    ++counters.refused;
    return fail(terms.error());
  }
  ++totals_.sessions_opened;
  ++counters.sessions_opened;

  const SessionId id{random_.array<16>()};
  Session session;
  session.initiator = initiator;
  session.responder = responder;
  session.network = network;
  session.is_ours = is_ours;
  session.account = terms->account;
  session.end = now.mono + terms->lifetime;
  session.join_by = now.mono + kJoinLimit;
  const auto lifetime_ms = std::chrono::duration_cast<std::chrono::milliseconds>(terms->lifetime).count();
  session.quote = {terms->bytes, terms->bytes_per_second,
                   WallTime{now.wall.unix_ms + static_cast<std::uint64_t>(lifetime_ms)}};
  const Grant grant{id, credential_of(id, initiator, Side::kInitiator), credential_of(id, responder, Side::kResponder),
                    session.quote};
  file(id, session);
  sessions_.emplace(id, std::move(session));
  slots_.emplace(std::pair{initiator, responder}, id);
  ++by_initiator_[initiator];
  ++by_responder_[responder];
  ++by_network_[network];
  return grant;
}

Result<budget::Terms, Refusal> Sessions::terms_for(Now now, const budget::Asker& asker) {
  if (budget_ == nullptr) {
    return budget::Terms{
        .bytes = policy_.bytes, .bytes_per_second = policy_.bytes_per_second, .lifetime = policy_.lifetime};
  }
  auto terms = budget_->open(now, asker);
  if (!terms) return fail(Refusal{reason_of(terms.error().reason), terms.error().retry_after});
  return *terms;
}

Result<Join, JoinError> Sessions::join(Now now, const SessionId& id, const Credential& credential) {
  handle_timeout(now);  // so that no one joins what is over but has not been swept
  const auto at = sessions_.find(id);
  if (at == sessions_.end()) return fail(JoinError::kNoSession);
  Session& session = at->second;
  const auto is = [&](const PeerId& peer, Side side) {
    return crypto::equal_in_constant_time(credential_of(id, peer, side).bytes, credential.bytes);
  };
  const bool as_initiator = is(session.initiator, Side::kInitiator);
  const bool as_responder = is(session.responder, Side::kResponder);
  if (!as_initiator && !as_responder) return fail(JoinError::kWrongCredential);
  bool& joined = as_initiator ? session.initiator_joined : session.responder_joined;
  if (joined) return fail(JoinError::kAlreadyJoined);
  joined = true;

  const bool paired = session.initiator_joined && session.responder_joined;
  if (paired) {
    session.last_byte = now.mono;
    session.rested_until = now.mono;
    ++totals_.sessions_joined;
    ++counted(session.initiator).sessions_joined;
    ++counted(session.responder).sessions_joined;
    file(id, session);
  }
  return Join{.side = as_initiator ? Side::kInitiator : Side::kResponder,
              .peer = as_initiator ? session.initiator : session.responder,
              .partner = as_initiator ? session.responder : session.initiator,
              .quote = session.quote,
              .paired = paired};
}

Allowance Sessions::take(Now now, const SessionId& id, std::uint64_t bytes, Side from) {
  const auto at = sessions_.find(id);
  if (at == sessions_.end() || !at->second.paired()) return {};
  Session& session = at->second;
  if (now.mono >= session.end) {
    end(now, at, EndReason::kExpired);
    return {};
  }
  if (bytes > session.quote.bytes - session.used) {
    end(now, at, EndReason::kQuoteUsed);
    return {};
  }
  Duration rest{};  // the identity's, over all its sessions
  if (budget_ != nullptr) {
    const budget::Take take = budget_->take(now, session.account, traffic_of(session.is_ours, from, bytes));
    if (take.verdict == budget::Take::Verdict::kLater) return {.ask_again = true, .rest = take.rest};
    if (take.verdict == budget::Take::Verdict::kOver) {
      end(now, at, EndReason::kQuoteUsed);
      return {};
    }
    rest = take.rest;
  }
  session.used += bytes;
  session.last_byte = now.mono;
  totals_.bytes += bytes;
  counted(session.initiator).bytes += bytes;
  counted(session.responder).bytes += bytes;

  const std::uint64_t rate = session.quote.bytes_per_second;
  if (rate == 0 || rate > kUnmeteredRate) return {.allowed = true, .rest = rest};
  session.rested_until = std::max(session.rested_until, now.mono - kBurst) + time_for(bytes, rate);
  return {.allowed = true, .rest = std::max(session.rested_until - now.mono, rest)};
}

void Sessions::leave(Now now, const SessionId& id) {
  const auto at = sessions_.find(id);
  if (at != sessions_.end()) end(now, at, EndReason::kLeft);
}

void Sessions::handle_timeout(Now now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now.mono) {
    const auto at = sessions_.find(deadlines_.begin()->second);
    Session& session = at->second;
    if (session.end <= now.mono) {
      end(now, at, EndReason::kExpired);
    } else if (!session.paired()) {
      end(now, at, EndReason::kNotJoined);
    } else if (session.last_byte + kIdleLimit <= now.mono) {
      end(now, at, EndReason::kIdle);
    } else {
      file(at->first, session);  // bytes have flowed since it was filed
    }
  }
}

std::optional<Ended> Sessions::poll_event() {
  if (events_.empty()) return std::nullopt;
  const Ended out = events_.front();
  events_.pop_front();
  return out;
}

std::optional<Instant> Sessions::poll_timeout() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.begin()->first;
}

bool Sessions::is_paired(const SessionId& id) const {
  const auto at = sessions_.find(id);
  return at != sessions_.end() && at->second.paired();
}

Counters Sessions::counters_of(const PeerId& peer) const {
  const auto at = counted_.find(peer);
  return at == counted_.end() ? Counters{} : at->second.counters;
}

std::vector<std::pair<PeerId, Counters>> Sessions::counters() const {
  std::vector<std::pair<PeerId, Counters>> out;
  out.reserve(counted_.size());
  for (const auto& [peer, counted] : counted_) out.emplace_back(peer, counted.counters);
  return out;
}

// Made anew when it is needed, never kept: it says for whom, which end, and of which session.
Credential Sessions::credential_of(const SessionId& id, const PeerId& peer, Side side) const {
  Bytes message = copy_of(id.bytes);
  message.push_back(static_cast<std::uint8_t>(side));
  message.insert(message.end(), peer.public_key.begin(), peer.public_key.end());
  return {crypto::hmac_sha256(secret_, message)};
}

std::optional<RefusalReason> Sessions::limit_reached(const PeerId& initiator, const IpAddress& network,
                                                     const PeerId& responder) const {
  if (initiator == responder) return RefusalReason::kSelf;
  if (count_of(by_initiator_, initiator) >= kMaxSessionsPerInitiator) return RefusalReason::kPeerLimit;
  if (count_of(by_responder_, responder) >= kMaxSessionsPerResponder) return RefusalReason::kPeerLimit;
  if (count_of(by_network_, network) >= kMaxSessionsPerNetwork) return RefusalReason::kNetworkLimit;
  if (sessions_.size() >= kMaxSessions) return RefusalReason::kFull;
  return std::nullopt;
}

// Files the session under the next instant at which it may be over. Bytes that flow later are not refiled one by one:
// handle_timeout looks again.
void Sessions::file(const SessionId& id, Session& session) {
  deadlines_.erase({session.deadline, id});
  session.deadline = std::min(session.end, session.paired() ? session.last_byte + kIdleLimit : session.join_by);
  deadlines_.emplace(session.deadline, id);
}

void Sessions::end(Now now, Table::iterator at, EndReason reason) {
  const Session& session = at->second;
  if (budget_ != nullptr) budget_->close(now, session.account);
  deadlines_.erase({session.deadline, at->first});
  slots_.erase({session.initiator, session.responder});
  decrement(by_initiator_, session.initiator);
  decrement(by_responder_, session.responder);
  decrement(by_network_, session.network);
  events_.push_back({at->first, reason});
  sessions_.erase(at);
}

Counters& Sessions::counted(const PeerId& peer) {
  const auto known = counted_.find(peer);
  if (known != counted_.end()) {
    by_age_.splice(by_age_.end(), by_age_, known->second.age);
    return known->second.counters;
  }
  if (counted_.size() >= kMaxCountedPeers) {
    counted_.erase(by_age_.front());
    by_age_.pop_front();
  }
  const auto age = by_age_.insert(by_age_.end(), peer);
  return counted_.emplace(peer, Counted{{}, age}).first->second.counters;
}

}  // namespace turnpike::relay
