// Old nodes that say anything, from anywhere, at any time: the registry keeps its limits and its counts, lists nobody
// who is silent or signed for, and tells of no address that was not proved.
#include <cstdlib>
#include <set>

#include "core/dig/registry.h"

namespace turnpike::dig {
namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

constexpr RegistryLimits kLimits{.peers = 6, .peers_per_address = 2, .peers_per_network = 3, .entries = 9};

struct World {
  Registry registry{kLimits};
  Now now{Instant{std::chrono::hours(1)}, {1'795'000'000'000}};
  std::set<PeerId> signed_for;
  std::set<PeerId> proved;

  static PeerId peer(std::uint8_t n) { return {Digest{static_cast<std::uint8_t>(n % 10)}}; }
  static IpAddress address(std::uint8_t n) {
    return IpAddress::v4(203, 0, static_cast<std::uint8_t>(n / 16 % 3), static_cast<std::uint8_t>(n % 4));
  }
  static RegisterRequest request(std::uint8_t n, std::uint8_t from) {
    RegisterRequest out{.peer = peer(n), .addresses = {"/ip4/192.0.2.1/tcp/4001"}};
    out.stores.resize(n / 16);
    out.turn_capable = n % 2 == 0;
    out.turn_addresses = {{address(from), 4001}};
    return out;
  }

  void step(ByteReader& in) {
    const std::uint8_t what = in.u8();
    const std::uint8_t n = in.u8();
    const std::uint8_t from = in.u8();
    switch (what % 8) {
      case 0:
      case 1: {
        const bool is_signed = signed_for.contains(peer(n));
        const auto put = registry.put(now, address(from), request(n, from), is_signed);
        must(!put || !is_signed);
        break;
      }
      case 2:
        (void)registry.refresh(now, address(from), peer(n));
        break;
      case 3:
        (void)registry.claim_turn(now, address(from),
                                  {.peer = peer(n), .turn_addresses = {{address(n), 1}}, .turn_port = 1});
        break;
      case 4:
        if (const auto where = registry.to_prove(now.mono, peer(n))) {
          registry.prove(now, peer(n), *where);
          proved.insert(peer(n));
        }
        break;
      case 5:
        registry.withdraw_proof(peer(n));
        break;
      case 6:
        signed_for.insert(peer(n));
        registry.drop(peer(n));
        break;
      default:
        now.mono += std::chrono::seconds(std::uint32_t{n} * 4);
        registry.handle_timeout(now.mono);
        break;
    }
    check();
  }

  void check() const {
    must(registry.size() <= kLimits.peers && registry.entries() <= kLimits.entries);
    must(registry.size() == 0 || registry.poll_timeout());
    std::size_t entries = 0;
    const auto all = registry.list(Instant{}, std::nullopt, 100, 100);
    must(all.size() == registry.size());
    for (const PeerRecord& each : all) {
      entries += each.stores.size();
      must(!signed_for.contains(each.peer));
      must(each.turn.empty() || proved.contains(each.peer));
    }
    must(entries == registry.entries());
    must(registry.list(now.mono, std::nullopt, 2, 3).size() <= 2);
  }
};

}  // namespace
}  // namespace turnpike::dig

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike;
  dig::World world;
  ByteReader in({data, size});
  while (in.remaining() >= 3) world.step(in);
  return 0;
}
