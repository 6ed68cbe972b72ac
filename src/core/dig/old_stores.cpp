#include "core/dig/old_stores.h"

#include <algorithm>

namespace turnpike::dig {

bool OldStores::set_stores(Instant now, const identity::PeerId& peer, std::vector<store::StoreId> stores) {
  if (!nodes_.contains(peer) && nodes_.size() >= kMaxOldNodes) return false;
  if (stores.size() > kMaxOldNodeStores) stores.resize(kMaxOldNodeStores);
  nodes_[peer] = {std::move(stores), now};
  return true;
}

bool OldStores::may_try(Instant now, const identity::PeerId& peer, const store::StoreId& store) const {
  if (fetching_.contains(store)) return false;
  const auto failed = failures_.find(store);
  return failed == failures_.end() || now >= failed->second.next_try ||
         (failed->second.count == 1 && failed->second.peer != peer);
}

void OldStores::handle_ended(Instant now, const store::StoreId& store, bool is_here) {
  const auto under_way = fetching_.find(store);
  if (under_way == fetching_.end()) return;
  const identity::PeerId peer = under_way->second;
  fetching_.erase(under_way);
  if (is_here) {
    failures_.erase(store);
    return;
  }
  if (failures_.size() >= kMaxOldFailures && !failures_.contains(store)) {
    failures_.erase(std::ranges::min_element(failures_, {}, [](const auto& entry) { return entry.second.next_try; }));
  }
  Failure& failure = failures_[store];
  Duration delay = kOldRetry;
  for (unsigned i = 0; i < failure.count && delay < kOldRetryLimit; ++i) delay *= 2;
  ++failure.count;
  failure.next_try = now + std::min(delay, kOldRetryLimit);
  failure.peer = peer;
}

std::vector<identity::PeerId> OldStores::stale(Instant now) const {
  std::vector<identity::PeerId> out;
  for (const auto& [peer, node] : nodes_) {
    if (now >= node.asked + kOldListAge) out.push_back(peer);
  }
  return out;
}

}  // namespace turnpike::dig
