// Whatever peers say and whenever, a node asks within its limits, believes nobody of an address nearer than his own, is
// never at a loss for when to be woken while it waits, and does not lose its way: every ask ends by its deadline.
#include <cstdlib>

#include "core/kad/kad_test_support.h"
#include "core/kad/key.h"
#include "core/kad/node.h"
#include "core/kad/realm.h"

namespace {

using namespace turnpike;

std::vector<kad::Peer> some_peers(ByteReader& in) {
  std::vector<kad::Peer> out;
  for (std::size_t i = in.u8() % 24; i > 0; --i) {
    const std::uint16_t number = in.u16();
    out.push_back(number % 5 == 0 ? kad::peer_at(number, IpAddress::v4(in.u8(), 0, 0, 1)) : kad::peer(number));
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader in({data, size});
  Instant now{std::chrono::hours(1)};
  SeededRandom random(7);
  kad::Node node(now, kad::peer_id(0), random);
  node.set_addresses(now, kad::peer(0).addresses);
  std::vector<kad::Ask> open;
  const auto drain = [&] {
    for (int i = 0; i < 200; ++i) {
      auto ask = node.poll_ask(now);
      if (!ask) break;
      if (ask->peer.id == kad::peer_id(0) || ask->messages.empty()) std::abort();
      for (const auto& address : ask->peer.addresses) {
        if (kad::realm_of(kad::endpoint_of(address)->address) != kad::Realm::kWorld) std::abort();
      }
      open.push_back(*std::move(ask));
      if (i == 199) std::abort();
    }
    if (node.asks() > kad::kMaxAsks) std::abort();
    if (node.asks() > 0 && !node.poll_timeout()) std::abort();
    while (node.poll_event()) {
    }
  };
  while (in.remaining() > 0) {
    const std::uint8_t verb = in.u8();
    const Digest store{in.u8()};
    if (verb % 8 == 0) {
      now += std::chrono::seconds(in.u8());
      node.handle_timeout(now);
    } else if (verb % 8 == 1) {
      const std::uint16_t number = in.u16();
      node.handle_peer(now, kad::peer(number), kad::address_of(number), in.u8() % 4 != 0);
    } else if (verb % 8 == 2) {
      (void)node.find(now, store);
    } else if (verb % 8 == 3) {
      verb % 16 == 3 ? node.offer(now, store) : node.withdraw(store);
    } else if (verb % 8 == 4) {
      const std::uint16_t number = in.u16();
      const kad::Message request{static_cast<kad::Type>(in.u8() % 6), kad::provider_key(store), {}, some_peers(in)};
      const auto answer = node.handle_request(now, {kad::peer_id(number), kad::address_of(number)}, request);
      if (answer && *answer && kad::encode(**answer).size() > kad::kMaxMessage) std::abort();
    } else if (!open.empty()) {
      const std::size_t which = in.u8() % open.size();
      const kad::Ask ask = std::move(open[which]);
      open.erase(open.begin() + static_cast<std::ptrdiff_t>(which));
      if (verb % 8 == 5) {
        node.handle_failure(now, ask.id);
      } else if (!ask.is_answered) {
        node.handle_sent(now, ask.id);
      } else {
        kad::Message answer{ask.messages[0].type, ask.messages[0].key, some_peers(in), some_peers(in)};
        node.handle_answer(now, ask.id, kad::address_of(verb), answer);
      }
    }
    drain();
  }
  now += kad::kLookupTime + kad::kQuestionTime;
  node.handle_timeout(now);
  if (node.asks() > 0) std::abort();
  return 0;
}
