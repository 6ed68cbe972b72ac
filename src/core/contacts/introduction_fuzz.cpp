// Whatever a peer answers, what comes out of it is within the limits, and is nobody's but those who signed it.
#include <cstdlib>
#include <set>

#include "core/contacts/introduction.h"
#include "core/kad/realm.h"
#include "core/multiaddr/peer_record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike;
  using contacts::Introduced;
  const WallTime now{1'000'000'000'000};
  static SeededRandom random(3);  // NOLINT(misc-const-correctness)
  static const crypto::SigningKey self = crypto::SigningKey::generate(random);
  static const crypto::SigningKey teller = crypto::SigningKey::generate(random);
  static const crypto::SigningKey third = crypto::SigningKey::generate(random);
  const IpAddress at = IpAddress::v4(8, 8, 8, 8);
  const auto check = [&](ByteView bytes) {
    const auto told = contacts::read_introductions(bytes, now, {self.public_key()}, {teller.public_key()}, at);
    if (!told) return;
    std::set<identity::PeerId> once;
    if (told->size() > contacts::kMaxIntroductions) std::abort();
    for (const Introduced& each : *told) {
      if (!once.insert(each.peer).second || each.tcp.empty()) std::abort();
      for (const Endpoint& endpoint : each.tcp) {
        if (kad::realm_of(endpoint.address) != kad::Realm::kWorld) std::abort();
      }
    }
  };
  check({data, size});
  // The same bytes as addresses of a record that is rightly signed, and as a flaw in its envelope.
  ByteReader in({data, size});
  std::vector<multiaddr::Multiaddr> addresses;
  const std::uint64_t seq = now.unix_ms - in.u32();
  const std::size_t flaw = in.u8();
  while (in.remaining() >= 6) {
    const std::uint32_t address = in.u32();
    addresses.push_back(multiaddr::Multiaddr::tcp(
        {IpAddress::v4(static_cast<std::uint8_t>(address >> 24U), static_cast<std::uint8_t>(address >> 16U),
                       static_cast<std::uint8_t>(address >> 8U), static_cast<std::uint8_t>(address)),
         in.u16()}));
  }
  Bytes envelope = multiaddr::sign_record(third, seq, addresses);
  if (flaw < envelope.size()) envelope[flaw] ^= 1U;
  const Bytes answer = contacts::encode_introductions({envelope});
  ByteReader answered(answer);
  check(answered.take(static_cast<std::size_t>(answered.varint())));
  return 0;
}
