#include "core/kad/node.h"

#include <algorithm>
#include <utility>

#include "core/kad/realm.h"

namespace turnpike::kad {

Node::Node(Instant, identity::AnyPeerId self, Random& random)
    : self_{std::move(self), {}}, random_(random), table_(self_.id) {}

void Node::handle_peer(Instant now, const Peer& peer, const IpAddress& seen, bool serves) {
  if (!serves) {
    table_.remove(peer.id);
    return;
  }
  const bool was_alone = table_.size() == 0;
  if (table_.add(now, {peer, seen}) != Added::kNew) return;
  whole_until_ = Instant();  // there are more than we took for all
  look_gap_ = kFirstRefresh;
  if (was_alone) next_look_ = now;
  if (next_look_) next_look_ = std::min(*next_look_, now + look_gap_);
}

Result<std::optional<Message>, Refused> Node::handle_request(Instant now, const Asker& asker, const Message& request) {
  table_.heard(now, asker.id);
  return Server{self_, table_, providers_, offers_}.answer(now, asker, request);
}

void Node::set_addresses(Instant now, std::vector<multiaddr::Multiaddr> addresses) {
  if (addresses == self_.addresses) return;
  self_.addresses = std::move(addresses);
  offers_.again(now);
}

void Node::offer(Instant now, const Digest& store) { offers_.add(now, store); }
void Node::withdraw(const Digest& store) { offers_.remove(store); }

bool Node::find(Instant now, const Digest& store) {
  const auto known = looked_.find(store);
  if (known != looked_.end() && (known->second.under_way || now < known->second.again)) return false;
  if (known == looked_.end() && looked_.size() >= kMaxWaiting) {
    std::erase_if(looked_, [&](const auto& entry) { return !entry.second.under_way && now >= entry.second.again; });
    if (looked_.size() >= kMaxWaiting) return false;
  }
  looked_[store].under_way = true;
  waiting_.push_back(store);
  return true;
}

std::size_t Node::finds() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(searches_, [](const auto& entry) { return entry.second.purpose == Purpose::kFind; }));
}

bool Node::is_under_way(Purpose purpose) const {
  return std::ranges::any_of(searches_, [=](const auto& entry) { return entry.second.purpose == purpose; });
}

bool Node::may_find() const { return !waiting_.empty() && table_.size() > 0 && finds() < kMaxFinds; }

bool Node::may_tell() const {
  return !self_.addresses.empty() && table_.size() > 0 && !telling_ && !is_under_way(Purpose::kTell);
}

void Node::begin(Instant now, Purpose purpose, const Digest& store, Bytes key) {
  const LookupOptions options{.type = purpose == Purpose::kFind ? Type::kGetProviders : Type::kFindNode};
  const auto seeds = table_.closest(Place::of(key), kReplication);
  searches_.emplace(++numbers_, Search{purpose, store, Lookup(now, self_.id, std::move(key), seeds, options)});
}

void Node::start_find(Instant now, const Digest& store) {
  const Bytes key = provider_key(store);
  begin(now, Purpose::kFind, store, key);
  for (Peer& provider : providers_.of(now, key)) found(searches_.rbegin()->second, std::move(provider));
}

void Node::found(Search& search, Peer provider) {
  const bool known = std::ranges::find(search.told, provider.id) != search.told.end();
  if (search.purpose != Purpose::kFind || known || provider.id == self_.id) return;
  search.told.push_back(provider.id);
  events_.emplace_back(FoundProvider{search.store, std::move(provider)});
}

// One store at a time, by a look-up of whom to tell; or many, where everybody is known and is to be told of all.
void Node::start_telling(Instant now) {
  const auto due = offers_.poll_timeout();
  if (!may_tell() || !due || *due > now || !tell_allowance_.take(now)) return;
  if (now >= whole_until_) {
    const Digest store = *offers_.poll_due(now);
    begin(now, Purpose::kTell, store, provider_key(store));
    return;
  }
  std::vector<Digest> stores;
  while (stores.size() < kMaxBatch) {
    const auto store = offers_.poll_due(now);
    if (!store) break;
    stores.push_back(*store);
  }
  tell(now, std::move(stores), whole_network_);
}

void Node::tell(Instant now, std::vector<Digest> stores, const std::vector<Peer>& peers) {
  telling_ = Telling{std::move(stores), {peers.begin(), peers.end()}, 0, 0};
  finish_telling(now);
}

void Node::look_around(Instant now) {
  next_look_ = now + look_gap_;
  look_gap_ = std::min(2 * look_gap_, kRefresh);
  begin(now, Purpose::kLookAround, {}, self_.id.to_bytes());
  begin(now, Purpose::kLookAround, {}, provider_key(random_.array<32>()));
  for (const Peer& silent : table_.silent(now - std::min(kUnheard, now.time_since_epoch()), kMaxPings)) {
    pings_.push_back(silent);
  }
}

void Node::pump(Instant now) {
  while (may_find() && find_allowance_.take(now)) {
    const Digest store = waiting_.front();
    waiting_.pop_front();
    start_find(now, store);
  }
  start_telling(now);
  const bool is_time = next_look_ && now >= *next_look_ && table_.size() > 0;
  if (is_time && !is_under_way(Purpose::kLookAround)) look_around(now);
  settle(now);
}

Ask Node::to_tell(const Peer& peer) const {
  Ask ask{{}, peer, {}, false};
  const auto at = peer.addresses.empty() ? std::nullopt : endpoint_of(peer.addresses.front());
  if (!at) return ask;
  const Peer told{self_.id, passing(self_.addresses, at->address, self_.id)};
  if (told.addresses.empty()) return ask;
  for (const Digest& store : telling_->stores) {
    ask.messages.push_back({Type::kAddProvider, provider_key(store), {}, {told}});
  }
  return ask;
}

std::optional<Ask> Node::next_ask(Instant now) {
  if (asks_.size() >= kMaxAsks) return std::nullopt;
  const auto file = [&](Ask ask, std::optional<std::uint64_t> search, bool telling) {
    ask.id = {++numbers_};
    asks_.emplace(ask.id, Pending{ask.peer.id, search, telling, now + kQuestionTime});
    return ask;
  };
  for (auto& [number, search] : searches_) {
    if (auto question = search.lookup.poll_question(now)) {
      return file({{}, std::move(question->peer), {std::move(question->message)}, true}, number, false);
    }
  }
  while (telling_ && !telling_->peers.empty() && telling_->open < kParallel) {
    Ask ask = to_tell(telling_->peers.front());
    telling_->peers.pop_front();
    if (ask.messages.empty()) continue;  // it could do nothing with our addresses
    ++telling_->open;
    return file(std::move(ask), std::nullopt, true);
  }
  if (pings_.empty()) return std::nullopt;
  Ask ask{{}, std::move(pings_.front()), {{Type::kPing, {}, {}, {}}}, true};
  pings_.pop_front();
  return file(std::move(ask), std::nullopt, false);
}

std::optional<Ask> Node::poll_ask(Instant now) {
  pump(now);
  auto ask = next_ask(now);
  if (!ask) finish_telling(now);
  return ask;
}

std::optional<Node::Pending> Node::take(AskId ask) {
  const auto at = asks_.find(ask);
  if (at == asks_.end()) return std::nullopt;
  Pending pending = std::move(at->second);
  asks_.erase(at);
  return pending;
}

void Node::end_ask(Instant now, const Pending& pending, bool well) {
  if (well) {
    table_.heard(now, pending.peer);
  } else {
    table_.failed(pending.peer);
  }
  if (!pending.telling || !telling_) return;
  --telling_->open;
  if (well) ++telling_->reached;
  finish_telling(now);
}

void Node::handle_answer(Instant now, AskId ask, const IpAddress& at, const Message& answer) {
  const auto pending = take(ask);
  if (!pending) return;
  const auto search = pending->search ? searches_.find(*pending->search) : searches_.end();
  if (search != searches_.end()) search->second.lookup.handle_answer(now, pending->peer, at, answer);
  end_ask(now, *pending, now < pending->deadline);
  settle(now);
}

void Node::handle_sent(Instant now, AskId ask) {
  const auto pending = take(ask);
  if (pending) end_ask(now, *pending, pending->telling);
}

void Node::handle_failure(Instant now, AskId ask) {
  const auto pending = take(ask);
  if (!pending) return;
  const auto search = pending->search ? searches_.find(*pending->search) : searches_.end();
  if (search != searches_.end()) search->second.lookup.handle_failure(now, pending->peer);
  end_ask(now, *pending, false);
  settle(now);
}

void Node::handle_timeout(Instant now) {
  std::vector<AskId> late;
  for (const auto& [id, pending] : asks_) {
    if (now >= pending.deadline) late.push_back(id);
  }
  for (const AskId id : late) handle_failure(now, id);
  for (auto& [number, search] : searches_) search.lookup.handle_timeout(now);
  providers_.handle_timeout(now);
  settle(now);
}

void Node::settle(Instant now) {
  for (auto at = searches_.begin(); at != searches_.end();) {
    Search& search = at->second;
    while (auto provider = search.lookup.poll_found()) found(search, *std::move(provider));
    if (!search.lookup.is_over()) {
      ++at;
      continue;
    }
    finish(now, search);
    at = searches_.erase(at);
  }
}

void Node::finish(Instant now, Search& search) {
  const Lookup& lookup = search.lookup;
  if (search.purpose == Purpose::kFind) {
    Looked& looked = looked_[search.store];
    if (!search.told.empty()) looked.gap = kFindAgain;
    looked.under_way = false;
    looked.again = now + looked.gap;
    if (search.told.empty()) looked.gap = std::min(2 * looked.gap, kFindAgainLimit);
    events_.emplace_back(
        FindEnded{search.store, search.told.size(), lookup.questions(), lookup.hops(), lookup.is_cut_short()});
    return;
  }
  const std::vector<Peer> closest = lookup.closest();
  // Fewer than are told of each store, though all were asked: they are all there are.
  const bool is_whole = !closest.empty() && closest.size() < kReplication && !lookup.is_cut_short();
  whole_network_ = is_whole ? closest : std::vector<Peer>();
  whole_until_ = is_whole ? now + kWholeNetworkTime : Instant();
  if (search.purpose == Purpose::kTell) tell(now, {search.store}, closest);
}

void Node::finish_telling(Instant now) {
  if (!telling_ || telling_->open > 0 || !telling_->peers.empty()) return;
  for (const Digest& store : telling_->stores) offers_.told(now, store, telling_->reached);
  telling_.reset();
}

std::optional<NodeEvent> Node::poll_event() {
  if (events_.empty()) return std::nullopt;
  NodeEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

std::optional<Instant> Node::poll_timeout() const {
  std::optional<Instant> next = providers_.poll_timeout();
  const auto at = [&](std::optional<Instant> instant) {
    if (instant && (!next || *instant < *next)) next = instant;
  };
  for (const auto& [id, pending] : asks_) at(pending.deadline);
  for (const auto& [number, search] : searches_) at(search.lookup.poll_timeout());
  if (table_.size() > 0 && !is_under_way(Purpose::kLookAround)) at(next_look_);
  if (may_find()) at(find_allowance_.next());
  if (const auto due = offers_.poll_timeout(); due && may_tell()) at(std::max(*due, tell_allowance_.next()));
  return next;
}

}  // namespace turnpike::kad
