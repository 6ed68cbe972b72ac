// Candidates, bootstraps that say anything, nonces from anywhere, and time: nothing global is ever registered that no
// bootstrap proved within the last half hour, and a nonce is handed back once, to who announced it.
#include <cstdlib>
#include <set>

#include "core/reach/prover.h"
#include "crypto/hash.h"

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike;
  using namespace turnpike::reach;
  SeededRandom random(7);
  Prover prover(random);
  Now now{Instant(std::chrono::hours(1)), {1'795'000'000'000}};
  const auto address = [](std::uint8_t n) {
    return n % 4 == 3 ? IpAddress::v4(10, 0, 0, n) : IpAddress::v4(60, 0, n % 3, n % 5);
  };
  const auto service = [&](std::uint8_t n) {
    return Service{static_cast<ServiceKind>(1 + n % 5), {address(n), static_cast<std::uint16_t>(n % 3 + 1)}};
  };
  std::map<Service, Instant> told;  // until when a bootstrap said it is proved
  std::map<std::size_t, std::multiset<Digest>> announced;

  ByteReader in(ByteView(data, std::min<std::size_t>(size, 600)));
  while (in.remaining() >= 3) {
    const std::uint8_t action = in.u8();
    const std::uint8_t a = in.u8();
    const std::uint8_t b = in.u8();
    const std::size_t bootstrap = b % 3;
    const ProofNonce nonce{static_cast<std::uint8_t>(a % 8)};
    switch (action % 8) {
      case 0: {
        std::vector<Candidate> all;
        for (std::uint8_t n = 0; n < a % 8; ++n) {
          all.push_back({service(static_cast<std::uint8_t>(b + n * 7)), static_cast<Origin>((a + n) % 3)});
        }
        prover.set_candidates(now, all);
        break;
      }
      case 1:
        prover.handle_link_up(now, bootstrap, address(a));
        break;
      case 2:
        prover.handle_link_down(now, bootstrap);
        announced.erase(bootstrap);
        break;
      case 3:
        announced[bootstrap].insert(crypto::sha256(nonce));
        prover.handle_expect(now, bootstrap, service(b), crypto::sha256(nonce));
        break;
      case 4: {
        const auto outcome = static_cast<ProofOutcome>(1 + a % 5);
        const Service target = service(b);
        if (outcome == ProofOutcome::kProved) told[target] = now.mono + rendezvous::kProofLifetime;
        prover.handle_result(now, bootstrap, target, outcome, std::chrono::minutes(a));
        break;
      }
      case 5:
        prover.handle_arrival(now, static_cast<ServiceKind>(1 + b % 5), nonce,
                              address(static_cast<std::uint8_t>(b + 1)));
        break;
      case 6:
        prover.handle_sent(now, static_cast<ServiceKind>(1 + b % 5), address(a));
        break;
      default:
        now.mono += std::chrono::seconds(a) * (b % 16);
        prover.handle_timeout(now);
        must(!prover.poll_timeout() || *prover.poll_timeout() > now.mono);
    }
    while (const auto ask = prover.poll_ask()) must(ask->target.endpoint.address.is_global());
    while (const auto seen = prover.poll_seen()) {
      auto& of = announced[seen->bootstrap];
      const auto at = of.find(crypto::sha256(seen->nonce));
      must(at != of.end() && seen->from.is_global());
      of.erase(at);
    }
    for (const Service& each : prover.services()) {
      if (!each.endpoint.address.is_global()) continue;
      must(told.contains(each) && told.at(each) > now.mono);
    }
  }
  return 0;
}
