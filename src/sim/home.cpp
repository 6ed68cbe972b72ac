#include "sim/home.h"

#include <algorithm>

namespace turnpike::sim {
namespace {

constexpr Duration kRetransmission = 200ms;

Duration time_for(std::uint64_t bytes, double rate) {
  return Duration(static_cast<Duration::rep>(static_cast<double>(bytes) * 1e6 / rate) + 1);
}

}  // namespace

bool lets_through(const Home& from, const Home& to, std::uint16_t port) {
  if (from.unplugged || to.unplugged) return false;
  if (&from == &to) return true;
  if (from.nat == Nat::kWebOnly && port != 80 && port != 443) return false;
  return to.nat == Nat::kOpen && !to.shuts_http;
}

// Loss costs time, never bytes: every pipe of ours is reliable.
Duration delay_between(World& world, const Home& from, const Home& to) {
  Duration delay = from.delay + to.delay;
  if (world.chance(from.loss + to.loss)) delay += kRetransmission + delay;
  return delay;
}

Transit send(World& world, Home& from, Home& to, std::uint64_t bytes) {
  const Instant now = world.now().mono;
  from.up_free = std::max(from.up_free, now) + time_for(bytes, from.up);
  const Instant first = from.up_free + delay_between(world, from, to);
  // The receiving line works while the sending one does; it is the end of the slower that counts.
  to.down_free = std::max(first, std::max(to.down_free, now) + time_for(bytes, to.down));
  return {.left = from.up_free - now, .arrived = to.down_free - now};
}

}  // namespace turnpike::sim
