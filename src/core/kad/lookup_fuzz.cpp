// Whatever peers answer and whenever, a look-up asks within its limits, asks nobody twice and nobody nowhere, and ends
// by its deadline.
#include <cstdlib>
#include <set>

#include "core/kad/kad_test_support.h"
#include "core/kad/lookup.h"
#include "core/kad/realm.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike;
  ByteReader in({data, size});
  Instant now;
  const Bytes key = kad::provider_key(Digest{1});
  kad::Lookup lookup(now, kad::peer_id(0), key, {kad::peer(in.u8()), kad::peer(in.u8())});
  std::set<identity::AnyPeerId> asked;
  std::vector<kad::Peer> open;
  while (in.remaining() > 0) {
    while (auto question = lookup.poll_question(now)) {
      if (!asked.insert(question->peer.id).second || question->peer.id == kad::peer_id(0)) std::abort();
      for (const auto& address : question->peer.addresses) {
        if (!kad::realm_of(kad::endpoint_of(address)->address)) std::abort();  // nobody's address
      }
      open.push_back(question->peer);
    }
    if (asked.size() > kad::kMaxQuestions) std::abort();
    const std::uint8_t verb = in.u8();
    if (verb % 4 == 0) {
      now += std::chrono::seconds(in.u8() % 16);
      lookup.handle_timeout(now);
    } else if (open.empty()) {
      lookup.handle_failure(now, kad::peer_id(in.u8()));
    } else {
      const std::size_t which = in.u8() % open.size();
      const identity::AnyPeerId from = open[which].id;
      open.erase(open.begin() + static_cast<std::ptrdiff_t>(which));
      if (verb % 4 == 1) {
        lookup.handle_failure(now, from);
      } else {
        kad::Message answer{kad::Type::kGetProviders, key, {}, {}};
        for (std::size_t i = in.u8() % 32; i > 0; --i) answer.closer.push_back(kad::peer(in.u16()));
        for (std::size_t i = in.u8() % 32; i > 0; --i) answer.providers.push_back(kad::peer(in.u16()));
        const IpAddress at = verb % 8 == 2 ? IpAddress::v4(10, 0, 0, 1) : IpAddress::v4(8, 8, 8, 8);
        if (verb % 16 > 8) {
          for (kad::Peer& one : answer.closer) {
            one.addresses = {multiaddr::Multiaddr::tcp({IpAddress::v4(in.u8(), in.u8(), 1, 1), 1})};
          }
        }
        lookup.handle_answer(now, from, at, answer);
      }
    }
    if (lookup.found().size() > kad::kMaxFound || lookup.closest().size() > kad::kReplication) std::abort();
  }
  lookup.handle_timeout(Instant() + kad::kLookupTime + now.time_since_epoch());
  if (!lookup.is_over() || lookup.poll_question(now) || lookup.poll_timeout()) std::abort();
  return 0;
}
