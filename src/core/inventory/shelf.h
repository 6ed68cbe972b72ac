// What this peer tells of its stores: each change gets a number, so that who heard of an earlier one is told the rest.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "core/inventory/message.h"

namespace turnpike::inventory {

constexpr std::size_t kMaxGone = 4096;  ///< Remembered; who last heard of an older change is told everything anew.

/// Pure and without time.
class Shelf {
 public:
  /// `epoch` is this run's: any number that no other run had, but 0.
  explicit Shelf(std::uint64_t epoch) : epoch_(epoch) {}

  /// What may be told now: no private store, none in doubt, each once. Those beyond kMaxStores (by id) are not told.
  void set(std::vector<store::Manifest> stores);
  /// At most kPageChanges of what changed after `since`, which is at most version(). Of what is gone only where `since`
  /// is not 0: who is told everything never heard of it.
  [[nodiscard]] Page page(std::uint64_t since) const;
  /// Of the last change.
  [[nodiscard]] std::uint64_t version() const { return version_; }
  [[nodiscard]] std::uint64_t epoch() const { return epoch_; }
  /// Who last heard of an earlier change may have missed a loss.
  [[nodiscard]] std::uint64_t floor() const { return floor_; }
  [[nodiscard]] std::size_t size() const { return here_.size(); }

 private:
  struct Held {
    store::Content content;
    std::uint64_t version = 0;
  };
  struct Change {
    store::StoreId store;
    std::optional<store::Content> content;  // none: gone
  };

  std::uint64_t epoch_;
  std::uint64_t version_ = 0;
  std::uint64_t floor_ = 0;  // of the latest loss that is no longer remembered
  std::map<store::StoreId, Held> here_;
  std::map<store::StoreId, std::uint64_t> gone_;
  std::map<std::uint64_t, store::StoreId> gone_order_;
  std::map<std::uint64_t, Change> changes_;  // the last one of each store, in the order they came
};

/// One asker's place in it.
class Teller {
 public:
  explicit Teller(const Request& request) : epoch_(request.epoch), at_(request.since) {}

  /// The next page to send; none while there is nothing new. The first one comes always, be it empty.
  [[nodiscard]] std::optional<Page> next(const Shelf& shelf);

 private:
  std::uint64_t epoch_;
  std::uint64_t at_;
  bool told_ = false;
  std::optional<std::uint64_t> listing_;  // a whole listing is under way: the shelf's floor when it began
};

}  // namespace turnpike::inventory
