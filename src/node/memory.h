// What a node remembers of stores across restarts: how sure it is of them, which were asked for, which are pinned.
#pragma once

#include <map>
#include <vector>

#include "core/sync/fetch.h"
#include "io/state/state_db.h"

namespace turnpike::node {

/// What Commit said of a store when it was put in place, and what the user asked for: durable.
class Memory {
 public:
  explicit Memory(io::StateDb& state);

  /// kOwn unless it was told otherwise of exactly these bytes. Costs no query: it is asked for every request of a peer.
  [[nodiscard]] sync::Mark mark_of(const sync::Target& target) const;
  /// Beside what is known of the store's other contents, one of which may still be in place.
  void remember_mark(const sync::Target& target, sync::Mark mark);
  /// These bytes are in place, and no others any more.
  void forget_other_marks(const sync::Target& target);
  void forget_marks(const store::StoreId& store);

  [[nodiscard]] std::vector<store::StoreId> wanted() const;
  void remember_want(const store::StoreId& store);
  [[nodiscard]] std::vector<sync::Target> pinned() const;
  void remember_pin(const sync::Target& target);
  void forget_pin(const store::StoreId& store);

 private:
  void keep(const Status<io::StateError>& written);

  io::StateDb& state_;
  std::map<sync::Target, sync::Mark> marks_;  // as in the database
};

}  // namespace turnpike::node
