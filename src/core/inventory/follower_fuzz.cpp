// Whatever a peer signs, in whatever cut it comes, what is held of it is bounded and is what was told of.
#include <cstdlib>
#include <set>

#include "core/inventory/follower.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike;
  static const crypto::SigningKey kKey{Digest{1}};
  const identity::PeerId teller{kKey.public_key()};
  const identity::PeerId self{crypto::SigningKey{Digest{2}}.public_key()};
  const Now now{Instant(std::chrono::seconds(10)), {1'700'000'000'000}};
  inventory::Follower follower(self, teller);
  (void)follower.start(now.mono, true);
  // As they are; then each piece of them as the body of a page that the peer did sign.
  inventory::Follower raw(self, teller);
  (void)raw.start(now.mono, true);
  raw.handle_bytes(now, {data, size});
  if (raw.poll_event()) std::abort();  // nobody here has signed it
  std::set<store::StoreId> told;
  ByteReader in({data, size});
  while (in.remaining() > 0) {
    const ByteView body = in.take(std::min<std::size_t>(in.remaining(), in.u16() % 2048U));
    if (const auto page = inventory::decode_page(body)) {
      if (inventory::encode_page(*page).empty()) std::abort();
      const Bytes bytes = inventory::sign_page(kKey, *page, self, now.wall.unix_ms, now.wall);
      follower.handle_bytes(now, bytes);
    }
    while (const auto change = follower.poll_event()) {
      for (const auto& gone : change->gone) {
        if (told.erase(gone) == 0) std::abort();
      }
      for (const auto& store : change->stores) {
        if (!store.content.is_valid()) std::abort();
        told.insert(store.id);
      }
    }
    if (follower.held().size() > inventory::kMaxStores || told.size() > inventory::kMaxStores) std::abort();
  }
  return 0;
}
