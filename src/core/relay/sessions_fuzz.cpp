// Any order of opening, joining, carrying, leaving and waiting keeps the table's promises: no session carries more than
// its quote, none outlives it, each ends exactly once, and its limits hold.
#include <cstdlib>
#include <map>

#include "core/relay/sessions.h"

namespace turnpike::relay {
namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

struct Known {
  Grant grant;
  std::uint64_t carried = 0;
  bool over = false;
};

PeerId peer(std::uint8_t n) { return {{static_cast<std::uint8_t>(n % 8)}}; }

}  // namespace
}  // namespace turnpike::relay

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike;
  using namespace turnpike::relay;
  SeededRandom random(7);
  Sessions sessions({.bytes = 4096, .bytes_per_second = 1024, .lifetime = std::chrono::minutes(5)}, random);
  Now now{Instant{}, WallTime{1'795'000'000'000}};
  std::vector<Known> known;
  std::map<SessionId, std::size_t> index;

  ByteReader in(ByteView(data, size));
  while (in.remaining() >= 3) {
    const std::uint8_t action = in.u8();
    const std::uint8_t a = in.u8();
    const std::uint8_t b = in.u8();
    Known* const session = known.empty() ? nullptr : &known[a % known.size()];
    switch (action % 6) {
      case 0: {
        const auto grant = sessions.open(now, peer(a), IpAddress::v4(198, 51, 100, a), peer(b));
        if (!grant) break;
        index.emplace(grant->session, known.size());
        known.push_back({*grant});
        break;
      }
      case 1:
      case 2: {
        if (session == nullptr) break;
        Credential credential = action % 6 == 1 ? session->grant.initiator : session->grant.responder;
        if (b == 255) credential.bytes[0] ^= 1U;
        const auto join = sessions.join(now, session->grant.session, credential);
        must(!join || (!session->over && b != 255));
        break;
      }
      case 3: {
        if (session == nullptr) break;
        const bool paired = sessions.is_paired(session->grant.session);
        if (sessions.take(now, session->grant.session, std::uint64_t{b} * 16).allowed) {
          must(paired && !session->over);
          session->carried += std::uint64_t{b} * 16;
          must(session->carried <= session->grant.quote.bytes);
          must(now.wall < session->grant.quote.until);
        }
        break;
      }
      case 4:
        if (session != nullptr) sessions.leave(now, session->grant.session);
        break;
      default: {
        const Duration step = std::chrono::milliseconds(a) * b;
        now.mono += step;
        now.wall.unix_ms += std::uint64_t{a} * b;
        sessions.handle_timeout(now);
        const auto next = sessions.poll_timeout();
        must(!next || *next > now.mono);
      }
    }
    while (const auto ended = sessions.poll_event()) {
      Known& over = known[index.at(ended->session)];
      must(!over.over);
      over.over = true;
    }
    std::size_t live = 0;
    for (const Known& each : known) live += each.over ? 0U : 1U;
    must(live == sessions.size());
    must(sessions.size() <= 8 * 7);
    must(sessions.size() == 0 || sessions.poll_timeout().has_value());
  }
  return 0;
}
