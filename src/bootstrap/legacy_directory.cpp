#include "bootstrap/legacy_directory.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

#include "bootstrap/public_base.h"
#include "core/dig/address.h"
#include "io/http/client.h"
#include "io/log/log.h"
#include "io/loop/convert.h"

namespace turnpike::bootstrap {
namespace {

using dig::PeerRecord;
using io::http::Method;

// Of a network's share of requests (rendezvous::kRequestRate), by what an answer costs us.
constexpr std::uint32_t kSmallCost = 1;
constexpr std::uint32_t kRegisterCost = 5;
constexpr std::size_t kPeersForOne = 100;  // listed, for a cost of one
constexpr std::size_t kStoresForOne = 500;
constexpr std::size_t kMaxHealthBody = 256U << 10U;  // it names all its stores
constexpr std::uint64_t kFullRetrySeconds = 60;
constexpr std::uint64_t kSlotRetrySeconds = 30;

asio::awaitable<io::http::Response> ready(io::http::Response response) {
  io::http::Response out = std::move(response);
  co_return out;
}

template <class F>
io::http::Handler at_once(F make) {
  return [make = std::move(make)](const io::http::Request& request) { return ready(make(request)); };
}

io::http::Response open_to_browsers(io::http::Response response) {
  response.headers.add("Access-Control-Allow-Origin", "*");
  return response;
}

io::http::Response refuse(dig::RegistryError error) {
  const dig::ErrorAnswer why{.error = std::string(to_string(error))};
  switch (error) {
    case dig::RegistryError::kSigned:
    case dig::RegistryError::kTaken:
      return legacy_refusal(409, why);
    case dig::RegistryError::kUnknown:
      return legacy_refusal(404, {.error = why.error, .suggestion = "POST /register"});
    case dig::RegistryError::kFull:
    case dig::RegistryError::kEntriesFull:
      return legacy_refusal(503, {.error = why.error, .retry_after_seconds = kFullRetrySeconds});
    case dig::RegistryError::kAddressFull:
    case dig::RegistryError::kNetworkFull:
      return legacy_refusal(429, {.error = why.error, .retry_after_seconds = kFullRetrySeconds});
  }
  return legacy_refusal(500, why);
}

PeerRecord record_of(const rendezvous::PeerListing& peer, Now now) {
  PeerRecord out{.peer = peer.peer};
  const Duration silent = rendezvous::kRegistrationLifetime - peer.expires_in;
  const auto silent_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(0, silent / std::chrono::milliseconds(1)));
  out.last_seen = WallTime{now.wall.unix_ms - std::min(now.wall.unix_ms, silent_ms)};
  out.turn = dig::told_for(peer.http);
  for (const rendezvous::Service& service : peer.services) {
    if (service.kind == rendezvous::ServiceKind::kTcp) {
      out.addresses.push_back(dig::multiaddr_of(service.endpoint, peer.peer));
    }
  }
  out.capabilities.has[dig::capability_of("storeSync")] = true;
  out.capabilities.has[dig::capability_of("e2eEncryption")] = true;
  return out;
}

}  // namespace

LegacyDirectory::LegacyDirectory(asio::any_io_executor loop, Brain& brain, Legacy& legacy, const Facts& facts,
                                 Random& random)
    : loop_(std::move(loop)), brain_(brain), legacy_(legacy), facts_(facts), random_(random) {}

void LegacyDirectory::add_routes(io::http::Server& server) {
  const io::http::RouteOptions options{.max_body = dig::kMaxRequestSize};
  const auto get = [&](std::string path, auto make) {
    server.route(Method::kGet, std::move(path), at_once(std::move(make)));
  };
  const auto post = [&](std::string path, auto make) {
    server.route(Method::kPost, std::move(path), at_once(std::move(make)), options);
  };
  get("/health", [this](const Request&) { return health(); });
  get("/stats", [this](const Request&) { return stats(); });
  get("/peers", [this](const Request& r) { return peers(r); });
  get("/turn-servers", [this](const Request& r) { return turn_servers(r); });
  get("/cost-stats", [this](const Request&) { return cost_stats(); });
  post("/register", [this](const Request& r) { return enroll(r); });
  post("/heartbeat", [this](const Request& r) { return heartbeat(r); });
  post("/register-turn-server", [this](const Request& r) { return claim_turn(r); });
  post("/allocate-turn", [this](const Request& r) { return allocate(r); });
}

std::optional<io::http::Response> LegacyDirectory::charge(const Request& request, std::uint32_t cost) {
  const auto limited = brain_.server().charge(io::both_now(), request.remote, cost);
  if (!limited) return std::nullopt;
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(limited->retry_after).count();
  return legacy_refusal(429, {.error = limited->text,
                              .retry_after_seconds = static_cast<std::uint64_t>(std::max<std::int64_t>(1, seconds))});
}

dig::HealthAnswer LegacyDirectory::facts_now() {
  const Instant now = io::now();
  legacy_.registry.handle_timeout(now);
  const rendezvous::Stats stats = brain_.server().stats();
  dig::HealthAnswer out{.bootstrap = brain_.server().id(), .version = facts_.version};
  out.uptime_seconds =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now - facts_.started).count());
  if (legacy_.public_url) out.public_url = legacy_.public_url->to_string();
  out.peers = stats.peers + legacy_.registry.size();
  out.turn_servers = legacy_.registry.proved(now);
  out.connections = stats.connections;
  out.cost = cost_info(legacy_, io::both_now(), stats.relay_sessions);
  return out;
}

dig::Census LegacyDirectory::census(std::uint64_t expired_before) const {
  return {.peers = brain_.server().stats().peers + legacy_.registry.size(),
          .cleaned = static_cast<std::size_t>(legacy_.registry.expired() - expired_before),
          .turn_servers = legacy_.registry.proved(io::now())};
}

io::http::Response LegacyDirectory::health() {
  return open_to_browsers(legacy_answer(200, dig::encode_health(facts_now(), io::wall_now())));
}

io::http::Response LegacyDirectory::stats() {
  return open_to_browsers(legacy_answer(200, dig::encode_stats(facts_now(), io::wall_now())));
}

io::http::Response LegacyDirectory::cost_stats() {
  return open_to_browsers(legacy_answer(200, dig::encode_cost_stats(facts_now().cost, io::wall_now())));
}

io::http::Response LegacyDirectory::enroll(const Request& request) {
  if (auto limited = charge(request, kRegisterCost)) return *std::move(limited);
  auto parsed = dig::parse_register(request.body);
  if (!parsed) return legacy_refusal(parsed.error());
  const identity::PeerId peer = parsed->peer;
  const std::size_t ignored = parsed->ignored_stores;
  const std::uint64_t expired = legacy_.registry.expired();
  const Now now = io::both_now();
  const bool is_signed = brain_.server().is_registered(peer);
  const auto put = legacy_.registry.put(now, request.remote.address, *std::move(parsed), is_signed);
  if (!put) return refuse(put.error());
  probe(peer);
  return legacy_answer(200, dig::encode_registered(peer, census(expired), ignored, now.wall));
}

io::http::Response LegacyDirectory::heartbeat(const Request& request) {
  if (auto limited = charge(request, kSmallCost)) return *std::move(limited);
  const auto peer = dig::parse_heartbeat(request.body);
  if (!peer) return legacy_refusal(peer.error());
  const std::uint64_t expired = legacy_.registry.expired();
  const Now now = io::both_now();
  const auto alive = legacy_.registry.refresh(now, request.remote.address, *peer);
  if (!alive) return refuse(alive.error());
  probe(*peer);
  return legacy_answer(200, dig::encode_heartbeat(*peer, census(expired), now.wall));
}

io::http::Response LegacyDirectory::claim_turn(const Request& request) {
  if (auto limited = charge(request, kSmallCost)) return *std::move(limited);
  const auto claim = dig::parse_turn_server(request.body);
  if (!claim) return legacy_refusal(claim.error());
  if (brain_.server().is_registered(claim->peer)) return refuse(dig::RegistryError::kSigned);
  const std::uint64_t expired = legacy_.registry.expired();
  const auto done = legacy_.registry.claim_turn(io::both_now(), request.remote.address, *claim);
  if (!done) return refuse(done.error());
  probe(claim->peer);
  return legacy_answer(200, dig::encode_turn_registered(census(expired)));
}

io::http::Response LegacyDirectory::peers(const Request& request) {
  const dig::PeersQuery query{.stores = request.query("includeStores") == "true",
                              .capabilities = request.query("includeCapabilities") == "true"};
  if (auto limited = charge(request, list_cost(query.stores))) return *std::move(limited);
  std::vector<PeerRecord> all = signed_peers(request, query.stores);
  for (PeerRecord& each : unsigned_peers(query.stores)) all.push_back(std::move(each));
  const std::size_t registered = brain_.server().stats().peers + legacy_.registry.size();
  return open_to_browsers(legacy_answer(200, dig::encode_peers(all, query, registered, io::wall_now())));
}

io::http::Response LegacyDirectory::turn_servers(const Request& request) {
  if (auto limited = charge(request, list_cost(false))) return *std::move(limited);
  std::vector<PeerRecord> all = signed_peers(request, false);
  for (PeerRecord& each : unsigned_peers(false)) all.push_back(std::move(each));
  return open_to_browsers(legacy_answer(200, dig::encode_turn_servers(all, io::wall_now())));
}

// By what there is to list: a small network costs little.
std::uint32_t LegacyDirectory::list_cost(bool with_stores) const {
  const rendezvous::Stats stats = brain_.server().stats();
  std::size_t cost = 1 + std::min(stats.peers, kMaxSignedInAnswer) / kPeersForOne +
                     std::min(legacy_.registry.size(), kMaxUnsignedInAnswer) / kPeersForOne;
  if (with_stores) {
    cost += std::min(stats.entries, kMaxStoresInAnswer) / kStoresForOne +
            std::min(legacy_.registry.entries(), kMaxStoresInAnswer) / kStoresForOne;
  }
  return static_cast<std::uint32_t>(cost);
}

// Turnpike peers, from a place in the list that is another each time; and ourselves for those that only we can reach.
std::vector<PeerRecord> LegacyDirectory::signed_peers(const Request& request, bool with_stores) {
  const Now now = io::both_now();
  rendezvous::Server& server = brain_.server();
  const identity::PeerId start{random_.array<32>()};
  std::vector<rendezvous::PeerListing> listed = server.list(now, request.remote, start, kMaxSignedInAnswer);
  for (auto& each : server.list(now, request.remote, std::nullopt, kMaxSignedInAnswer - listed.size())) {
    if (each.peer > start) break;
    listed.push_back(std::move(each));
  }
  std::vector<PeerRecord> out;
  std::vector<store::StoreId> relayed;
  std::size_t room = kMaxStoresInAnswer;
  for (const rendezvous::PeerListing& each : listed) {
    out.push_back(record_of(each, now));
    if (!with_stores) continue;
    std::vector<store::StoreId> stores = server.stores_of(each.peer, std::min(room, kMaxStoresOfOneInAnswer));
    room -= stores.size();
    if (each.connected && out.back().turn.empty()) relayed.insert(relayed.end(), stores.begin(), stores.end());
    out.back().stores = std::move(stores);
  }
  if (auto us = ourselves(request, std::move(relayed))) out.push_back(*std::move(us));
  return out;
}

std::vector<PeerRecord> LegacyDirectory::unsigned_peers(bool with_stores) {
  const Instant now = io::now();
  legacy_.registry.handle_timeout(now);
  const std::size_t stores = with_stores ? kMaxStoresInAnswer : 0;
  const identity::PeerId start{random_.array<32>()};
  std::vector<PeerRecord> out = legacy_.registry.list(now, start, kMaxUnsignedInAnswer, stores);
  std::size_t room = stores;
  for (const PeerRecord& each : out) room -= each.stores.size();
  for (PeerRecord& each : legacy_.registry.list(now, std::nullopt, kMaxUnsignedInAnswer - out.size(), room)) {
    if (each.peer > start) break;
    out.push_back(std::move(each));
  }
  // Signed for since: the unsigned one is nobody any more.
  std::erase_if(out, [this](const PeerRecord& each) {
    if (!brain_.server().is_registered(each.peer)) return false;
    legacy_.registry.drop(each.peer);
    return true;
  });
  return out;
}

// An old node asks a peer's HTTP for a store, and asks for a relay only where it knew such a peer. So the bootstrap
// stands in its own list, as what it is: a place where the stores of peers that nobody else reaches can be downloaded.
std::optional<PeerRecord> LegacyDirectory::ourselves(const Request& request,
                                                     std::vector<store::StoreId> relayed) const {
  if (relayed.empty() || request.over_tls) return std::nullopt;
  const auto base = public_base(request, legacy_.public_url);
  if (!base || base->is_tls() || !base->target.empty()) return std::nullopt;
  const auto http = base->endpoint();
  const auto told = http && http->address.family == IpAddress::Family::kV4 ? dig::told_for(*http) : std::nullopt;
  if (!told) return std::nullopt;
  std::ranges::sort(relayed);
  const auto repeated = std::ranges::unique(relayed);
  relayed.erase(repeated.begin(), repeated.end());
  PeerRecord out{.peer = brain_.server().id(), .stores = std::move(relayed)};
  out.addresses = {dig::multiaddr_of(*told, out.peer)};
  out.turn = {*told};
  out.last_seen = io::wall_now();
  out.bootstrap_capable = true;
  out.capabilities.has[dig::capability_of("bootstrapServer")] = true;
  return out;
}

io::http::Response LegacyDirectory::allocate(const Request& request) {
  if (auto limited = charge(request, kSmallCost)) return *std::move(limited);
  const auto asked = dig::parse_allocate(request.body);
  if (!asked) return legacy_refusal(asked.error());
  if (!legacy_.slots->has_room(request.remote.address)) {
    return legacy_refusal(429, {.error = "the relay has no room for another transfer of yours now",
                                .retry_after_seconds = kSlotRetrySeconds,
                                .suggestion = "download from a peer's turnAddresses"});
  }
  const relay::Policy& policy = brain_.server().relay().policy();
  budget::Terms terms{.bytes = policy.bytes, .bytes_per_second = policy.bytes_per_second, .lifetime = policy.lifetime};
  double weight = 0.1;
  if (legacy_.budget != nullptr) {
    // What it says of its tier, and of what it has tried, is not believed: its address is who it is.
    const Now now = io::both_now();
    const budget::Asker asker{.from = request.remote.address, .way = budget::Way::kOutward};
    const auto considered = legacy_.budget->consider(now, asker);
    brain_.pump();
    if (!considered) return legacy_refusal(legacy_, now, considered.error(), true);
    terms = *considered;
    weight = legacy_.budget->config().tiers.of(terms.tier).weight / 10.0;
  }
  const std::uint64_t granted =
      terms.bytes_per_second == 0 ? std::uint64_t{asked->mbps} : terms.bytes_per_second * 8 / 1'000'000;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(terms.lifetime).count();
  std::string session = asked->session.value_or(std::string());
  if (session.empty()) {
    session = "session_" + std::to_string(io::wall_now().unix_ms) + "_" + std::to_string(random_.below(1'000'000'000));
  }
  return legacy_answer(
      200, dig::encode_allocated(session, granted, static_cast<std::uint64_t>(seconds), weight, facts_now().cost));
}

// --- proving that an old node's HTTP is where it says ---

// Behind a reverse proxy that is not trusted everybody is seen at its address, and what stands there is not theirs.
void LegacyDirectory::probe(const identity::PeerId& peer) {
  if (!legacy_.sees_clients || probing_ >= kMaxProbes) return;
  const auto http = legacy_.registry.to_prove(io::now(), peer);
  if (!http) return;
  ++probing_;
  asio::co_spawn(loop_, look_for(peer, *http), asio::detached);
}

asio::awaitable<void> LegacyDirectory::look_for(identity::PeerId peer, Endpoint http) {
  io::http::ClientLimits limits;
  limits.connect_time = kProbeTime;
  limits.head_time = kProbeTime;
  limits.stall_time = kProbeTime;
  bool found = false;
  auto client = co_await io::http::Client::connect(http, limits);
  if (client) {
    io::http::ClientRequest health;
    health.target = "/health";
    auto head = co_await (*client)->request(std::move(health));
    if (head && head->status == 200) {
      auto body = co_await (*client)->read_all(kMaxHealthBody);
      found = body && dig::names_peer(*body, peer);
    }
  }
  --probing_;
  io::log_debug("old node {}: HTTP at {} {}", peer.to_string(), http.to_string(), found ? "found" : "not found");
  if (found) {
    legacy_.registry.prove(io::both_now(), peer, http);
  } else {
    legacy_.registry.withdraw_proof(peer);
  }
}

}  // namespace turnpike::bootstrap
