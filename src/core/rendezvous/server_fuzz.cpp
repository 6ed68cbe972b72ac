// A bootstrap against any number of clients that say anything, in any order: it never sends to who was not there,
// closes each connection once, keeps its counts, and always knows when to wake.
#include <cstdlib>
#include <set>

#include "core/identity/statement.h"
#include "core/rendezvous/server.h"

namespace turnpike::rendezvous {
namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

struct World {
  SeededRandom random{3};
  crypto::SigningKey key = crypto::SigningKey::generate(random);
  PeerId bootstrap{key.public_key()};
  Server server{{.id = bootstrap,
                 .relay = {.bytes = 1000, .bytes_per_second = 0, .lifetime = std::chrono::minutes(2)},
                 .registry = {.peers = 3, .peers_per_address = 2, .peers_per_network = 2, .entries = 9, .contents = 6},
                 .probe_addresses = {IpAddress::v4(192, 0, 2, 1)}},
                random};
  Now now{Instant{std::chrono::hours(1)}, WallTime{1'795'000'000'000}};
  std::vector<crypto::SigningKey> clients;
  std::uint64_t seq = now.wall.unix_ms;
  struct Open {
    Nonce nonce{};
    std::size_t key = 0;
  };
  std::map<ConnectionId, Open> open;
  std::set<ConnectionId> gone;
  ProofNonce nonce{};  // the last that was sent
  std::uint64_t number = 0;

  World() {
    for (int i = 0; i < 4; ++i) clients.push_back(crypto::SigningKey::generate(random));
  }

  PeerId peer(std::uint8_t n) const { return {clients[n % clients.size()].public_key()}; }

  Bytes statement(std::size_t signer, std::string_view type, Bytes body) {
    return identity::sign_statement(clients[signer], {.type = std::string(type),
                                                      .audience = bootstrap,
                                                      .seq = ++seq,
                                                      .expires = WallTime{now.wall.unix_ms + 60'000},
                                                      .body = std::move(body)});
  }

  void drain() {
    while (const auto command = server.poll_command()) {
      if (const auto* send = std::get_if<Send>(&*command)) {
        must(open.contains(send->connection));
        must(send->frame.size() <= kMaxMessageSize);
        const auto message = decode_server_message(send->frame);
        must(static_cast<bool>(message));
        if (const auto* hello = std::get_if<Hello>(&*message)) open[send->connection].nonce = hello->nonce;
        if (const auto* order = std::get_if<ProbeOrder>(&*message)) {
          nonce = order->nonce;
          number = order->number;
        }
      } else if (const auto* probe = std::get_if<ProbeFromHere>(&*command)) {
        must(probe->target.endpoint.address.is_global());
        nonce = probe->nonce;
        number = probe->number;
      } else {
        const ConnectionId id = std::get<Close>(*command).connection;
        must(gone.insert(id).second);
        open.erase(id);
      }
    }
    while (server.relay().poll_event()) {
    }
    const Stats stats = server.stats();
    must(stats.connections == open.size());
    must(stats.authenticated <= stats.connections && stats.authenticated <= clients.size());
    must(stats.peers <= 3 && stats.entries <= 9 && stats.contents <= 6 && stats.stores <= stats.contents);
    must(open.empty() || server.poll_timeout().has_value());
  }
};

// A message of the fuzzer's choosing that has the right form, for what random bytes would not reach.
ClientMessage message_of(World& world, World::Open& open, ByteReader& in) {
  const std::uint8_t kind = in.u8();
  const std::uint8_t a = in.u8();
  const store::StoreId id{{static_cast<std::uint8_t>(a % 5)}};
  switch (kind % 11) {
    case 0:
      return Authenticate{world.statement(open.key, kChallengeType, copy_of(open.nonce))};
    case 1: {
      Registration registration;
      for (std::uint8_t n = 0; n < a % 6; ++n) {
        registration.stores.push_back({{{n}}, {1 + std::uint64_t{in.u8()} % 3, {}}});
      }
      return Register{a,
                      world.statement(a == 255 ? 0 : open.key, kRegistrationType, encode_registration(registration))};
    }
    case 2:
      return Heartbeat{};
    case 3:
      return Lookup{a, std::vector(a % 70, id)};
    case 4:
      return InventorySince{a, {in.u8(), a}};
    case 5:
      return OpenRelay{a, world.peer(a)};
    case 6:
      return ProbeReady{};
    case 7:
      return ProofAsk{{static_cast<ServiceKind>(1 + a % 5), {IpAddress::v4(198, 51, a % 3, 1), a}}, {}};
    case 8:
      return ProofSeen{world.nonce, static_cast<ServiceKind>(1 + a % 5), IpAddress::v4(198, 51, a % 4, 1)};
    case 9:
      return ProbeDone{world.number, static_cast<ProbeOutcome>(1 + a % 3)};
    default:
      return SignalTo{a, world.peer(a), Bytes(in.u8())};
  }
}

}  // namespace
}  // namespace turnpike::rendezvous

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike;
  using namespace turnpike::rendezvous;
  World world;
  ByteReader in(ByteView(data, std::min<std::size_t>(size, 512)));
  while (in.remaining() >= 2) {
    const std::uint8_t action = in.u8();
    const std::uint8_t which = in.u8();
    auto at = world.open.begin();
    if (!world.open.empty()) std::advance(at, which % world.open.size());
    if (action % 8 == 0) {
      const ConnectionId id = world.server.handle_connected(world.now, {IpAddress::v4(198, 51, which % 3, 1), 1});
      world.open.emplace(id, World::Open{.nonce = {}, .key = which % world.clients.size()});
    } else if (action % 8 == 1) {
      const Duration step = std::chrono::milliseconds(which) * which;
      world.now.mono += step;
      world.now.wall.unix_ms += std::uint64_t{which} * which;
      world.server.handle_timeout(world.now);
      world.server.handle_probed(world.now, world.number, ProbeOutcome::kFailed);
      const auto next = world.server.poll_timeout();
      must(!next || *next > world.now.mono);
    } else if (world.open.empty()) {
      continue;
    } else if (action % 8 == 2) {
      world.server.handle_disconnected(world.now, at->first);
      world.gone.insert(at->first);
      world.open.erase(at);
    } else if (action % 8 == 3) {
      world.server.handle_message(world.now, at->first, in.take(std::min<std::size_t>(in.remaining(), which)));
    } else {
      const Bytes frame = encode(message_of(world, at->second, in));
      world.server.handle_message(world.now, at->first, frame);
    }
    world.drain();
  }
  static_cast<void>(world.server.register_peer(world.now, {}, ByteView(data, size)));
  world.drain();
  return 0;
}
