// The five ports of a node on one router: at which external ports they are asked for, when again, and when given back.
// Knows nothing of protocols: an Ask out, a Granted or Refused in.
#pragma once

#include <array>
#include <deque>
#include <optional>
#include <set>
#include <string>

#include "base/random.h"
#include "core/portmap/lane.h"
#include "core/portmap/mapping.h"

namespace turnpike::portmap {

constexpr unsigned kMaxGroupTries = 8;   ///< Bases that are tried before the ports are mapped each by itself.
constexpr unsigned kMaxSingleTries = 3;  ///< External ports that are tried for one port by itself.
constexpr std::uint16_t kLowestBase = 1024;
constexpr Duration kMinRenewal = std::chrono::seconds(4);  ///< RFC 6887 §11.2.1: not more often.

/// Three ways to want the five: at one base, or, where no base is free, each wherever there is room; and as holes in a
/// firewall, where the external port is the internal one.
enum class SetShape : std::uint8_t { kGroup, kPinholes };

class PortSet {
 public:
  struct Entry {
    Purpose purpose = Purpose::kPeerTcp;
    bool is_held = false;
    std::uint16_t external_port = 0;  ///< While held.
    Instant granted{};
    Instant expires{};
    std::optional<Refusal> refused;  ///< The last answer, when it was one.
    unsigned tries = 0;
  };

  /// `base` is P, 1 to kMaxBase.
  PortSet(Random& random, std::uint16_t base, SetShape shape);

  void start();
  /// The router has forgotten: everything is asked for again at once.
  void renew_all();
  /// Renews one mapping before its time, for what its answer tells of the router.
  void check_one();
  /// Gives back what is held, and what is granted from now on.
  void remove_all();

  /// The next thing to ask; none while one is open.
  [[nodiscard]] std::optional<Ask> poll_ask();
  /// Whatever does not belong to the open Ask changes nothing.
  void handle_granted(Instant now, const Granted& granted);
  void handle_refused(Instant now, const Refused& refused);
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  [[nodiscard]] bool is_idle() const { return !open_ && queue_.empty(); }
  /// The router has said what it had to say to all five, and something is held.
  [[nodiscard]] bool is_settled() const { return settled_; }
  /// All five are held, at the same distances as inside.
  [[nodiscard]] bool is_group() const;
  /// Nothing is held and nothing will be: why.
  [[nodiscard]] std::optional<Refusal> failure() const { return failure_; }
  [[nodiscard]] const std::string& detail() const { return detail_; }  ///< Of the last refusal.
  [[nodiscard]] bool gave_up_group() const { return singly_; }
  [[nodiscard]] const std::array<Entry, 5>& entries() const { return entries_; }
  [[nodiscard]] std::uint16_t internal_port(const Entry& entry) const;
  [[nodiscard]] std::optional<Instant> renews_at() const { return renew_at_; }

 private:
  struct Step {
    std::size_t index = 0;
    Ask ask;
  };

  void queue_map(std::size_t index);
  void queue_removal(std::size_t index);
  void ask_for_all();
  void move_on(std::optional<std::uint16_t> hint);
  void drained(Instant now);
  void give_up(Refusal why);
  void expire(Instant now);
  [[nodiscard]] std::uint16_t next_base(std::optional<std::uint16_t> hint);
  [[nodiscard]] bool is_open(const std::optional<Ask>& ask) const { return open_ && ask && open_->ask == *ask; }
  [[nodiscard]] bool any_held() const;
  [[nodiscard]] std::optional<Instant> half_life() const;

  Random* random_;
  std::uint16_t own_base_;
  SetShape shape_;
  std::uint16_t base_;  // outside
  std::array<Entry, 5> entries_{};
  std::deque<Step> queue_;
  std::optional<Step> open_;
  std::set<std::uint16_t> tried_;  // bases
  bool singly_ = false;
  bool settled_ = false;
  bool removing_ = false;
  bool retrying_ = false;  // the router was silent in a renewal
  std::optional<Refusal> failure_;
  std::string detail_;
  std::optional<Instant> renew_at_;
};

}  // namespace turnpike::portmap
