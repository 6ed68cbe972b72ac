// Whatever is asked, cancelled and given back, and however the clock steps: what flows is at most rate × time + burst,
// every ask is answered at most once, and a pacer that somebody waits for says when to come back.
#include <cstdlib>
#include <set>

#include "base/bytes.h"
#include "core/pace/pacer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike;
  ByteReader in({data, size});
  pace::Pacer pacer(std::uint64_t{in.u32()} * 16);
  const Instant start{std::chrono::hours(1)};
  Instant now = start;
  Instant latest = start;
  std::uint64_t flowed = 0;
  std::set<pace::AskId> open;
  pacer.handle_timeout(now);
  while (in.remaining() >= 4) {
    const std::uint8_t what = in.u8();
    const std::uint8_t who = in.u8();
    const std::uint64_t number = in.u16();
    pace::FlowKey flow{};
    flow[1] = who % 8;
    switch (what % 5) {
      case 0:
        now += Duration{static_cast<std::int64_t>(number)};
        latest = std::max(latest, now);
        pacer.handle_timeout(now);
        break;
      case 1:
        now -= std::min<Duration>(Duration{static_cast<std::int64_t>(number) * 1000}, now - start);
        pacer.handle_timeout(now);
        break;
      case 2:
      case 3:
        open.insert(pacer.ask(now, flow, number * 16));
        break;
      default:
        if (open.empty()) break;
        pacer.cancel(now, *open.begin());
        open.erase(open.begin());
    }
    std::uint64_t granted = 0;
    while (const auto event = pacer.poll_event()) {
      if (open.erase(event->ask) != 1 || event->bytes == 0 || event->bytes > pacer.max_turn()) std::abort();
      granted += event->bytes;
    }
    if (who >= 128 && granted > 0) {
      const std::uint64_t unused = number % granted;
      pacer.give_back(now, flow, unused);
      granted -= unused;
      while (const auto event = pacer.poll_event()) {
        open.erase(event->ask);
        granted += event->bytes;
      }
    }
    flowed += granted;
    const auto elapsed = static_cast<double>((latest - start).count());
    if (static_cast<double>(flowed) >
        elapsed * static_cast<double>(pacer.rate()) / 1e6 + static_cast<double>(pacer.burst()) + 1)
      std::abort();
    if (pacer.waiting() != open.size() || (pacer.waiting() > 0) != pacer.poll_timeout().has_value()) std::abort();
  }
  return 0;
}
