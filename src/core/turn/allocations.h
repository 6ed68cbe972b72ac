// The server's table of allocations (RFC 8656, section 5): found by five-tuple, kept in slots, expired in order.
#pragma once

#include <optional>
#include <vector>

#include "base/index_table.h"
#include "core/stun/message.h"
#include "core/turn/channels.h"
#include "core/turn/five_tuple.h"
#include "core/turn/permissions.h"

namespace turnpike::turn {

/// Whose an allocation is: an end of a pinned session, or an operator's static user.
struct Holder {
  enum class Kind : std::uint8_t { kSession, kUser };

  Kind kind{};
  std::uint8_t side = 0;     ///< Of a session: 0 requester, 1 responder.
  std::uint32_t number = 0;  ///< The session's slot, or the user's number.

  friend bool operator==(const Holder&, const Holder&) = default;
};

struct Allocation {
  FiveTuple client;
  Endpoint relayed;
  Holder holder;
  stun::TransactionId created_by{};  ///< A retransmitted request is answered again, not refused.
  Instant expires;
  Permissions permissions;
  Channels channels;
};

class Allocations {
 public:
  using Slot = std::uint32_t;

  explicit Allocations(Random& random) : hash_(random) {}

  /// There must be none of this client.
  Slot add(Allocation allocation);
  void remove(Slot slot);
  [[nodiscard]] std::optional<Slot> find(const FiveTuple& client) const;
  [[nodiscard]] Allocation& operator[](Slot slot) { return slots_[slot].allocation; }
  [[nodiscard]] const Allocation& operator[](Slot slot) const { return slots_[slot].allocation; }
  /// Changes when the slot is used again: a number that was kept can tell whether it still means the same allocation.
  [[nodiscard]] std::uint32_t generation(Slot slot) const { return slots_[slot].generation; }
  [[nodiscard]] std::size_t size() const { return by_client_.size(); }

  void set_expiry(Slot slot, Instant expires);
  /// One that has expired, if there is one. Remove it before asking again.
  [[nodiscard]] std::optional<Slot> expired(Instant now);
  /// Never later than the first expiry; may be earlier when that was put off.
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

 private:
  struct Entry {
    Allocation allocation;
    std::uint32_t generation = 0;
    bool live = false;
  };
  struct Due {
    Instant at;
    Slot slot = 0;
    std::uint32_t generation = 0;

    friend bool operator>(const Due& a, const Due& b) { return a.at > b.at; }
  };

  [[nodiscard]] std::uint64_t hash_of(const FiveTuple& client) const;
  void push(Due due);
  Due pop();

  KeyedHash hash_;
  std::vector<Entry> slots_;
  std::vector<Slot> free_;
  IndexTable by_client_;
  std::vector<Due> due_;  // a heap, one entry for each live allocation; put off lazily
};

}  // namespace turnpike::turn
