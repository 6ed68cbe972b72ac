// How fast bytes may flow, and in whose turn: one token bucket that many flows share fairly.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>

#include "base/endpoint.h"
#include "base/time.h"
#include "core/identity/peer_id.h"

namespace turnpike::pace {

constexpr std::uint64_t kMinRate = std::uint64_t{64} << 10U;       ///< Below it other people's patience would end.
constexpr std::uint64_t kMaxRate = 1'000'000'000'000;              ///< More is no limit.
constexpr std::uint64_t kSmallestTurn = std::uint64_t{8} << 10U;   ///< Bytes of one grant at the lowest rates,
constexpr std::uint64_t kLargestTurn = std::uint64_t{256} << 10U;  ///< and at high ones.

/// Who has one share of the rate, however many connections and requests it has.
using FlowKey = std::array<std::uint8_t, 33>;
/// An IPv4 address, or the /64 that one IPv6 host has to itself.
[[nodiscard]] FlowKey flow_of(const IpAddress& address);
[[nodiscard]] FlowKey flow_of(const identity::PeerId& peer);

struct AskId {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(const AskId&, const AskId&) = default;
};

/// A machine as base/machine.h has it. Bytes granted in any window of time are at most rate × window + burst. Of the
/// flows that ask all the time each gets the same number of bytes, to within one turn; those of one flow take turns as
/// they asked. Nobody who asks waits for ever: a new flow enters behind what the others were already given, not behind
/// what they want.
class Pacer {
 public:
  struct Event {  ///< Granted: so many bytes may flow now.
    AskId ask;
    std::uint64_t bytes = 0;
  };

  /// `bytes_per_second` is brought into kMinRate..kMaxRate. The bucket is full at first.
  explicit Pacer(std::uint64_t bytes_per_second);

  // What happened. An instant before one that was told already counts as that one; after a leap forward the bucket is
  // full, and no fuller.
  void handle_timeout(Instant now);

  // Verbs.
  /// `bytes`, at least 1, are cut to max_turn(). Answered by one Event, unless cancelled.
  AskId ask(Instant now, const FlowKey& flow, std::uint64_t bytes);
  /// No Event comes any more, and what was granted and not yet polled is given back.
  void cancel(Instant now, AskId ask);
  /// So many of the bytes granted to the flow did not flow.
  void give_back(Instant now, const FlowKey& flow, std::uint64_t bytes);

  [[nodiscard]] std::optional<Event> poll_event();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  [[nodiscard]] std::uint64_t rate() const { return rate_; }
  [[nodiscard]] std::uint64_t burst() const { return burst_; }
  [[nodiscard]] std::uint64_t max_turn() const { return max_turn_; }
  [[nodiscard]] std::size_t waiting() const { return asks_.size(); }
  [[nodiscard]] std::size_t flows() const { return flows_.size(); }

 private:
  struct Ask {
    FlowKey flow{};
    std::uint64_t bytes = 0;
    bool granted = false;  // and not yet polled
  };
  struct Flow {
    std::uint64_t turn = 0;  // start-time fair queueing: where its next grant stands on the common scale of bytes
    std::deque<AskId> asks;
  };

  void pass(Instant now);
  void settle();
  void enqueue(const FlowKey& key, Flow& flow);
  void forget_the_past();

  std::uint64_t rate_;
  std::uint64_t max_turn_;
  std::uint64_t burst_;
  std::uint64_t credit_;  // in millionths of a byte
  std::optional<Instant> told_;
  std::uint64_t scale_ = 0;  // the turn granted last
  std::uint64_t last_ask_ = 0;
  std::map<AskId, Ask> asks_;
  std::map<FlowKey, Flow> flows_;                        // those that ask, and those whose turn is ahead of the scale
  std::set<std::pair<std::uint64_t, FlowKey>> in_turn_;  // those that ask
  std::deque<Event> events_;
};

}  // namespace turnpike::pace
