// What a node remembers of stores across restarts: how sure it is of them, which were asked for, which are pinned.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/sync/fetch.h"
#include "io/disk/file.h"
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
  void forget_mark(const sync::Target& target);
  [[nodiscard]] bool has_mark(const sync::Target& target) const { return marks_.contains(target); }
  struct Fetched {
    store::Content content;
    sync::Mark mark = sync::Mark::kUnconfirmed;
  };
  /// What was fetched of a store and put in place, surest first; nothing where its owner's own bytes are, or were.
  [[nodiscard]] std::optional<Fetched> fetched(const store::StoreId& store) const;
  /// The owner puts this file in the store's place: not damage, whatever its bytes. Written before the file takes its
  /// name, by whatever process. One file a store is remembered.
  void remember_given(const store::StoreId& store, const io::FileStamp& file);
  [[nodiscard]] bool is_given(const store::StoreId& store, const io::FileStamp& file) const;
  void forget_given(const store::StoreId& store);

  [[nodiscard]] std::vector<store::StoreId> wanted() const;
  void remember_want(const store::StoreId& store);
  void forget_want(const store::StoreId& store);
  /// Stores that the owner does not want here whatever the sync mode.
  [[nodiscard]] std::vector<store::StoreId> refused() const;
  void remember_refusal(const store::StoreId& store);
  void forget_refusal(const store::StoreId& store);
  /// Costs no query: it is asked for every request of a peer.
  [[nodiscard]] bool is_private(const store::StoreId& store) const { return private_.contains(store); }
  [[nodiscard]] const std::set<store::StoreId>& private_stores() const { return private_; }
  /// False when it could not be made durable: then nothing has changed.
  [[nodiscard]] bool set_private(const store::StoreId& store, bool is_private);
  [[nodiscard]] std::vector<sync::Target> pinned() const;
  void remember_pin(const sync::Target& target);
  void forget_pin(const store::StoreId& store);

 private:
  void keep(const Status<io::StateError>& written);

  io::StateDb& state_;
  std::map<sync::Target, sync::Mark> marks_;  // as in the database
  std::set<store::StoreId> private_;          // likewise
};

}  // namespace turnpike::node
