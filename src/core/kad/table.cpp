#include "core/kad/table.h"

#include <algorithm>

namespace turnpike::kad {

Table::Bucket& Table::bucket_of(const Place& place) { return buckets_[shared_bits(self_, place)]; }

std::size_t Table::in_network(const IpAddress& network) const {
  const auto at = networks_.find(network);
  return at == networks_.end() ? 0 : at->second;
}

void Table::erase(Bucket& bucket, Bucket::iterator entry) {
  const auto network = networks_.find(entry->contact.network);
  if (--network->second == 0) networks_.erase(network);
  bucket.erase(entry);
  --size_;
}

Added Table::add(Instant now, Contact contact) {
  const Place place = Place::of(contact.peer.id);
  if (place == self_) return Added::kSelf;
  if (contact.peer.addresses.size() > kMaxAddresses) {
    contact.peer.addresses.erase(contact.peer.addresses.begin() + kMaxAddresses, contact.peer.addresses.end());
  }
  Bucket& bucket = bucket_of(place);
  const auto known = std::ranges::find(bucket, place, &Entry::place);
  if (known != bucket.end()) {
    if (known->contact.network == contact.network || in_network(contact.network) < kMaxPerNetwork) {
      --networks_[known->contact.network];
      if (networks_[known->contact.network] == 0) networks_.erase(known->contact.network);
      ++networks_[contact.network];
      known->contact = std::move(contact);
    }
    known->heard = now;
    known->failures = 0;
    return Added::kKnown;
  }
  const auto near =
      std::ranges::count_if(bucket, [&](const Entry& entry) { return entry.contact.network == contact.network; });
  if (static_cast<std::size_t>(near) >= kMaxPerNetworkInBucket || in_network(contact.network) >= kMaxPerNetwork) {
    return Added::kNetworkFull;
  }
  if (bucket.size() == kReplication) {
    const auto gone = std::ranges::find_if(
        bucket, [&](const Entry& entry) { return entry.failures >= kMaxFailures || now - entry.heard >= kSilent; });
    if (gone == bucket.end()) return Added::kFull;
    erase(bucket, gone);
  }
  ++networks_[contact.network];
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

void Table::failed(const identity::AnyPeerId& peer) {
  const Place place = Place::of(peer);
  Bucket& bucket = bucket_of(place);
  const auto known = std::ranges::find(bucket, place, &Entry::place);
  if (known != bucket.end()) ++known->failures;
}

bool Table::contains(const identity::AnyPeerId& peer) const {
  const Place place = Place::of(peer);
  const auto bucket = buckets_.find(shared_bits(self_, place));
  return bucket != buckets_.end() && std::ranges::find(bucket->second, place, &Entry::place) != bucket->second.end();
}

std::vector<Peer> Table::closest(const Place& target, std::size_t count, const identity::AnyPeerId* but) const {
  std::vector<std::pair<Digest, const Peer*>> order;
  order.reserve(size_);
  for (const auto& [bits, bucket] : buckets_) {
    for (const Entry& entry : bucket) {
      const Peer& peer = entry.contact.peer;
      if (but == nullptr || peer.id != *but) order.emplace_back(distance(target, entry.place), &peer);
    }
  }
  count = std::min(count, order.size());
  std::ranges::partial_sort(order, order.begin() + static_cast<std::ptrdiff_t>(count));
  std::vector<Peer> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(*order[i].second);
  return out;
}

}  // namespace turnpike::kad
