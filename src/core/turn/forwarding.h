// The data plane's table: where ChannelData of a client goes, decided beforehand. Whoever moves the bytes looks a run
// of packets up once and asks nobody else.
#pragma once

#include <vector>

#include "base/index_table.h"
#include "base/time.h"
#include "core/turn/channel_data.h"
#include "core/turn/five_tuple.h"

namespace turnpike::turn {

struct Route {
  FiveTuple to;
  ChannelNumber channel = 0;    ///< Under which the other end gets it.
  std::uint32_t from_slot = 0;  ///< The allocation it comes from…
  std::uint32_t to_slot = 0;    ///< …and the one it goes to.
  Instant valid_until;          ///< Then a channel, a permission or an allocation at either end runs out.
};

/// (client, channel) → Route. A cache: the server publishes a route when the first packet asks, and withdraws it with
/// either end; what is not here goes to the server.
class Forwarding {
 public:
  explicit Forwarding(Random& random) : hash_(random) {}

  /// Nothing when there is no route, or none any more. Stays valid until the table is changed.
  [[nodiscard]] const Route* find(Instant now, const FiveTuple& from, ChannelNumber channel) const;

  void publish(const FiveTuple& from, ChannelNumber channel, const Route& route);
  void withdraw(const FiveTuple& from, ChannelNumber channel);
  /// All that lead to this allocation.
  void withdraw_to(std::uint32_t slot);
  [[nodiscard]] std::size_t size() const { return index_.size(); }

 private:
  struct Entry {
    FiveTuple from;
    ChannelNumber channel = 0;
    Route route;
    std::uint32_t next_to_same = kNone;  // the routes into one allocation are a list
  };
  static constexpr std::uint32_t kNone = UINT32_MAX;

  [[nodiscard]] std::uint64_t hash_of(const FiveTuple& from, ChannelNumber channel) const;
  [[nodiscard]] std::optional<std::uint32_t> number_of(const FiveTuple& from, ChannelNumber channel) const;
  void unlink(std::uint32_t number);
  void erase(std::uint32_t number);

  KeyedHash hash_;
  IndexTable index_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> first_to_;  // by allocation slot
};

}  // namespace turnpike::turn
