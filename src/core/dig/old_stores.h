// Which store is fetched from which old node next. Old nodes give ids and no roots, so whole files are fetched from one
// of them at a time, and what they are is known only when they are here.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <vector>

#include "base/time.h"
#include "core/identity/peer_id.h"
#include "core/store/store_id.h"

namespace turnpike::dig {

constexpr std::size_t kMaxOldNodes = 64;           ///< Connected ones whose lists are kept; more are not asked.
constexpr std::size_t kMaxOldNodeStores = 16'000;  ///< Of one list; those beyond are dropped.
constexpr std::size_t kMaxOldFetches = 2;          ///< Under way at once.
constexpr std::size_t kMaxOldFailures = 4096;  ///< Stores whose failure is remembered; the soonest due is forgotten.
constexpr Duration kOldRetry = std::chrono::seconds(30);  ///< After a failure, doubled each time.
constexpr Duration kOldRetryLimit = std::chrono::minutes(10);
constexpr Duration kOldListAge = std::chrono::minutes(2);  ///< Then an old node is asked again.

/// A pure policy.
class OldStores {
 public:
  struct Fetch {
    identity::PeerId peer;
    store::StoreId store;
  };

  /// What a connected old node says it has. False: no room for one more.
  bool set_stores(Instant now, const identity::PeerId& peer, std::vector<store::StoreId> stores);
  void forget(const identity::PeerId& peer) { nodes_.erase(peer); }

  /// `wanted(store)` says whether it is to be had this way at all. The fetch counts as under way from now on.
  template <class Wanted>
  [[nodiscard]] std::optional<Fetch> next(Instant now, Wanted wanted) {
    if (fetching_.size() >= kMaxOldFetches) return std::nullopt;
    for (const auto& [peer, node] : nodes_) {
      for (const store::StoreId& store : node.stores) {
        if (!may_try(now, peer, store) || !wanted(store)) continue;
        fetching_.emplace(store, peer);
        return Fetch{peer, store};
      }
    }
    return std::nullopt;
  }
  void handle_ended(Instant now, const store::StoreId& store, bool is_here);

  /// Old nodes whose list is due to be asked for again.
  [[nodiscard]] std::vector<identity::PeerId> stale(Instant now) const;
  [[nodiscard]] std::size_t nodes() const { return nodes_.size(); }
  [[nodiscard]] std::size_t fetching() const { return fetching_.size(); }

 private:
  struct Node {
    std::vector<store::StoreId> stores;
    Instant asked;
  };
  struct Failure {
    unsigned count = 0;
    Instant next_try;
    identity::PeerId peer;  // who failed last: another may be tried at once
  };

  [[nodiscard]] bool may_try(Instant now, const identity::PeerId& peer, const store::StoreId& store) const;

  std::map<identity::PeerId, Node> nodes_;
  std::map<store::StoreId, identity::PeerId> fetching_;
  std::map<store::StoreId, Failure> failures_;
};

}  // namespace turnpike::dig
