// Whatever is heard and whoever comes and goes, no more are dialled than the limits say, nobody twice at once, and what
// is remembered comes back as it was written.
#include <cstdlib>

#include "core/contacts/contacts.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike;
  using contacts::PeerId;
  ByteReader in({data, size});
  SeededRandom random(7);
  Now now{Instant(std::chrono::hours(1)), {1'000'000}};
  const auto peer = [](std::uint8_t number) {
    std::array<std::uint8_t, 32> key{};
    key[0] = number;
    return PeerId{{key}};
  };
  contacts::Contacts all(peer(0), random);
  std::set<PeerId> dialling;
  while (in.remaining() > 0) {
    const std::uint8_t verb = in.u8();
    const PeerId who = peer(in.u8());
    const Endpoint where{IpAddress::v4(192, 0, 2, verb), 4001};
    switch (verb % 8) {
      case 0:
        now.mono += std::chrono::seconds(verb);
        now.wall.unix_ms += verb * 1000U;
        break;
      case 1:
        all.learn(now.mono, who, path::kAllFound[verb % path::kAllFound.size()], {where});
        break;
      case 2:
        all.handle_connected(now.mono, who);
        break;
      case 3:
        all.handle_disconnected(now.mono, who);
        break;
      case 4:
        all.handle_met(now, who, {where});
        break;
      case 5:
        all.retry_now();
        break;
      default:
        all.handle_dialled(now.mono, who, verb % 8 == 6);
        dialling.erase(who);
    }
    while (const auto dial = all.poll_dial(now.mono)) {
      if (dial->peer == peer(0) || dial->tcp.empty() || !dialling.insert(dial->peer).second) std::abort();
    }
    if (dialling.size() > contacts::kMaxDials) std::abort();
    if (const auto next = all.poll_timeout(); next && *next <= now.mono) std::abort();  // it was to be had just now
  }
  const auto kept = all.remembered();
  if (contacts::decode(contacts::encode(kept)) != kept) std::abort();
  (void)contacts::decode({data, size});
  return 0;
}
