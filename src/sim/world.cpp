#include "sim/world.h"

#include <algorithm>
#include <cstdio>

namespace turnpike::sim {

Now World::now() const {
  // Neither clock begins at zero: code that takes an unset instant for a real one is found out.
  return {Instant(1h) + elapsed_, {1'800'000'000'000 + static_cast<std::uint64_t>(elapsed_ / 1ms)}};
}

bool World::chance(double share) { return static_cast<double>(dice_.below(1'000'000)) < share * 1e6; }

void World::after(Duration delay, std::function<void()> what) {
  events_.push({elapsed_ + std::max(delay, Duration{}), ++last_order_, std::move(what)});
}

void World::happen() {
  const Event event = events_.top();
  events_.pop();
  elapsed_ = event.at;
  event.what();
}

void World::run_for(Duration time) {
  const Duration end = elapsed_ + time;
  while (!events_.empty() && events_.top().at <= end) happen();
  elapsed_ = end;
}

bool World::run_until(const std::function<bool()>& done, Duration limit) {
  const Duration end = elapsed_ + limit;
  while (!done()) {
    if (events_.empty() || events_.top().at > end) {
      elapsed_ = end;
      return false;
    }
    happen();
  }
  return true;
}

void World::tell(std::string_view who, std::string_view what) {
  if (!trace_) return;
  std::fprintf(stderr, "%10.3f  %-10.*s %.*s\n", static_cast<double>(elapsed_.count()) / 1e6,
               static_cast<int>(who.size()), who.data(), static_cast<int>(what.size()), what.data());
}

void World::breach(std::string what) {
  tell("BREACH", what);
  breaches_.push_back(std::move(what));
}

}  // namespace turnpike::sim
