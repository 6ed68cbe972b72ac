#include "core/coordination/coordinator.h"

#include <algorithm>

#include "core/turn/grant.h"

namespace turnpike::coordination {
namespace {

using rendezvous::Service;
using rendezvous::ServiceKind;

std::string in_words(turn::RefusalReason reason) {
  switch (reason) {
    case turn::RefusalReason::kFull:
      return "it has no room for one session more";
    case turn::RefusalReason::kPeerLimit:
      return "it relays for us already, as often as it does for one peer";
    case turn::RefusalReason::kNetworkLimit:
      return "it relays for our network already, as often as it does for one";
    case turn::RefusalReason::kSpent:
      return "what it gives away this month is used up";
    case turn::RefusalReason::kSelf:
    case turn::RefusalReason::kNoAddress:
      break;
  }
  return "it does not relay now";
}

// Dropping the oldest keeps a table of times bounded without a timer.
void note(std::map<PeerId, Instant>& times, const PeerId& peer, Instant now) {
  times[peer] = now;
  if (times.size() <= kMaxDialled) return;
  const auto oldest = std::ranges::min_element(times, {}, [](const auto& each) { return each.second; });
  times.erase(oldest);
}

bool was_within(const std::map<PeerId, Instant>& times, const PeerId& peer, Instant now, Duration period) {
  const auto at = times.find(peer);
  return at != times.end() && now < at->second + period;
}

}  // namespace

// --- what is known of servers ---

bool Coordinator::refresh_list(Now now, std::size_t bootstrap) {
  if (listing_.contains(bootstrap)) return true;
  const auto at = listed_.find(bootstrap);
  if (at != listed_.end() && now.mono < at->second + kListFresh) return false;
  listing_.insert(bootstrap);
  actions_.emplace_back(List{bootstrap, std::nullopt});
  return true;
}

void Coordinator::learn(Now now, std::size_t bootstrap, const rendezvous::TurnServer& told) {
  if (told.peer == self()) return;
  Server& server = servers_[told.peer];
  server.bootstrap = bootstrap;
  server.listed = now.mono;
  server.udp.clear();
  server.tcp.clear();
  for (const Service& each : told.services) {
    if (!each.endpoint.address.is_global()) continue;  // a proof of ours, or nothing
    if (each.kind == ServiceKind::kTurnUdp) server.udp.push_back(each.endpoint);
    if (each.kind == ServiceKind::kTurnTcp) server.tcp.push_back(each.endpoint);
  }
  const bool fresh = server.measured && now.mono < *server.measured + kDistanceFresh;
  if (server.measuring || fresh || server.udp.empty()) return;
  server.measuring = true;
  actions_.emplace_back(Measure{told.peer, server.udp.front()});
}

void Coordinator::handle_servers(Now now, std::size_t bootstrap, const std::optional<PeerId>& about,
                                 const std::vector<rendezvous::TurnServer>& servers) {
  if (!about) {
    listing_.erase(bootstrap);
    listed_[bootstrap] = now.mono;
    std::erase_if(servers_, [&](const auto& known) {
      return known.second.bootstrap == bootstrap &&
             std::ranges::find(servers, known.first, &rendezvous::TurnServer::peer) == servers.end();
    });
    for (auto& [responder, request] : requests_) request.lists = request.lists && request.bootstrap != bootstrap;
    for (auto& [asker, query] : queries_) query.lists = query.lists && query.bootstrap != bootstrap;
  }
  for (const rendezvous::TurnServer& each : servers) {
    if (servers_.size() < kMaxServers || servers_.contains(each.peer)) learn(now, bootstrap, each);
  }
  for (auto at = offers_.begin(); at != offers_.end();) {
    const auto server = servers_.find(at->second.server);
    if (server == servers_.end()) {
      ++at;
      continue;
    }
    accept(at->first, server->second, std::move(at->second.target));
    at = offers_.erase(at);
  }
  settle(now);
}

void Coordinator::handle_measured(Now now, const PeerId& server, std::optional<Duration> rtt) {
  const auto at = servers_.find(server);
  if (at == servers_.end()) return;
  at->second.measuring = false;
  at->second.rtt = rtt;
  at->second.measured = now.mono;
  settle(now);
}

bool Coordinator::is_measuring(std::size_t bootstrap) const {
  return std::ranges::any_of(
      servers_, [&](const auto& known) { return known.second.bootstrap == bootstrap && known.second.measuring; });
}

void Coordinator::handle_network_changed() {
  for (auto& [peer, server] : servers_) server.measured.reset();
  listed_.clear();
}

std::vector<Coordinator::ServerView> Coordinator::servers() const {
  std::vector<ServerView> out;
  for (const auto& [peer, server] : servers_) out.push_back({peer, server.rtt});
  return out;
}

// --- as the requester ---

void Coordinator::request(Now now, const PeerId& responder, std::size_t bootstrap, std::vector<PeerId> avoid) {
  requests_.erase(responder);
  if (requests_.size() >= kMaxRequests) {
    actions_.emplace_back(Denied{responder, "too many sessions are being asked for here", kNoServerRetry});
    return;
  }
  Request request;
  request.bootstrap = bootstrap;
  if (!own_.empty() && !was_within(dialled_, responder, now.mono, kDialPeriod)) {
    note(dialled_, responder, now.mono);
    say(bootstrap, responder, signal::DialMe{own_.tcp, own_.quic});
    request.dialled = true;
    request.deadline = now.mono + kDialMeLimit;
    requests_.emplace(responder, std::move(request));
    return;
  }
  request.number = ++last_number_;
  request.avoid = std::move(avoid);
  request.deadline = now.mono + kGatherLimit;
  request.lists = refresh_list(now, bootstrap);
  say(bootstrap, responder, signal::TurnQuery{request.number});
  requests_.emplace(responder, std::move(request));
  settle(now);
}

bool Coordinator::is_gathered(Now now, const Request& request) const {
  if (now.mono >= request.deadline) return true;
  return request.theirs && !request.lists && !is_measuring(request.bootstrap);
}

void Coordinator::settle(Now now) {
  for (auto at = requests_.begin(); at != requests_.end();) {
    const auto here = at++;
    const Request& request = here->second;
    if (!request.asking && !request.dialled && is_gathered(now, request)) choose(now, here);
  }
  for (auto at = queries_.begin(); at != queries_.end();) {
    const Query& query = at->second;
    if (now.mono < query.deadline && (query.lists || is_measuring(query.bootstrap))) {
      ++at;
      continue;
    }
    answer(at->first, query);
    at = queries_.erase(at);
  }
}

void Coordinator::choose(Now now, Requests::iterator at) {
  const PeerId responder = at->first;
  Request& request = at->second;
  std::vector<Candidate> candidates;
  for (const auto& [peer, server] : servers_) {
    const bool avoided = std::ranges::find(request.avoid, peer) != request.avoid.end();
    // What the responder itself relays, or holds, is fetched from it directly.
    if (server.bootstrap != request.bootstrap || avoided || peer == responder) continue;
    Candidate candidate{.server = peer, .ours = server.rtt, .theirs = std::nullopt};
    if (request.theirs) {
      const auto theirs = request.theirs->find(peer);
      if (theirs != request.theirs->end()) candidate.theirs = theirs->second;
    }
    candidates.push_back(candidate);
  }
  request.asking = true;
  request.ranked = rank(self(), responder, candidates);
  request.reason = request.avoid.empty() ? "no peer relays now" : "no other peer relays now";
  if (!ask_next(now, at)) deny(at, at->second.reason, kNoServerRetry);
}

bool Coordinator::ask_next(Now now, Requests::iterator at) {
  Request& request = at->second;
  while (request.next < std::min(request.ranked.size(), kMaxServersTried)) {
    const PeerId server = request.ranked[request.next++];
    if (!servers_.contains(server)) continue;
    request.asked = server;
    request.deadline = now.mono + kServerAnswerLimit;
    say(request.bootstrap, server, signal::TurnRequest{request.number, at->first});
    return true;
  }
  return false;
}

void Coordinator::deny(Requests::iterator at, std::string reason, Duration retry_after) {
  actions_.emplace_back(Denied{at->first, std::move(reason), retry_after});
  requests_.erase(at);
}

void Coordinator::on(Now now, const PeerId& from, const signal::TurnDistances& told) {
  const auto at = requests_.find(from);
  if (at == requests_.end() || at->second.number != told.request || at->second.theirs) {
    ++counters_.bad;
    return;
  }
  auto& theirs = at->second.theirs.emplace();
  for (const signal::Distance& each : told.distances) theirs[each.server] = each.rtt;
  settle(now);
}

void Coordinator::on(Now now, const PeerId& from, const signal::TurnRefused& refused) {
  const auto at = std::ranges::find_if(requests_, [&](const auto& each) {
    return each.second.number == refused.request && each.second.asking && each.second.asked == from;
  });
  if (at == requests_.end()) {
    ++counters_.bad;
    return;
  }
  ++counters_.refused;
  at->second.reason = from.to_string() + ": " + in_words(refused.reason);
  if (!ask_next(now, at)) deny(at, at->second.reason, std::max<Duration>(refused.retry_after, kNoServerRetry));
}

void Coordinator::on(Now now, const PeerId& from, const signal::TurnGranted& granted) {
  const auto at = std::ranges::find_if(requests_, [&](const auto& each) {
    return each.second.number == granted.request && each.second.asking && each.second.asked == from;
  });
  const auto grant = turn::verify_grant(granted.grant, from, now.wall);
  const auto server = servers_.find(from);
  const bool is_ours = at != requests_.end() && grant && grant->requester == self() && grant->responder == at->first;
  if (!is_ours || server == servers_.end() || granted.for_responder.empty()) {
    ++counters_.bad;
    return;
  }
  say(at->second.bootstrap, at->first, signal::TurnOffer{granted.for_responder});
  path::PeerRelayTarget target{.server = from,
                               .udp = server->second.udp,
                               .tcp = server->second.tcp,
                               .credential = granted.credential,
                               .ours = grant->requester_relayed,
                               .theirs = grant->responder_relayed,
                               .role = path::Role::kInitiator,
                               .limits = grant->limits,
                               .until = grant->until};
  ++counters_.granted;
  actions_.emplace_back(Granted{at->first, std::move(target)});
  requests_.erase(at);
}

// --- as the responder ---

void Coordinator::on(Now now, std::size_t bootstrap, const PeerId& from, const signal::TurnQuery& query) {
  if (queries_.size() >= kMaxQueries && !queries_.contains(from)) {
    ++counters_.bad;
    return;
  }
  queries_[from] = {.bootstrap = bootstrap,
                    .number = query.request,
                    .lists = refresh_list(now, bootstrap),
                    .deadline = now.mono + kDistancesLimit};
  settle(now);
}

void Coordinator::answer(const PeerId& asker, const Query& query) {
  signal::TurnDistances told{.request = query.number, .distances = {}};
  for (const auto& [peer, server] : servers_) {
    const bool fits = told.distances.size() < signal::kMaxDistances;
    if (fits && server.bootstrap == query.bootstrap && server.rtt) told.distances.push_back({peer, *server.rtt});
  }
  say(query.bootstrap, asker, std::move(told));
}

std::optional<std::pair<PeerId, path::PeerRelayTarget>> Coordinator::read_offer(Now now, const PeerId& from,
                                                                                const signal::TurnOffer& offer) {
  const auto opened = signal::open_message(*config_.key, *config_.seen_signals, now.wall, offer.granted);
  const auto* granted = opened ? std::get_if<signal::TurnGranted>(&opened->message) : nullptr;
  if (granted == nullptr) return std::nullopt;
  const auto grant = turn::verify_grant(granted->grant, opened->from, now.wall);
  if (!grant || grant->requester != from || grant->responder != self()) return std::nullopt;
  return std::pair(opened->from, path::PeerRelayTarget{.server = opened->from,
                                                       .udp = {},
                                                       .tcp = {},
                                                       .credential = granted->credential,
                                                       .ours = grant->responder_relayed,
                                                       .theirs = grant->requester_relayed,
                                                       .role = path::Role::kResponder,
                                                       .limits = grant->limits,
                                                       .until = grant->until});
}

// Where the server is, its own word does not say: only a bootstrap that has seen it proved. So nobody is hit through
// us.
void Coordinator::on(Now now, std::size_t bootstrap, const PeerId& from, const signal::TurnOffer& offer) {
  auto read = read_offer(now, from, offer);
  if (!read) {
    ++counters_.bad;
    return;
  }
  auto& [server, target] = *read;
  if (const auto known = servers_.find(server); known != servers_.end()) {
    return accept(from, known->second, std::move(target));
  }
  if (offers_.size() >= kMaxOffers && !offers_.contains(from)) return;
  offers_[from] = {server, std::move(target), now.mono + kOfferLimit};
  actions_.emplace_back(List{bootstrap, server});
}

void Coordinator::accept(const PeerId& from, const Server& server, path::PeerRelayTarget target) {
  target.udp = server.udp;
  target.tcp = server.tcp;
  ++counters_.granted;
  actions_.emplace_back(Granted{from, std::move(target)});
}

void Coordinator::on(Now now, const PeerId& from, const std::optional<IpAddress>& observed,
                     const signal::DialMe& wish) {
  if (!observed || was_within(dial_backs_, from, now.mono, kDialBackPeriod)) {
    ++counters_.bad;
    return;
  }
  const auto kept = [&](const std::vector<Endpoint>& told) {
    std::vector<Endpoint> out;
    for (const Endpoint& each : told) {
      if (each.address.unmapped() == observed->unmapped()) out.push_back(each);
    }
    return out;
  };
  DialBack dial{.peer = from, .tcp = kept(wish.tcp), .quic = kept(wish.quic)};
  if (dial.tcp.empty() && dial.quic.empty()) {
    ++counters_.bad;
    return;
  }
  note(dial_backs_, from, now.mono);
  actions_.emplace_back(std::move(dial));
}

// --- as the server ---

void Coordinator::on(Now now, std::size_t bootstrap, const PeerId& from, const std::optional<IpAddress>& observed,
                     const signal::TurnRequest& request) {
  if (tickets_.size() >= kMaxTickets) {
    return say(bootstrap, from, signal::TurnRefused{request.request, turn::RefusalReason::kFull, {}});
  }
  const std::uint64_t ticket = ++last_number_;
  tickets_[ticket] = {bootstrap, request.request, from, now.mono + kTicketLimit};
  actions_.emplace_back(OpenSession{ticket, from, observed.value_or(IpAddress()), request.responder});
}

void Coordinator::handle_decided(Now now, std::uint64_t number,
                                 const Result<turn::Opened, turn::RefusalReason>& decided) {
  const auto at = tickets_.find(number);
  if (at == tickets_.end()) return;
  const Ticket ticket = at->second;
  tickets_.erase(at);
  if (!decided) return say(ticket.bootstrap, ticket.requester, signal::TurnRefused{ticket.number, decided.error(), {}});
  ++counters_.given;
  const turn::Grant& grant = decided->grant;
  const auto next = [&] { return config_.sequence->next(now.wall); };
  const Bytes envelope = turn::sign_grant(*config_.key, grant, next(), now.wall);
  const signal::TurnGranted theirs{
      .request = 0, .grant = envelope, .credential = decided->responder, .for_responder = {}};
  Bytes sealed = signal::seal_message(random_, *config_.key, grant.responder, next(), now.wall, theirs);
  say(ticket.bootstrap, ticket.requester,
      signal::TurnGranted{.request = ticket.number,
                          .grant = envelope,
                          .credential = decided->requester,
                          .for_responder = std::move(sealed)});
}

// --- all of them ---

void Coordinator::handle_signal(Now now, std::size_t bootstrap, const PeerId& from,
                                const std::optional<IpAddress>& observed, const signal::Message& message) {
  if (const auto* query = std::get_if<signal::TurnQuery>(&message)) return on(now, bootstrap, from, *query);
  if (const auto* told = std::get_if<signal::TurnDistances>(&message)) return on(now, from, *told);
  if (const auto* asked = std::get_if<signal::TurnRequest>(&message)) return on(now, bootstrap, from, observed, *asked);
  if (const auto* granted = std::get_if<signal::TurnGranted>(&message)) return on(now, from, *granted);
  if (const auto* refused = std::get_if<signal::TurnRefused>(&message)) return on(now, from, *refused);
  if (const auto* offer = std::get_if<signal::TurnOffer>(&message)) return on(now, bootstrap, from, *offer);
  if (const auto* wish = std::get_if<signal::DialMe>(&message)) return on(now, from, observed, *wish);
}

void Coordinator::handle_link_down(Now now, std::size_t bootstrap) {
  listing_.erase(bootstrap);
  listed_.erase(bootstrap);
  std::erase_if(servers_, [&](const auto& known) { return known.second.bootstrap == bootstrap; });
  std::erase_if(queries_, [&](const auto& each) { return each.second.bootstrap == bootstrap; });
  for (auto at = requests_.begin(); at != requests_.end();) {
    const auto here = at++;
    if (here->second.bootstrap == bootstrap) deny(here, "the bootstrap is not connected", {});
  }
  settle(now);
}

void Coordinator::handle_timeout(Now now) {
  settle(now);
  for (auto at = requests_.begin(); at != requests_.end();) {
    const auto here = at++;
    if (now.mono < here->second.deadline) continue;
    if (here->second.dialled) {
      deny(here, "we can be reached, but it did not connect to us", {});
      continue;
    }
    if (!here->second.asking) continue;
    ++counters_.unanswered;
    here->second.reason = here->second.asked->to_string() + ": no answer";
    if (!ask_next(now, here)) deny(here, here->second.reason, kNoServerRetry);
  }
  std::erase_if(tickets_, [&](const auto& each) { return each.second.deadline <= now.mono; });
  std::erase_if(offers_, [&](const auto& each) { return each.second.deadline <= now.mono; });
}

std::optional<Action> Coordinator::poll_action() {
  if (actions_.empty()) return std::nullopt;
  Action out = std::move(actions_.front());
  actions_.pop_front();
  return out;
}

std::optional<Instant> Coordinator::poll_timeout() const {
  std::optional<Instant> next;
  const auto at = [&](Instant instant) { next = next ? std::min(*next, instant) : instant; };
  for (const auto& [peer, each] : requests_) at(each.deadline);
  for (const auto& [peer, each] : queries_) at(each.deadline);
  for (const auto& [number, each] : tickets_) at(each.deadline);
  for (const auto& [peer, each] : offers_) at(each.deadline);
  return next;
}

}  // namespace turnpike::coordination
