// Askers, probers and time in any order: a nonce is sent to nobody but who asked, at the address where it was seen, by
// nobody of its own network, and nothing is held for what is gone.
#include <cstdlib>
#include <set>

#include "core/rendezvous/proofs.h"
#include "crypto/hash.h"

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike;
  using namespace turnpike::rendezvous;
  SeededRandom random(7);
  const auto address = [](std::uint8_t n) { return IpAddress::v4(n % 7 == 6 ? 10 : 60, 0, n % 5, n % 3); };
  Proofs proofs({address(0)}, random);
  Now now{Instant(std::chrono::hours(1)), {1'795'000'000'000}};
  std::map<ConnectionId, IpAddress> at;
  std::vector<std::pair<ConnectionId, ProofNonce>> sent;
  std::vector<std::pair<std::optional<ConnectionId>, std::uint64_t>> numbers;
  std::set<Digest> expected;
  std::uint64_t last = 0;
  std::map<PeerId, IpAddress> where;

  const auto drain = [&] {
    while (auto action = proofs.poll_action()) {
      if (const auto* tell = std::get_if<TellExpected>(&*action)) {
        must(at.contains(tell->asker) && tell->target.endpoint.address == at.at(tell->asker));
        expected.insert(tell->digest);
        sent.emplace_back(tell->asker, ProofNonce{});
      } else if (const auto* order = std::get_if<OrderProbe>(&*action)) {
        must(at.contains(order->prober) && may_probe(at.at(order->prober), order->target.endpoint.address));
        must(expected.contains(crypto::sha256(order->nonce)));
        sent.back().second = order->nonce;
        numbers.emplace_back(order->prober, order->number);
      } else if (const auto* own = std::get_if<ProbeFromHere>(&*action)) {
        must(may_probe(address(0), own->target.endpoint.address));
        sent.back().second = own->nonce;
        numbers.emplace_back(std::nullopt, own->number);
      } else if (const auto* proved = std::get_if<Proved>(&*action)) {
        must(proved->until == now.mono + kProofLifetime && proved->service.endpoint.address.is_global());
      }
    }
    must(proofs.probes() <= kMaxProbes && proofs.asks() <= at.size() * kMaxAsksPerPeer);
  };

  ByteReader in(ByteView(data, std::min<std::size_t>(size, 600)));
  while (in.remaining() >= 3) {
    const std::uint8_t action = in.u8();
    const std::uint8_t a = in.u8();
    const std::uint8_t b = in.u8();
    auto one = at.begin();
    if (!at.empty()) std::advance(one, a % at.size());
    switch (action % 7) {
      case 0:
        at.emplace(ConnectionId{++last}, address(a));
        break;
      case 1:
        if (!at.empty()) proofs.add_prober(now, one->first, PeerId{{static_cast<std::uint8_t>(a % 9)}}, one->second);
        break;
      case 2:
        if (!at.empty()) {
          const auto kind = static_cast<ServiceKind>(1 + b % 5);
          proofs.ask(now, one->first, PeerId{{static_cast<std::uint8_t>(a % 9)}}, one->second,
                     {kind, {b % 4 == 0 ? address(b) : one->second, b}}, {address(b)});
        }
        break;
      case 3:
        if (!sent.empty()) {
          const auto& [asker, nonce] = sent[a % sent.size()];
          proofs.handle_seen(now, asker, nonce, static_cast<ServiceKind>(1 + b % 5), address(b));
        }
        break;
      case 4:
        if (!numbers.empty()) {
          const auto& [prober, number] = numbers[a % numbers.size()];
          proofs.handle_probed(now, prober, number, static_cast<ProbeOutcome>(1 + b % 3));
        }
        break;
      case 5:
        if (!at.empty()) {
          const ConnectionId gone = one->first;
          at.erase(one);
          proofs.remove(now, gone);
        }
        break;
      default: {
        now.mono += std::chrono::milliseconds(a) * b;
        proofs.handle_timeout(now);
        const auto next = proofs.poll_timeout();
        must(!next || *next > now.mono);
      }
    }
    drain();
  }
  for (const auto& [connection, where_seen] : at) proofs.remove(now, connection);
  must(proofs.asks() == 0 && proofs.probes() == 0);
  return 0;
}
