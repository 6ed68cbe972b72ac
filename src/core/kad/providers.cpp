#include "core/kad/providers.h"

#include <algorithm>

#include "core/kad/key.h"
#include "core/kad/realm.h"

namespace turnpike::kad {
namespace {

template <class Key>
std::size_t count_of(const std::map<Key, std::size_t>& counts, const Key& key) {
  const auto at = counts.find(key);
  return at == counts.end() ? 0 : at->second;
}

template <class Key>
void decrement(std::map<Key, std::size_t>& counts, const Key& key) {
  const auto at = counts.find(key);
  if (at != counts.end() && --at->second == 0) counts.erase(at);
}

}  // namespace

Recorded Providers::add(Instant now, ByteView key, Peer provider, const IpAddress& seen) {
  if (!is_provider_key(key)) return Recorded::kBadKey;
  provider.addresses = passing(provider.addresses, seen, provider.id);
  if (provider.addresses.empty()) return Recorded::kNoAddress;
  handle_timeout(now);
  const IpAddress network = network_of(seen);
  if (provider.addresses.size() > kMaxAddresses) {
    provider.addresses.erase(provider.addresses.begin() + kMaxAddresses, provider.addresses.end());
  }
  const Bytes name = copy_of(key);
  const Instant expires = now + kProviderExpiry;
  const auto at = keys_.find(name);
  if (at != keys_.end()) {
    const auto known = std::ranges::find(at->second, provider.id, [](const Record& r) { return r.peer.id; });
    if (known != at->second.end()) {
      expiries_.erase(known->expiry);
      known->expiry = expiries_.emplace(expires, std::pair(name, provider.id));
      known->expires = expires;
      known->peer.addresses = std::move(provider.addresses);
      return Recorded::kRenewed;
    }
    if (at->second.size() >= kMaxProvidersPerKey) return Recorded::kKeyFull;
  }
  if (count_of(by_peer_, provider.id) >= kMaxKeysPerPeer) return Recorded::kPeerFull;
  if (count_of(by_network_, network) >= kMaxRecordsPerNetwork) return Recorded::kPeerFull;
  if (expiries_.size() >= kMaxRecords) return Recorded::kTableFull;
  if (at == keys_.end() && keys_.size() >= kMaxKeys) return Recorded::kTableFull;
  ++by_peer_[provider.id];
  ++by_network_[network];
  const auto expiry = expiries_.emplace(expires, std::pair(name, provider.id));
  keys_[name].push_back({std::move(provider), network, expires, expiry});
  return Recorded::kNew;
}

std::vector<Peer> Providers::of(Instant now, ByteView key) const {
  std::vector<Peer> out;
  const auto at = keys_.find(copy_of(key));
  if (at == keys_.end()) return out;
  for (const Record& record : at->second) {
    if (record.expires > now) out.push_back(record.peer);
  }
  return out;
}

void Providers::forget(std::multimap<Instant, std::pair<Bytes, identity::AnyPeerId>>::iterator expiry) {
  const auto at = keys_.find(expiry->second.first);
  const auto record = std::ranges::find(at->second, expiry->second.second, [](const Record& r) { return r.peer.id; });
  decrement(by_peer_, record->peer.id);
  decrement(by_network_, record->network);
  at->second.erase(record);
  if (at->second.empty()) keys_.erase(at);
  expiries_.erase(expiry);
}

void Providers::handle_timeout(Instant now) {
  while (!expiries_.empty() && expiries_.begin()->first <= now) forget(expiries_.begin());
}

std::optional<Instant> Providers::poll_timeout() const {
  if (expiries_.empty()) return std::nullopt;
  return expiries_.begin()->first;
}

void Offers::set(const Digest& store, Instant due) {
  remove(store);
  due_.emplace(store, due);
  order_.emplace(due, store);
}

void Offers::add(Instant now, const Digest& store) {
  if (!due_.contains(store)) set(store, now);
}

void Offers::remove(const Digest& store) {
  const auto at = due_.find(store);
  if (at == due_.end()) return;
  const auto [first, last] = order_.equal_range(at->second);
  order_.erase(std::find_if(first, last, [&](const auto& entry) { return entry.second == store; }));
  due_.erase(at);
}

void Offers::again(Instant now) {
  order_.clear();
  for (auto& [store, due] : due_) {
    due = now;
    order_.emplace(now, store);
  }
}

std::optional<Digest> Offers::poll_due(Instant now) {
  if (order_.empty() || order_.begin()->first > now) return std::nullopt;
  const Digest store = order_.begin()->second;
  set(store, now + kProvideRetry);
  return store;
}

void Offers::told(Instant now, const Digest& store, std::size_t reached) {
  if (due_.contains(store)) set(store, now + (reached > 0 ? kReprovide : kProvideRetry));
}

std::optional<Instant> Offers::poll_timeout() const {
  if (order_.empty()) return std::nullopt;
  return order_.begin()->first;
}

}  // namespace turnpike::kad
