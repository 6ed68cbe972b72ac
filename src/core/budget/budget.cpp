#include "core/budget/budget.h"

#include <algorithm>
#include <cstdlib>

namespace turnpike::budget {
namespace {

constexpr Duration kAfterSessions = 30s;
constexpr Duration kAfterPremiumOnly = 180s;
constexpr Duration kAfterFinishQuotes = 300s;
constexpr Duration kAfterSpent = 1h;  // or sooner, when the month ends
constexpr Duration kAfterShare = 60s;

std::uint64_t bytes_in(Duration time, std::uint64_t rate) {
  return rate / 1'000'000 * static_cast<std::uint64_t>(time.count()) +
         rate % 1'000'000 * static_cast<std::uint64_t>(time.count()) / 1'000'000;
}

std::uint64_t step_of(std::uint64_t rate) {
  return rate == 0 ? kMaxStep
                   : std::clamp(bytes_in(kStepTime, std::min<std::uint64_t>(rate, kGigabyte)), kMinStep, kMaxStep);
}

Traffic smaller_of(const Traffic& a, const Traffic& b) { return {std::min(a.in, b.in), std::min(a.out, b.out)}; }

}  // namespace

Budget::Budget(Now now, Config config, std::optional<Books> books) : config_(config), has_books_(books.has_value()) {
  if (books) books_ = *std::move(books);
  see(now);
  last_account_ = books_.last_account();
  const std::map<std::uint64_t, Traffic> forfeited = books_.reserved();
  for (const auto& [account, reserved] : forfeited) {
    emit({.kind = RowKind::kForfeit, .account = account, .traffic = reserved});
  }
  look(now);
}

// --- who may, and how much ---

Budget::Standing Budget::standing_of(const Asker& asker) const {
  Standing out{.party = asker.peer ? pace::flow_of(*asker.peer) : pace::flow_of(asker.from),
               .tier = config_.tiers.without_grant};
  const auto granted = books_.grants().find(out.party);
  if (asker.peer && granted != books_.grants().end() && granted->second.holds(wall_)) {
    out.tier = granted->second.tier;
    out.is_granted = true;
  }
  return out;
}

Terms Budget::terms_for(const Standing& standing) const {
  Terms out{.bytes_per_second = config_.tiers.of(standing.tier).bytes_per_second, .tier = standing.tier};
  const auto at_most = [&](std::uint64_t rate) {
    out.bytes_per_second = out.bytes_per_second == 0 ? rate : std::min(out.bytes_per_second, rate);
  };
  out.lifetime = kNormalLifetime;
  if (mode_ == Mode::kWarning) {
    at_most(kWarningRate);
    out.lifetime = kWarningLifetime;
  } else if (mode_ == Mode::kPremiumOnly) {
    at_most(kPremiumOnlyRate);
    out.lifetime = kPremiumOnlyLifetime;
  }
  out.bytes =
      out.bytes_per_second == 0
          ? kMaxQuote
          : std::min(
                kMaxQuote,
                std::max(kMinQuote, bytes_in(out.lifetime, std::min<std::uint64_t>(out.bytes_per_second, kGigabyte))));
  return out;
}

std::optional<Refusal> Budget::refusal_by_mode(const Standing& standing, Duration tried) const {
  switch (mode_) {
    case Mode::kNormal:
      return std::nullopt;
    case Mode::kWarning:
      if (tried >= kCheaperTime) return std::nullopt;
      return Refusal{Refused::kCheaperFirst, kCheaperTime - tried};
    case Mode::kPremiumOnly:
      if (standing.is_granted && standing.tier == Tier::kPremium) return std::nullopt;
      return Refusal{Refused::kPremiumOnly, kAfterPremiumOnly};
    case Mode::kFinishQuotes:
      return Refusal{Refused::kFinishQuotes, kAfterFinishQuotes};
    case Mode::kSpent:
      return Refusal{Refused::kSpent, until_month_end()};
  }
  return std::nullopt;
}

std::optional<Refusal> Budget::refusal_by_count(const Standing& standing, const IpAddress& network) const {
  if (accounts_.size() >= kMaxAccounts) return Refusal{Refused::kFull, kAfterSessions};
  const auto party = parties_.find(standing.party);
  if (party != parties_.end() && party->second.sessions >= config_.tiers.of(standing.tier).sessions) {
    return Refusal{Refused::kSessions, kAfterSessions};
  }
  const auto near = by_network_.find(network);
  if (!standing.is_granted && near != by_network_.end() && near->second >= config_.sessions_per_network) {
    return Refusal{Refused::kNetwork, kAfterSessions};
  }
  return std::nullopt;
}

// Its weight's part among those that have sessions or wait for one.
std::uint64_t Budget::share_of(Instant now, const Standing& standing, std::uint64_t room) const {
  const std::uint64_t own = config_.tiers.of(standing.tier).weight;
  const auto known = parties_.find(standing.party);
  std::uint64_t all = own + weight_in_use_;
  if (known != parties_.end() && known->second.sessions > 0) all -= known->second.weight;
  for (const auto& [party, waiting] : waiting_) {
    if (party != standing.party && now < waiting.until) all += waiting.weight;
  }
  return room / all * own + room % all * own / all;
}

Duration Budget::remember(Instant now, const Party& party, const Asker& asker) {
  const std::pair pair{party, asker.towards ? pace::flow_of(*asker.towards) : Party{}};
  auto at = wishes_.find(pair);
  if (at == wishes_.end()) {
    if (wishes_.size() >= kMaxRemembered) {
      wishes_.erase(wishes_by_age_.front());
      wishes_by_age_.pop_front();
    }
    const auto age = wishes_by_age_.insert(wishes_by_age_.end(), pair);
    at = wishes_.emplace(pair, Wish{.first = now, .last = now, .age = age}).first;
  }
  Wish& wish = at->second;
  if (now >= wish.last + kRememberWish) wish.first = now;
  wish.last = now;
  wishes_by_age_.splice(wishes_by_age_.end(), wishes_by_age_, wish.age);
  return now - wish.first;
}

Result<Terms, Refusal> Budget::consider(Now now, const Asker& asker) {
  look(now);
  if (!has_books_ || !is_writing_) return fail(Refusal{Refused::kLedger, kAfterShare});
  const std::uint64_t room = config_.plan.room_beside(books_.spent() + promised_, asker.way);
  const bool is_spent = room + (promised_.out - used_.out) < kMinQuote;
  if (asker.is_ourselves) {
    if (mode_ == Mode::kSpent || room < kMinQuote) return fail(Refusal{Refused::kSpent, until_month_end()});
    return Terms{.bytes = std::min(room, kOwnQuote), .lifetime = kOwnLifetime};
  }
  const Standing standing = standing_of(asker);
  const Duration tried = remember(now.mono, standing.party, asker);
  std::optional<Refusal> refusal = refusal_by_mode(standing, tried);
  if (!refusal) refusal = refusal_by_count(standing, network_of(asker.from));
  if (refusal) return fail(*refusal);
  Terms terms = terms_for(standing);
  const std::uint64_t share = share_of(now.mono, standing, room);
  if (share < asker.whole.value_or(kMinQuote)) {
    if (is_spent) return fail(Refusal{Refused::kSpent, until_month_end()});
    if (waiting_.size() < kMaxWaiting || waiting_.contains(standing.party)) {
      waiting_.insert_or_assign(standing.party,
                                Waiting{now.mono + kWaitingCounts, config_.tiers.of(standing.tier).weight});
    }
    return fail(Refusal{Refused::kShare, kAfterShare});
  }
  terms.bytes = asker.whole.value_or(std::min(terms.bytes, share));
  return terms;
}

Result<Terms, Refusal> Budget::open(Now now, const Asker& asker) {
  auto terms = consider(now, asker);
  if (!terms) {
    ++refused_;
    return terms;
  }
  ++granted_;
  const Standing standing = standing_of(asker);
  terms->account = ++last_account_;
  Account account{.party = standing.party,
                  .network = {},
                  .tier = terms->tier,
                  .way = asker.way,
                  .rate = terms->bytes_per_second,
                  .quote = terms->bytes,
                  .promised = traffic_of(asker.way, terms->bytes)};
  if (!asker.is_ourselves) count_in(account, standing, asker);
  promised_ = promised_ + account.promised;
  Account& opened = accounts_.emplace(terms->account, account).first->second;
  reserve(terms->account, opened);
  return terms;
}

void Budget::count_in(Account& account, const Standing& standing, const Asker& asker) {
  account.is_counted = true;
  waiting_.erase(account.party);
  PartyState& party = parties_[account.party];
  if (party.sessions > 0) weight_in_use_ -= party.weight;
  ++party.sessions;
  party.weight = config_.tiers.of(standing.tier).weight;
  weight_in_use_ += party.weight;
  ++by_tier_[static_cast<std::size_t>(account.tier)];
  if (standing.is_granted) return;
  account.network = network_of(asker.from);
  ++by_network_[*account.network];
}

void Budget::count_out(Instant now, const Account& account) {
  --by_tier_[static_cast<std::size_t>(account.tier)];
  const auto party = parties_.find(account.party);
  if (--party->second.sessions == 0) {
    weight_in_use_ -= party->second.weight;
    // One that has run ahead of its rate is kept a while, or closing and opening would outrun it.
    if (party->second.paid_until <= now) parties_.erase(party);
  }
  if (!account.network) return;
  const auto network = by_network_.find(*account.network);
  if (--network->second == 0) by_network_.erase(network);
}

AccountId Budget::open_purse(Now now) {
  look(now);
  Account& purse = accounts_.emplace(++last_account_, Account{.way = Way::kThrough, .is_purse = true}).first->second;
  top_up(purse);
  reserve(last_account_, purse);
  return last_account_;
}

// --- what flows ---

Take Budget::take(Now now, AccountId id, const Traffic& traffic) {
  look(now);
  const auto at = accounts_.find(id);
  if (at == accounts_.end()) return {};
  Account& account = at->second;
  if (account.is_purse) top_up(account);
  const Traffic used = account.used + traffic;
  if (!account.promised.holds(used)) return {};
  if (!account.durable.holds(used)) {
    reserve(id, account);
    return {.verdict = Take::Verdict::kLater, .rest = kDiskPoll};
  }
  account.used = used;
  account.carried += account.way == Way::kInward ? traffic.in : traffic.out;
  used_ = used_ + traffic;
  const std::uint64_t left = account.way == Way::kInward ? account.asked.in - used.in : account.asked.out - used.out;
  // The next step is asked for while half of this one is left: the disk need not be waited for.
  if (left < step_of(account.rate) / 2) reserve(id, account);
  if (account.rate == 0 || !account.is_counted) return {.verdict = Take::Verdict::kPass};
  PartyState& party = parties_[account.party];
  const std::uint64_t bytes = std::max(traffic.in, traffic.out);
  party.paid_until = std::max(party.paid_until, now.mono - kRateBurst) +
                     Duration(static_cast<std::int64_t>(std::min(bytes, kGigabyte) * 1'000'000 / account.rate));
  return {.verdict = Take::Verdict::kPass, .rest = std::max(party.paid_until - now.mono, Duration{})};
}

void Budget::close(Now now, AccountId id) {
  look(now);
  const auto at = accounts_.find(id);
  if (at == accounts_.end()) return;
  const Account account = at->second;
  accounts_.erase(at);
  promised_ = promised_ - account.promised;
  used_ = used_ - account.used;
  settle(id, account);
  if (account.is_counted) count_out(now.mono, account);
}

void Budget::close_all(Now now) {
  while (!accounts_.empty()) close(now, accounts_.begin()->first);
}

void Budget::settle(AccountId id, const Account& account) {
  if (!account.asked.is_none()) emit({.kind = RowKind::kSettle, .account = id, .traffic = account.used});
}

// One step more, where the last is at hand and something is left of the promise.
void Budget::reserve(AccountId id, Account& account) {
  if (account.asked != account.durable) return;
  const Traffic step = smaller_of(traffic_of(account.way, step_of(account.rate)), account.promised - account.asked);
  if (step.is_none()) return;
  account.asked = account.asked + step;
  emit({.kind = RowKind::kReserve, .account = id, .traffic = step, .party = account.party});
}

void Budget::top_up(Account& purse) {
  if (mode_ == Mode::kSpent || !has_books_ || !is_writing_) return;
  if (purse.promised.out - purse.used.out >= kMaxPurse / 2) return;
  const std::uint64_t room = config_.plan.room_beside(books_.spent() + promised_, purse.way);
  const std::uint64_t step = std::clamp(room / kPurseShare, std::min(room, kMinPurse), kMaxPurse);
  if (purse.promised.out - purse.used.out >= step / 2) return;
  const Traffic more = traffic_of(purse.way, step);
  purse.promised = purse.promised + more;
  promised_ = promised_ + more;
}

// --- the operator ---

bool Budget::grant(Now now, const PeerId& peer, const TierGrant& grant) {
  look(now);
  const Party party = pace::flow_of(peer);
  if (!has_books_ || (books_.grants().size() >= kMaxGrants && !books_.grants().contains(party))) return false;
  const std::uint64_t until = grant.until ? std::max<std::uint64_t>(1, grant.until->unix_ms) : 0;
  emit({.kind = RowKind::kGrant, .party = party, .tier = grant.tier, .until_ms = until});
  return true;
}

bool Budget::revoke(Now now, const PeerId& peer) {
  look(now);
  const Party party = pace::flow_of(peer);
  if (!books_.grants().contains(party)) return false;
  emit({.kind = RowKind::kRevoke, .party = party});
  return true;
}

// --- the disk ---

void Budget::emit(Row row) {
  row.number = books_.rows() + 1;
  if (row.kind != RowKind::kMonth) row.month = books_.month();
  row.at = wall_;
  const auto applied = books_.apply(row);
  if (!applied) std::abort();  // our own row: a bug, and no time to go on spending
  rows_.push_back(row);
}

std::optional<Row> Budget::poll_row() {
  if (rows_.empty()) return std::nullopt;
  const Row row = rows_.front();
  rows_.pop_front();
  const bool reserves = row.kind == RowKind::kReserve;
  in_flight_.push_back({reserves ? row.account : 0, row.month, reserves ? row.traffic : Traffic{}});
  return row;
}

void Budget::handle_written(std::size_t rows) {
  is_writing_ = true;
  for (; rows > 0 && !in_flight_.empty(); --rows) {
    const InFlight written = in_flight_.front();
    in_flight_.pop_front();
    const auto at = accounts_.find(written.account);
    // One of a month that is over was settled, and asked for anew.
    if (at == accounts_.end() || written.month != books_.month()) continue;
    at->second.durable = at->second.durable + written.reserved;
  }
}

std::optional<Budget::Event> Budget::poll_event() {
  if (events_.empty()) return std::nullopt;
  const Event event = events_.front();
  events_.pop_front();
  return event;
}

// --- time and money ---

void Budget::see(Now now) {
  const auto shifted = static_cast<std::int64_t>(now.wall.unix_ms) + config_.shift_ms;
  wall_.unix_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(0, shifted));
}

void Budget::look(Now now) {
  see(now);
  if (!look_again_ || now.mono >= *look_again_) {
    look_again_ = now.mono + kLookAgain;
    sweep(now.mono);
  }
  if (!has_books_) return;
  const Month month = Month::of(wall_);
  if (!books_.has_begun() || month > books_.month()) turn_month(month);
  const Ratio projected_ratio = ratio_of(projected());
  const Ratio spent_ratio = ratio_of(config_.plan.cost_of(flowed()));
  const Mode before = mode_;
  mode_ = mode_after(before, projected_ratio, spent_ratio);
  if (mode_ != before) events_.emplace_back(ModeChanged{before, mode_, projected_ratio, spent_ratio});
}

void Budget::sweep(Instant now) {
  std::erase_if(parties_,
                [now](const auto& each) { return each.second.sessions == 0 && each.second.paid_until <= now; });
  std::erase_if(waiting_, [now](const auto& each) { return each.second.until <= now; });
}

// What flowed is the old month's, what is promised the new one's, and is reserved there anew before it flows.
void Budget::turn_month(Month month) {
  for (const auto& [id, account] : accounts_) settle(id, account);
  used_ = {};
  promised_ = {};
  emit({.kind = RowKind::kMonth, .month = month});
  events_.emplace_back(MonthBegan{month});
  for (auto& [id, account] : accounts_) {
    account.used = {};
    account.asked = {};
    account.durable = {};
    account.promised = account.is_purse
                           ? Traffic{}
                           : traffic_of(account.way, account.quote - std::min(account.quote, account.carried));
    promised_ = promised_ + account.promised;
    reserve(id, account);
  }
  for (auto& [id, account] : accounts_) {
    if (!account.is_purse) continue;
    top_up(account);
    reserve(id, account);
  }
}

Duration Budget::until_month_end() const {
  const std::uint64_t end = books_.month().end().unix_ms;
  const std::uint64_t left = end > wall_.unix_ms ? end - wall_.unix_ms : 0;
  return std::clamp<Duration>(std::chrono::milliseconds(std::min<std::uint64_t>(left, 86'400'000)), 1s, kAfterSpent);
}

MicroUsd Budget::projected() const {
  const std::uint64_t begin = books_.month().begin().unix_ms;
  const std::uint64_t minutes = (books_.month().end().unix_ms - begin) / 60'000;
  const std::uint64_t passed_ms = wall_.unix_ms > begin ? wall_.unix_ms - begin : 0;  // the clock may have gone back
  const std::uint64_t passed = std::min(std::max(passed_ms, kProjectFrom) / 60'000, minutes);
  const auto at_the_end = [&](std::uint64_t bytes) {
    return bytes / passed * minutes + bytes % passed * minutes / passed;
  };
  const Traffic now = flowed();
  return std::max(config_.plan.cost_of(now), config_.plan.cost_of({at_the_end(now.in), at_the_end(now.out)}));
}

Ratio Budget::ratio_of(MicroUsd cost) const {
  constexpr std::uint64_t kMuch = 100;  // times the budget: more makes no difference
  const std::uint64_t budget = config_.plan.budget.value;
  if (cost.value == 0) return 0;
  if (cost.value / kMuch >= budget) return kMuch * kWhole;
  return static_cast<Ratio>(cost.value * kWhole / budget);
}

Figures Budget::figures(Now now) {
  look(now);
  const Traffic all = flowed();
  Figures out{.month = books_.month(), .resets = books_.month().end(), .mode = mode_, .budget = config_.plan.budget};
  out.spent = config_.plan.cost_of(all);
  out.projected = projected();
  out.projected_ratio = ratio_of(out.projected);
  out.spent_ratio = ratio_of(out.spent);
  out.flowed = all;
  out.promised = promised_ - used_;
  out.room = config_.plan.room_beside(books_.spent() + promised_, Way::kThrough);
  out.sessions = by_tier_;
  out.granted = granted_;
  out.refused = refused_;
  out.grants = books_.grants().size();
  out.is_writing = has_books_ && is_writing_;
  return out;
}

std::string_view words_of(Refused reason) {
  switch (reason) {
    case Refused::kSessions:
      return "all relay sessions of our tier are in use";
    case Refused::kNetwork:
      return "too many relay sessions of our network";
    case Refused::kCheaperFirst:
      return "its budget runs low, and cheaper ways must be tried first";
    case Refused::kPremiumOnly:
      return "its budget runs low, and only premium peers are relayed";
    case Refused::kFinishQuotes:
      return "its budget runs out, and only running sessions are relayed";
    case Refused::kSpent:
      return "its budget for this month is spent";
    case Refused::kShare:
      return "what is left of its budget is promised to others";
    case Refused::kLedger:
      return "it cannot write down what it relays";
    case Refused::kFull:
      return "it is full";
  }
  return "";
}

std::string_view suggestion_for(Refused reason) {
  switch (reason) {
    case Refused::kSessions:
    case Refused::kNetwork:
      return "wait for a running session to end, or ask the operator for a higher tier";
    case Refused::kCheaperFirst:
      return "attempt_p2p_first";
    case Refused::kPremiumOnly:
    case Refused::kFinishQuotes:
    case Refused::kSpent:
      return "open a port on one side, use a peer's relay, or another bootstrap";
    case Refused::kShare:
      return "ask again later, or for less";
    case Refused::kLedger:
      return "tell the operator to look at the bootstrap's log and disk";
    case Refused::kFull:
      return "ask again later";
  }
  return "";
}

}  // namespace turnpike::budget
