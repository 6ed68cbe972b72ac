// What a node remembers of stores across restarts: how sure it is of them, which were asked for, which are pinned.
#pragma once

#include <vector>

#include "core/sync/fetch.h"
#include "io/state/state_db.h"

namespace turnpike::node {

/// What Commit said of a store when it was put in place, and what the user asked for: durable.
class Memory {
 public:
  explicit Memory(io::StateDb& state) : state_(state) {}

  [[nodiscard]] sync::Mark mark_of(const store::StoreId& store) const;
  void remember_mark(const store::StoreId& store, sync::Mark mark);
  void forget_mark(const store::StoreId& store);

  [[nodiscard]] std::vector<store::StoreId> wanted() const;
  void remember_want(const store::StoreId& store);
  [[nodiscard]] std::vector<sync::Target> pinned() const;
  void remember_pin(const sync::Target& target);
  void forget_pin(const store::StoreId& store);

 private:
  void keep(const Status<io::StateError>& written);

  io::StateDb& state_;
};

}  // namespace turnpike::node
