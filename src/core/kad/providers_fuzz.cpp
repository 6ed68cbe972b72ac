// Whoever announces what and when, counts stay within limits, and everything is forgotten 48 hours after the last word.
#include <cstdlib>

#include "core/kad/kad_test_support.h"
#include "core/kad/key.h"
#include "core/kad/providers.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike;
  ByteReader in({data, size});
  Instant now;
  kad::Providers providers;
  while (in.remaining() > 0) {
    const Bytes key = kad::provider_key(Digest{in.u8()});
    const std::uint8_t who = in.u8();
    const std::uint8_t verb = in.u8();
    if (verb % 4 == 0) {
      now += std::chrono::hours(verb);
      providers.handle_timeout(now);
    } else {
      const auto recorded = providers.add(now, key, kad::peer(who), kad::address_of(verb));
      const auto there = providers.of(now, key);
      if (there.size() > kad::kMaxProvidersPerKey) std::abort();
      const bool taken = recorded == kad::Recorded::kNew || recorded == kad::Recorded::kRenewed;
      if (taken && std::ranges::find(there, kad::peer_id(who), &kad::Peer::id) == there.end()) std::abort();
    }
  }
  providers.handle_timeout(now + kad::kProviderExpiry);
  if (providers.size() != 0 || providers.poll_timeout()) std::abort();
  return 0;
}
