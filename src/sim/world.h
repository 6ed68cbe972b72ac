// Virtual time, one source of chance, and the list of what happens next: everything in a simulated world follows from
// its seed.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/time.h"

namespace turnpike::sim {

using namespace std::chrono_literals;

class World {
 public:
  explicit World(std::uint64_t seed) : seed_(seed), dice_(seed) {}
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  [[nodiscard]] std::uint64_t seed() const { return seed_; }
  [[nodiscard]] Now now() const;
  [[nodiscard]] Duration elapsed() const { return elapsed_; }
  [[nodiscard]] Random& dice() { return dice_; }
  /// True once in 1 / `share` times.
  [[nodiscard]] bool chance(double share);

  /// Equal instants happen in the order in which they were asked for.
  void after(Duration delay, std::function<void()> what);

  void run_for(Duration time);
  /// False when `limit` passed first.
  bool run_until(const std::function<bool()>& done, Duration limit);

  /// One line of the story, shown when tracing.
  void tell(std::string_view who, std::string_view what);
  void trace(bool on) { trace_ = on; }
  /// A promise was broken. The world goes on, the test fails.
  void breach(std::string what);
  [[nodiscard]] const std::vector<std::string>& breaches() const { return breaches_; }

 private:
  struct Event {
    Duration at;
    std::uint64_t order;
    std::function<void()> what;
    friend bool operator>(const Event& a, const Event& b) { return a.at != b.at ? a.at > b.at : a.order > b.order; }
  };

  void happen();

  std::uint64_t seed_;
  SeededRandom dice_;
  Duration elapsed_{};
  std::uint64_t last_order_ = 0;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::vector<std::string> breaches_;
  bool trace_ = false;
};

}  // namespace turnpike::sim
