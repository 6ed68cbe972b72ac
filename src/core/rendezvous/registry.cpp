#include "core/rendezvous/registry.h"

#include <algorithm>
#include <iterator>

#include "core/rendezvous/limiter.h"

namespace turnpike::rendezvous {
namespace {

std::size_t count_of(const std::map<IpAddress, std::uint32_t>& counts, const IpAddress& address) {
  const auto at = counts.find(address);
  return at == counts.end() ? 0 : at->second;
}

void adjust(std::map<IpAddress, std::uint32_t>& counts, const IpAddress& address, int change) {
  std::uint32_t& count = counts[address];
  count = static_cast<std::uint32_t>(static_cast<int>(count) + change);
  if (count == 0) counts.erase(address);
}

}  // namespace

bool may_share_network(const IpAddress& a, const IpAddress& b) {
  return host_of(a.unmapped()) == host_of(b.unmapped()) || (!a.is_global() && !b.is_global());
}

Registry::Registry(Random& random, RegistryLimits limits)
    : random_(random), limits_(limits), hash_(random), seen_(limits.peers), epoch_(random.below(UINT64_MAX) | 1U) {}

Status<RegistryError> Registry::put(Now now, const PeerId& peer, const IpAddress& observed_as, std::uint64_t seq,
                                    const Registration& registration) {
  handle_timeout(now.mono);
  const IpAddress observed = observed_as.unmapped();
  const auto known = by_peer_.find(peer);
  const Peer* const old = known == by_peer_.end() ? nullptr : &peers_[known->second];
  if (const auto error = limit_reached(old, observed, registration)) return fail(*error);
  if (!seen_.accept(now.wall, peer, seq)) return fail(RegistryError::kReplayed);

  const Number number = old == nullptr ? add_peer(peer, observed) : known->second;
  move(number, observed);
  touch(number, now.mono);
  std::vector<Number> items;
  items.reserve(registration.stores.size());
  for (const Entry& entry : registration.stores) items.push_back(intern(entry));
  std::ranges::sort(items);

  Peer& record = peers_[number];
  record.seq = seq;
  std::vector<Listed> services;
  services.reserve(registration.http.size() + registration.services.size());
  const auto list = [&](const Service& service) {
    const auto same = std::ranges::find(record.services, service, &Listed::service);
    services.push_back({service, same == record.services.end() ? Instant{} : same->proved_until});
  };
  for (const Endpoint& endpoint : registration.http) list({ServiceKind::kHttp, endpoint});
  for (const Service& service : registration.services) list(service);
  record.services = std::move(services);
  set_relays(number, registration.relays);
  std::vector<Number> gone;
  std::ranges::set_difference(record.items, items, std::back_inserter(gone));
  std::vector<Number> fresh;
  std::ranges::set_difference(items, record.items, std::back_inserter(fresh));
  for (const Number item : fresh) hold(item, number);
  for (const Number item : gone) let_go(item, number);
  record.items = std::move(items);
  return Ok{};
}

void Registry::prove(const PeerId& peer, const Service& service, Instant until) {
  const auto known = by_peer_.find(peer);
  if (known == by_peer_.end()) return;
  for (Listed& each : peers_[known->second].services) {
    if (each.service == service) each.proved_until = until;
  }
}

void Registry::set_relays(Number number, bool relays) {
  Peer& peer = peers_[number];
  if (peer.relays == relays) return;
  peer.relays = relays;
  if (relays) {
    relaying_.insert(number);
  } else {
    relaying_.erase(number);
  }
}

std::optional<TurnServer> Registry::turn_server(Number number, const Asker& asker) const {
  const Peer& peer = peers_[number];
  if (!peer.relays || !peer.connected || (asker.peer && *asker.peer == peer.id)) return std::nullopt;
  TurnServer out{.peer = peer.id, .services = {}};
  for (const Service& each : visible(peer, asker).services) {
    const bool is_turn = each.kind == ServiceKind::kTurnUdp || each.kind == ServiceKind::kTurnTcp;
    if (is_turn && each.endpoint.address.is_global()) out.services.push_back(each);
  }
  return out.services.empty() ? std::nullopt : std::optional(std::move(out));
}

std::vector<TurnServer> Registry::turn_servers(const Asker& asker, const std::optional<PeerId>& about) {
  std::vector<TurnServer> out;
  if (about) {
    const auto known = by_peer_.find(*about);
    auto server = known == by_peer_.end() ? std::nullopt : turn_server(known->second, asker);
    if (server) out.push_back(*std::move(server));
    return out;
  }
  const std::size_t size = relaying_.size();
  const std::size_t start = size == 0 ? 0 : static_cast<std::size_t>(random_.below(size));
  for (std::size_t i = 0; i < std::min(size, kMaxHoldersScanned) && out.size() < kMaxTurnServers; ++i) {
    auto server = turn_server(relaying_[(start + i) % size], asker);
    if (server) out.push_back(*std::move(server));
  }
  return out;
}

bool Registry::refresh(Instant now, const PeerId& peer) {
  handle_timeout(now);
  const auto known = by_peer_.find(peer);
  if (known == by_peer_.end()) return false;
  touch(known->second, now);
  return true;
}

void Registry::set_connected(const PeerId& peer, bool connected) {
  const auto known = by_peer_.find(peer);
  if (known != by_peer_.end()) peers_[known->second].connected = connected;
}

void Registry::handle_timeout(Instant now) {
  now_ = now;
  while (oldest_ != kNone && peers_[oldest_].expires <= now) remove_peer(oldest_);
}

std::optional<Instant> Registry::poll_timeout() const {
  if (oldest_ == kNone) return std::nullopt;
  return peers_[oldest_].expires;
}

FoundStore Registry::lookup(const store::StoreId& id, const Asker& asker) {
  FoundStore out{.id = id, .announcers = {}};
  const auto first = find(id);
  if (!first) return out;
  // The chain runs roughly from the most held content down, so a flood of lone contents stands at its end.
  std::vector<Number> contents;
  for (Number item = *first; item != kNone && contents.size() < kMaxContentsPerAnswer; item = items_[item].next) {
    contents.push_back(item);
  }
  std::vector<std::vector<Number>> samples;
  for (const Number item : contents) {
    samples.push_back(sample(items_[item], kMaxHoldersScanned / contents.size(), asker));
  }
  // One of each content in turn, so that no content crowds out another.
  for (std::size_t round = 0; out.announcers.size() < kMaxAnnouncersPerStore; ++round) {
    bool any = false;
    for (std::size_t i = 0; i < contents.size() && out.announcers.size() < kMaxAnnouncersPerStore; ++i) {
      if (round >= samples[i].size()) continue;
      any = true;
      const Peer& peer = peers_[samples[i][round]];
      Visible seen = visible(peer, asker);
      out.announcers.push_back({.peer = peer.id,
                                .observed = peer.observed,
                                .http = std::move(seen.http),
                                .content = items_[contents[i]].entry.content,
                                .seq = peer.seq,
                                .connected = peer.connected,
                                .services = std::move(seen.services)});
    }
    if (!any) break;
  }
  std::ranges::partition(out.announcers, [](const Announcer& each) { return each.connected; });
  return out;
}

Inventory Registry::inventory(const Cursor& since, std::size_t limit) const {
  Inventory out{.request = 0, .entries = {}, .cursor = head(), .more = false};
  // A cursor of another run of this bootstrap, or of another bootstrap, says nothing here.
  const std::uint64_t after = since.epoch == epoch_ ? since.version : 0;
  auto at = std::ranges::upper_bound(log_, after, {}, &Known::version);
  for (; at != log_.end(); ++at) {
    if (!is_live(*at)) continue;
    if (out.entries.size() == limit) {
      out.more = true;
      break;
    }
    out.entries.push_back(items_[at->item].entry);
    out.cursor.version = at->version;
  }
  if (!out.more) out.cursor = head();
  return out;
}

std::vector<Registry::Listing> Registry::list(const std::optional<PeerId>& after, std::size_t limit,
                                              const Asker& asker) const {
  std::vector<Listing> out;
  auto at = after ? by_peer_.upper_bound(*after) : by_peer_.begin();
  for (; at != by_peer_.end() && out.size() < limit; ++at) {
    out.push_back(listing(peers_[at->second], asker));
  }
  return out;
}

std::optional<Registry::Listing> Registry::find(const PeerId& peer, const Asker& asker) const {
  const auto known = by_peer_.find(peer);
  return known == by_peer_.end() ? std::nullopt : std::optional(listing(peers_[known->second], asker));
}

Registry::Listing Registry::listing(const Peer& peer, const Asker& asker) const {
  Visible seen = visible(peer, asker);
  return {.peer = peer.id,
          .observed = peer.observed,
          .http = std::move(seen.http),
          .services = std::move(seen.services),
          .stores = peer.items.size(),
          .connected = peer.connected,
          .expires = peer.expires,
          .seq = peer.seq};
}

std::optional<Announcer> Registry::held_by(const PeerId& id, const store::StoreId& store, const Asker& asker) const {
  const auto known = by_peer_.find(id);
  if (known == by_peer_.end()) return std::nullopt;
  const Peer& peer = peers_[known->second];
  // One peer's items are bounded; the contents of one id are not.
  const auto held = std::ranges::find_if(peer.items, [&](Number item) { return items_[item].entry.id == store; });
  if (held == peer.items.end()) return std::nullopt;
  Visible seen = visible(peer, asker);
  return Announcer{.peer = peer.id,
                   .observed = peer.observed,
                   .http = std::move(seen.http),
                   .content = items_[*held].entry.content,
                   .seq = peer.seq,
                   .connected = peer.connected,
                   .services = std::move(seen.services)};
}

std::vector<store::StoreId> Registry::stores_of(const PeerId& peer, std::size_t limit) const {
  std::vector<store::StoreId> out;
  const auto known = by_peer_.find(peer);
  if (known == by_peer_.end()) return out;
  const std::vector<Number>& items = peers_[known->second].items;
  out.reserve(std::min(limit, items.size()));
  for (std::size_t i = 0; i < items.size() && out.size() < limit; ++i) out.push_back(items_[items[i]].entry.id);
  return out;
}

std::optional<RegistryError> Registry::limit_reached(const Peer* old, const IpAddress& observed,
                                                     const Registration& registration) const {
  if (old == nullptr && by_peer_.size() >= limits_.peers) return RegistryError::kFull;
  const IpAddress host = host_of(observed);
  if ((old == nullptr || host_of(old->observed) != host) && count_of(by_address_, host) >= limits_.peers_per_address) {
    return RegistryError::kAddressFull;
  }
  const IpAddress network = network_of(observed);
  if ((old == nullptr || network_of(old->observed) != network) &&
      count_of(by_network_, network) >= limits_.peers_per_network) {
    return RegistryError::kNetworkFull;
  }
  const std::size_t held_before = old == nullptr ? 0 : old->items.size();
  if (entries_ - held_before + registration.stores.size() > limits_.entries) return RegistryError::kTooManyEntries;
  std::size_t unknown = 0;
  for (const Entry& entry : registration.stores) unknown += find(entry) ? 0U : 1U;
  if (unknown > 0 && by_content_.size() + unknown > limits_.contents) return RegistryError::kTooManyContents;
  return std::nullopt;
}

// --- contents ---

std::optional<Registry::Number> Registry::find(const Entry& entry) const {
  return by_content_.find(hash_of(entry), [&](Number item) { return items_[item].entry == entry; });
}

std::optional<Registry::Number> Registry::find(const store::StoreId& id) const {
  return by_store_.find(hash_of(id), [&](Number item) { return items_[item].entry.id == id; });
}

Registry::Number Registry::intern(const Entry& entry) {
  if (const auto known = find(entry)) return *known;
  Number number = free_item_;
  if (number == kNone) {
    number = static_cast<Number>(items_.size());
    items_.emplace_back();
  } else {
    free_item_ = items_[number].next;
  }
  items_[number] = Item{};
  items_[number].entry = entry;
  by_content_.insert(hash_of(entry), number, [this](Number n) { return hash_of(items_[n].entry); });
  chain_in(number);
  log(number);
  return number;
}

void Registry::hold(Number item, Number peer) {
  if (items_[item].holders.insert(peer)) ++entries_;
  move_up(item);
}

void Registry::let_go(Number number, Number peer) {
  Item& item = items_[number];
  if (item.holders.erase(peer)) --entries_;
  if (!item.holders.empty()) return;
  by_content_.erase(hash_of(item.entry), number, [this](Number n) { return hash_of(items_[n].entry); });
  chain_out(number);
  item = Item{};
  item.next = free_item_;
  free_item_ = number;
}

// A new content stands behind the first, before those that may be a flood: its first further holder moves it up.
void Registry::chain_in(Number number) {
  Item& item = items_[number];
  const auto first = find(item.entry.id);
  if (!first) {
    by_store_.insert(hash_of(item.entry.id), number, [this](Number n) { return hash_of(items_[n].entry.id); });
    return;
  }
  item.previous = *first;
  item.next = items_[*first].next;
  items_[*first].next = number;
  if (item.next != kNone) items_[item.next].previous = number;
}

void Registry::chain_out(Number number) {
  const Item& item = items_[number];
  if (item.next != kNone) items_[item.next].previous = item.previous;
  if (item.previous != kNone) {
    items_[item.previous].next = item.next;
  } else if (item.next != kNone) {
    by_store_.replace(hash_of(item.entry.id), number, item.next);
  } else {
    by_store_.erase(hash_of(item.entry.id), number, [this](Number n) { return hash_of(items_[n].entry.id); });
  }
}

// Before those with fewer holders.
void Registry::move_up(Number number) {
  Item& item = items_[number];
  while (item.previous != kNone && items_[item.previous].holders.size() < item.holders.size()) {
    const Number above_number = item.previous;
    Item& above = items_[above_number];
    if (above.previous == kNone) {
      by_store_.replace(hash_of(item.entry.id), above_number, number);
    } else {
      items_[above.previous].next = number;
    }
    if (item.next != kNone) items_[item.next].previous = above_number;
    item.previous = above.previous;
    above.next = item.next;
    above.previous = number;
    item.next = above_number;
  }
}

void Registry::log(Number item) {
  items_[item].version = next_version_;
  log_.push_back({next_version_, item});
  ++next_version_;
  // Dead entries are swept once they are the greater part, so a store that comes and goes costs nothing for good.
  if (log_.size() > 1024 && log_.size() > 2 * by_content_.size()) {
    std::erase_if(log_, [this](const Known& known) { return !is_live(known); });
    log_.shrink_to_fit();
  }
}

// --- peers ---

Registry::Number Registry::add_peer(const PeerId& peer, const IpAddress& observed) {
  Number number = free_peer_;
  if (number == kNone) {
    number = static_cast<Number>(peers_.size());
    peers_.emplace_back();
  } else {
    free_peer_ = peers_[number].newer;
  }
  peers_[number] = Peer{};
  peers_[number].id = peer;
  peers_[number].observed = observed;
  by_peer_.emplace(peer, number);
  count(observed, 1);
  return number;
}

void Registry::move(Number number, const IpAddress& observed) {
  count(peers_[number].observed, -1);
  peers_[number].observed = observed;
  count(observed, 1);
}

void Registry::remove_peer(Number number) {
  Peer& peer = peers_[number];
  for (const Number item : peer.items) let_go(item, number);
  set_relays(number, false);
  unlink(number);
  count(peer.observed, -1);
  by_peer_.erase(peer.id);
  peer = Peer{};
  peer.newer = free_peer_;
  free_peer_ = number;
}

// All registrations live equally long, so the order of the last signs of life is the order of expiry.
void Registry::touch(Number number, Instant now) {
  unlink(number);
  Peer& peer = peers_[number];
  peer.expires = now + kRegistrationLifetime;
  peer.older = newest_;
  peer.newer = kNone;
  (newest_ == kNone ? oldest_ : peers_[newest_].newer) = number;
  newest_ = number;
}

void Registry::unlink(Number number) {
  Peer& peer = peers_[number];
  const bool linked = peer.older != kNone || oldest_ == number;
  if (!linked) return;
  (peer.older == kNone ? oldest_ : peers_[peer.older].newer) = peer.newer;
  (peer.newer == kNone ? newest_ : peers_[peer.newer].older) = peer.older;
  peer.older = kNone;
  peer.newer = kNone;
}

void Registry::count(const IpAddress& observed, int change) {
  adjust(by_address_, host_of(observed), change);
  adjust(by_network_, network_of(observed), change);
}

Registry::Visible Registry::visible(const Peer& peer, const Asker& asker) const {
  const bool together = may_share_network(peer.observed, asker.observed);
  const bool same_host = peer.observed.is_loopback() && asker.observed.unmapped().is_loopback();
  Visible out;
  for (const auto& [service, proved_until] : peer.services) {
    const IpAddress& address = service.endpoint.address;
    const bool shown = address.is_loopback() ? same_host : address.is_global() ? proved_until > now_ : together;
    if (!shown) continue;
    if (service.kind == ServiceKind::kHttp) {
      out.http.push_back(service.endpoint);
    } else {
      out.services.push_back(service);
    }
  }
  return out;
}

std::vector<Registry::Number> Registry::sample(const Item& item, std::size_t scan, const Asker& asker) {
  std::vector<Number> out;
  std::vector<Number> crowded;  // beyond their network's share: they only fill up
  std::map<IpAddress, std::size_t> shares;
  const std::size_t size = item.holders.size();
  const std::size_t start = random_.below(size);
  for (std::size_t i = 0; i < std::min(size, scan) && out.size() < kMaxAnnouncersPerStore; ++i) {
    const Number number = item.holders[(start + i) % size];
    const Peer& peer = peers_[number];
    if (asker.peer && peer.id == *asker.peer) continue;
    const bool fits = ++shares[network_of(peer.observed)] <= kMaxPerNetworkInAnswer;
    (fits ? out : crowded).push_back(number);
  }
  const auto connected_first = [this](std::vector<Number>& numbers) {
    std::ranges::partition(numbers, [this](Number number) { return peers_[number].connected; });
  };
  connected_first(out);
  connected_first(crowded);
  const std::size_t room = kMaxAnnouncersPerStore - out.size();
  out.insert(out.end(), crowded.begin(), crowded.begin() + static_cast<std::ptrdiff_t>(std::min(room, crowded.size())));
  return out;
}

}  // namespace turnpike::rendezvous
