#include "core/kad/table.h"

#include <algorithm>

#include "core/kad/realm.h"

namespace turnpike::kad {

Table::Bucket& Table::bucket_of(const Place& place) { return buckets_[shared_bits(self_, place)]; }

std::size_t Table::in_network(const IpAddress& seen) const {
  const auto at = networks_.find(network_of(seen));
  return at == networks_.end() ? 0 : at->second;
}

void Table::count(const IpAddress& seen) {
  if (seen.is_global()) ++networks_[network_of(seen)];
}

void Table::discount(const IpAddress& seen) {
  const auto at = networks_.find(network_of(seen));
  if (at != networks_.end() && --at->second == 0) networks_.erase(at);
}

void Table::erase(Bucket& bucket, Bucket::iterator entry) {
  discount(entry->contact.seen);
  bucket.erase(entry);
  --size_;
}

Added Table::add(Instant now, Contact contact) {
  const Place place = Place::of(contact.peer.id);
  if (place == self_) return Added::kSelf;
  contact.peer.addresses = passing(contact.peer.addresses, contact.seen, contact.peer.id);
  if (contact.peer.addresses.size() > kMaxAddresses) {
    contact.peer.addresses.erase(contact.peer.addresses.begin() + kMaxAddresses, contact.peer.addresses.end());
  }
  Bucket& bucket = bucket_of(place);
  const auto known = std::ranges::find(bucket, place, &Entry::place);
  if (known != bucket.end()) {
    const bool moved = network_of(known->contact.seen) != network_of(contact.seen);
    if (!moved || in_network(contact.seen) < kMaxPerNetwork) {
      discount(known->contact.seen);
      count(contact.seen);
      known->contact = std::move(contact);
    }
    known->heard = now;
    known->failures = 0;
    return Added::kKnown;
  }
  const IpAddress network = network_of(contact.seen);
  const auto near =
      std::ranges::count_if(bucket, [&](const Entry& entry) { return network_of(entry.contact.seen) == network; });
  const bool is_crowd = static_cast<std::size_t>(near) >= kMaxPerNetworkInBucket;
  if (contact.seen.is_global() && (is_crowd || in_network(contact.seen) >= kMaxPerNetwork)) return Added::kNetworkFull;
  if (bucket.size() == kReplication) {
    const auto gone = std::ranges::find_if(
        bucket, [&](const Entry& entry) { return entry.failures >= kMaxFailures || now - entry.heard >= kSilent; });
    if (gone == bucket.end()) return Added::kFull;
    erase(bucket, gone);
  }
  count(contact.seen);
  ++size_;
  bucket.push_back({std::move(contact), place, now, 0});
  return Added::kNew;
}

void Table::remove(const identity::AnyPeerId& peer) {
  const Place place = Place::of(peer);
  Bucket& bucket = bucket_of(place);
  const auto known = std::ranges::find(bucket, place, &Entry::place);
  if (known != bucket.end()) erase(bucket, known);
}

Table::Entry* Table::find(const identity::AnyPeerId& peer) {
  const Place place = Place::of(peer);
  const auto bucket = buckets_.find(shared_bits(self_, place));
  if (bucket == buckets_.end()) return nullptr;
  const auto known = std::ranges::find(bucket->second, place, &Entry::place);
  return known == bucket->second.end() ? nullptr : &*known;
}

void Table::heard(Instant now, const identity::AnyPeerId& peer) {
  if (Entry* const known = find(peer)) {
    known->heard = now;
    known->failures = 0;
  }
}

void Table::failed(const identity::AnyPeerId& peer) {
  if (Entry* const known = find(peer)) ++known->failures;
}

bool Table::contains(const identity::AnyPeerId& peer) const {
  const Place place = Place::of(peer);
  const auto bucket = buckets_.find(shared_bits(self_, place));
  return bucket != buckets_.end() && std::ranges::find(bucket->second, place, &Entry::place) != bucket->second.end();
}

template <class Wanted>
std::vector<Peer> Table::nearest(const Place& target, std::size_t count, Wanted wanted) const {
  std::vector<std::pair<Digest, const Peer*>> order;
  order.reserve(size_);
  for (const auto& [bits, bucket] : buckets_) {
    for (const Entry& entry : bucket) {
      if (wanted(entry)) order.emplace_back(distance(target, entry.place), &entry.contact.peer);
    }
  }
  count = std::min(count, order.size());
  std::ranges::partial_sort(order, order.begin() + static_cast<std::ptrdiff_t>(count));
  std::vector<Peer> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(*order[i].second);
  return out;
}

std::vector<Peer> Table::closest(const Place& target, std::size_t count, const identity::AnyPeerId* but) const {
  return nearest(target, count, [&](const Entry& entry) { return but == nullptr || entry.contact.peer.id != *but; });
}

std::vector<Peer> Table::lively(const Place& target, std::size_t count, const identity::AnyPeerId& but) const {
  return nearest(target, count,
                 [&](const Entry& entry) { return entry.failures == 0 && entry.contact.peer.id != but; });
}

std::vector<Peer> Table::silent(Instant since, std::size_t count) const {
  std::vector<std::pair<Instant, const Peer*>> order;
  for (const auto& [bits, bucket] : buckets_) {
    for (const Entry& entry : bucket) {
      if (entry.heard < since) order.emplace_back(entry.heard, &entry.contact.peer);
    }
  }
  std::ranges::sort(order, {}, &std::pair<Instant, const Peer*>::first);
  std::vector<Peer> out;
  for (std::size_t i = 0; i < std::min(count, order.size()); ++i) out.push_back(*order[i].second);
  return out;
}

std::vector<Contact> Table::all() const {
  std::vector<Contact> out;
  for (const auto& [bits, bucket] : buckets_) {
    for (const Entry& entry : bucket) out.push_back(entry.contact);
  }
  return out;
}

}  // namespace turnpike::kad
