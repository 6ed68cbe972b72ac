// A record that opens speaks of its signer: nobody can make one for somebody else.
#include <cstdlib>

#include "core/multiaddr/peer_record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike;
  (void)multiaddr::open_record({data, size});
  const crypto::SigningKey key{Digest{1}};
  const auto made = multiaddr::open_record(
      identity::sign_envelope(key, multiaddr::kRecordDomain, multiaddr::kRecordPayloadType, {data, size}));
  if (made && made->peer != identity::AnyPeerId(identity::PeerId{key.public_key()})) std::abort();
  if (made && made->addresses.size() > multiaddr::kMaxRecordAddresses) std::abort();
  return 0;
}
