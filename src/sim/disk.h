// A disk that keeps what was synced, and may lose or tear what was not: complete stores, and partial ones with the
// journal that says which of their pieces are verified.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "core/merkle/tree.h"
#include "core/sync/fetch.h"

namespace turnpike::sim {

constexpr Duration kCheckpointPeriod = std::chrono::seconds(1);  ///< What is older survives a power loss.

class Disk {
 public:
  struct Complete {
    store::Content content;
    sync::Mark mark = sync::Mark::kOwn;
    Bytes data;
  };

  /// Reads the journal; pieces after its last checkpoint are hashed again, and dropped if they are torn.
  [[nodiscard]] std::vector<bool> open(const sync::Target& target);
  void close(const sync::Target& target, bool discard);
  /// The layer comes first: without it nothing can be verified again.
  void set_layer(const sync::Target& target, std::vector<Digest> layer);
  [[nodiscard]] std::optional<sync::DiskFailure> write(Instant now, const sync::Target& target, std::uint32_t piece,
                                                       ByteView data);
  [[nodiscard]] bool is_verified(const sync::Target& target, std::uint32_t piece) const;
  [[nodiscard]] bool is_open(const sync::Target& target) const;
  /// Fails where a piece is missing, or the disk does.
  [[nodiscard]] std::optional<sync::DiskFailure> commit(const sync::Target& target, sync::Mark mark);

  void put(const store::StoreId& store, Complete complete) { complete_[store] = std::move(complete); }
  void remove(const store::StoreId& store) { complete_.erase(store); }
  [[nodiscard]] const Complete* find(const store::StoreId& store) const;
  [[nodiscard]] const std::map<store::StoreId, Complete>& complete() const { return complete_; }
  [[nodiscard]] std::size_t partials() const { return partials_.size(); }

  /// From now on nothing more can be written, until it is cleared.
  void fail_with(std::optional<sync::DiskError> error) { failure_ = error; }
  /// The process is gone; what it wrote is not.
  void process_killed();
  /// The power is gone: what was written since the last checkpoint is there, torn, or not, by chance.
  void power_lost(Instant now, Random& dice);

 private:
  struct Written {
    Bytes data;
    Instant at;
    bool settled = false;  // before the last checkpoint: trusted without hashing
  };
  struct Partial {
    std::vector<Digest> layer;
    std::map<std::uint32_t, Written> pieces;
    bool open = false;
  };

  std::map<store::StoreId, Complete> complete_;
  std::map<sync::Target, Partial> partials_;
  std::optional<sync::DiskError> failure_;
};

}  // namespace turnpike::sim
