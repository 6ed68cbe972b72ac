#include "core/quic/endpoint.h"

#include <ngtcp2/ngtcp2_crypto.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "core/quic/connection_state.h"
#include "core/quic/stateless.h"
#include "crypto/mac.h"

namespace turnpike::quic {

namespace {

struct IdKey {
  std::array<std::uint8_t, NGTCP2_MAX_CIDLEN> bytes{};
  std::uint8_t size = 0;

  IdKey() = default;
  explicit IdKey(ByteView id) : size(static_cast<std::uint8_t>(id.size())) { std::ranges::copy(id, bytes.begin()); }
  explicit IdKey(const ngtcp2_cid& id) : IdKey(ByteView(id.data, id.datalen)) {}
  friend bool operator==(const IdKey&, const IdKey&) = default;
};

/// Clients choose the id of their first datagrams, so the order in the table must not be theirs to choose.
struct IdHash {
  std::uint64_t seed = 0;

  std::size_t operator()(const IdKey& key) const {
    std::uint64_t hash = seed ^ key.size;
    for (const std::uint8_t byte : key.bytes) hash = (hash ^ byte) * 0x9e3779b97f4a7c15U + (hash >> 29U);
    return static_cast<std::size_t>(hash ^ (hash >> 32U));
  }
};

struct Slot {
  std::unique_ptr<Connection> connection;
  std::vector<IdKey> ids;
  std::vector<ResetToken> tokens;
  std::optional<Instant> timer;
  std::optional<IpAddress> half_open;  ///< The network it counts for.
  bool dirty = false;
  bool eventful = false;
};

/// What is left of a connection that has said its last words: it repeats them to whoever has not heard (RFC 9000,
/// section 10.2.1), the less often the more comes.
struct Closing {
  std::vector<IdKey> ids;
  PathBatch to;
  Bytes last_words;
  Instant until;
  std::uint64_t received = 0;
};

constexpr Duration kClosingTime = std::chrono::seconds(3);

ResetSecret secret_of(const crypto::SigningKey& identity) {
  // Of the identity, so that a node that has restarted can end the connections it no longer knows.
  const Bytes derived = crypto::hkdf_sha256(identity.seed(), {}, bytes_of("turnpike quic stateless reset"), 32);
  ResetSecret out{};
  std::ranges::copy(derived, out.begin());
  return out;
}

}  // namespace

std::optional<std::uint8_t> shard_of(ByteView datagram) {
  if (datagram.empty()) return std::nullopt;
  const bool is_long = (datagram[0] & 0x80U) != 0;
  if (!is_long) return datagram.size() > kConnectionIdSize ? std::optional(datagram[1]) : std::nullopt;
  if (datagram.size() < 6 + kConnectionIdSize || datagram[5] != kConnectionIdSize) return std::nullopt;
  return datagram[6];
}

struct Endpoint::State {
  State(Now now, Config given, Random& random_)
      : config(std::move(given)),
        random(random_),
        credentials(config.certificate ? *config.certificate : make_certificate(*config.identity, now.wall)),
        shared{credentials, config.limits, config.protocols, random, pool, secret_of(*config.identity), config.shard},
        routes(16, IdHash{random.below(UINT64_MAX)}),
        stateless(random, shared.reset_secret) {}

  Config config;
  Random& random;
  Credentials credentials;
  ChunkPool pool;
  Shared shared;
  std::map<std::uint64_t, Slot> slots;
  std::unordered_map<IdKey, std::uint64_t, IdHash> routes;
  std::map<ResetToken, std::uint64_t> resets;  ///< The peers' tokens: the only thing that names whose reset it is.
  std::map<std::uint64_t, Closing> closing;
  std::set<std::pair<Instant, std::uint64_t>> timers;
  std::deque<std::uint64_t> dirty;
  std::deque<std::uint64_t> eventful;
  std::map<IpAddress, std::size_t> half_open_of;
  std::size_t half_open = 0;
  std::uint64_t next_id = 1;
  std::optional<std::uint64_t> doomed;  ///< Its Closed was handed out.
  Stateless stateless;
  Counters counters;

  Slot* find(std::uint64_t id) {
    const auto found = slots.find(id);
    return found == slots.end() ? nullptr : &found->second;
  }

  void touch(std::uint64_t id, Slot& slot) {
    if (!std::exchange(slot.dirty, true)) dirty.push_back(id);
    if (slot.timer) timers.erase({*std::exchange(slot.timer, std::nullopt), id});  // armed again when drained
  }

  /// What a connection has changed about itself.
  void settle(std::uint64_t id, Slot& slot) {
    ConnectionState& state = slot.connection->state();
    for (const IdChange& change : std::exchange(state.ids, {})) {
      const IdKey key(change.id);
      if (change.added) {
        if (routes.emplace(key, id).second) slot.ids.push_back(key);
      } else if (std::erase(slot.ids, key) > 0) {
        routes.erase(key);
      }
    }
    for (const TokenChange& change : std::exchange(state.tokens, {})) {
      if (change.added) {
        if (resets.emplace(change.token, id).second) slot.tokens.push_back(change.token);
      } else if (std::erase(slot.tokens, change.token) > 0) {
        resets.erase(change.token);
      }
    }
    if (slot.half_open && (state.established || state.closed)) {
      --half_open;
      const auto of_network = half_open_of.find(*slot.half_open);
      if (--of_network->second == 0) half_open_of.erase(of_network);
      slot.half_open.reset();
    }
    if (!state.events.empty() && !std::exchange(slot.eventful, true)) eventful.push_back(id);
  }

  std::uint64_t add(std::unique_ptr<ConnectionState> made) {
    const std::uint64_t id = next_id++;
    Slot& slot = slots[id];
    slot.connection = std::make_unique<Connection>(std::move(made));
    settle(id, slot);
    touch(id, slot);
    return id;
  }

  void forget(std::uint64_t id) {
    Slot* const slot = find(id);
    if (slot == nullptr) return;
    ConnectionState& state = slot->connection->state();
    state.closed = state.closed.value_or(channel::CloseReason::kClosedByUs);
    settle(id, *slot);
    if (slot->timer) timers.erase({*slot->timer, id});
    for (const ResetToken& token : slot->tokens) resets.erase(token);
    if (!state.draining && !state.last_words.empty() && closing.size() < kMaxClosing) {
      Closing& rest = closing[id];
      rest.ids = std::move(slot->ids);
      rest.to = {state.path.carrier, {.remote = state.path.remote, .local = state.local}};
      rest.last_words = std::move(state.last_words);
      rest.until = state.now + kClosingTime;
      timers.emplace(rest.until, id);
      if (state.last_words_due) stateless.repeat(rest.to, rest.last_words);
    } else {
      for (const IdKey& key : slot->ids) routes.erase(key);
    }
    slots.erase(id);
  }

  void bury() {
    if (doomed) forget(*std::exchange(doomed, std::nullopt));
  }

  // What comes

  void handle(Now now, CarrierId carrier, const DatagramBatch& batch, ByteView datagram, Slot*& last,
              std::uint64_t& last_id, IdKey& last_key) {
    ngtcp2_version_cid header;
    const int decoded = ngtcp2_pkt_decode_version_cid(&header, datagram.data(), datagram.size(), kConnectionIdSize);
    if (decoded == NGTCP2_ERR_VERSION_NEGOTIATION) {
      const bool answered = config.accepts && datagram.size() >= kMinDatagram &&
                            stateless.negotiate_version(now.mono, carrier, batch, header);
      ++(answered ? counters.version_negotiations : counters.dropped);
      return;
    }
    if (decoded != 0 || header.dcidlen > NGTCP2_MAX_CIDLEN) {
      ++counters.dropped;
      return;
    }
    const IdKey key(ByteView(header.dcid, header.dcidlen));
    if (last == nullptr || !(key == last_key)) {
      const auto route = routes.find(key);
      last = route == routes.end() ? nullptr : find(route->second);
      last_id = route == routes.end() ? 0 : route->second;
      last_key = key;
    }
    const Path path{carrier, batch.remote};
    if (last != nullptr) {
      last->connection->state().handle_datagram(now.mono, path, batch.local, batch.ecn, datagram);
      settle(last_id, *last);
      touch(last_id, *last);
    } else if (last_id != 0) {
      repeat_last_words(last_id);
    } else if (is_reset(now, path, batch, datagram)) {
      return;
    } else if (header.version == 0) {  // a short header, or somebody else's version negotiation
      const bool answered =
          (datagram[0] & 0x80U) == 0 && stateless.reset(now.mono, carrier, batch, datagram.size(), key.bytes);
      ++(answered ? counters.stateless_resets : counters.dropped);
    } else {
      accept(now, path, batch, datagram);
    }
  }

  /// A stateless reset bears no connection id of ours, but a token at its end (RFC 9000, section 10.3.1).
  bool is_reset(Now now, const Path& path, const DatagramBatch& batch, ByteView datagram) {
    ResetToken token{};
    if (datagram.size() <= token.size() || (datagram[0] & 0x80U) != 0) return false;
    std::ranges::copy(datagram.last(token.size()), token.begin());
    const auto found = resets.find(token);
    Slot* const slot = found == resets.end() ? nullptr : find(found->second);
    if (slot == nullptr) return false;
    const std::uint64_t id = found->second;
    slot->connection->state().handle_datagram(now.mono, path, batch.local, batch.ecn, datagram);
    settle(id, *slot);
    touch(id, *slot);
    return true;
  }

  void repeat_last_words(std::uint64_t id) {
    const auto found = closing.find(id);
    if (found == closing.end()) return;
    Closing& rest = found->second;
    const std::uint64_t count = ++rest.received;
    if ((count & (count - 1)) == 0) stateless.repeat(rest.to, rest.last_words);
  }

  void accept(Now now, const Path& path, const DatagramBatch& batch, ByteView datagram) {
    ngtcp2_pkt_hd header;
    if (!config.accepts || datagram.size() < kMinDatagram ||
        ngtcp2_accept(&header, datagram.data(), datagram.size()) != 0) {
      ++counters.dropped;
      return;
    }
    const IpAddress network = network_of(path.remote.address);
    const Limits& limits = config.limits;
    ConnectionSetup setup{.role = TlsRole::kServer,
                          .path = path,
                          .expected = {},
                          .client_source = header.scid,
                          .client_destination = header.dcid,
                          .original_destination = {},
                          .token = {}};
    if (Stateless::is_retry_token(header)) {
      setup.original_destination = stateless.open_token(now.mono, batch.remote, header);
      if (!setup.original_destination) {
        counters.dropped += stateless.refuse(now.mono, path.carrier, batch, header, NGTCP2_INVALID_TOKEN) ? 0U : 1U;
        return;
      }
      setup.token = {header.token, header.tokenlen};
    } else if (half_open >= kRetryAbove) {
      const bool sent = stateless.retry(now.mono, path.carrier, batch, header, random_id(shared));
      ++(sent ? counters.retries : counters.dropped);
      return;
    }
    const auto of_network = half_open_of.find(network);
    const std::size_t theirs = of_network == half_open_of.end() ? 0 : of_network->second;
    if (half_open >= limits.half_open || theirs >= limits.half_open_per_network) {
      ++counters.dropped;
      return;
    }
    if (slots.size() >= limits.connections) {
      ++counters.refused;
      stateless.refuse(now.mono, path.carrier, batch, header, NGTCP2_CONNECTION_REFUSED);
      return;
    }
    const std::uint64_t id = add(std::make_unique<ConnectionState>(shared, now, setup));
    Slot& slot = *find(id);
    slot.half_open = network;
    ++half_open;
    ++half_open_of[network];
    slot.connection->state().handle_datagram(now.mono, path, batch.local, batch.ecn, datagram);
    settle(id, slot);
  }

  // What goes

  std::optional<PathBatch> poll_transmit(Instant now, std::span<std::uint8_t> buffer) {
    if (auto answer = stateless.poll(buffer)) return answer;
    while (!dirty.empty()) {
      const std::uint64_t id = dirty.front();
      dirty.pop_front();
      Slot* const slot = find(id);
      if (slot == nullptr) continue;
      ConnectionState& state = slot->connection->state();
      std::optional<PathBatch> out = state.write(now, buffer);
      settle(id, *slot);
      if (out) {
        dirty.push_back(id);
        return out;
      }
      slot->dirty = false;
      if (slot->timer) timers.erase({*slot->timer, id});
      slot->timer = state.poll_timeout();
      if (slot->timer) timers.emplace(*slot->timer, id);
    }
    return std::nullopt;
  }

  void handle_timeout(Now now) {
    while (!timers.empty() && timers.begin()->first <= now.mono) {
      const std::uint64_t id = timers.begin()->second;
      timers.erase(timers.begin());
      if (Slot* const slot = find(id)) {
        slot->timer.reset();
        slot->connection->state().handle_timeout(now.mono);
        settle(id, *slot);
        touch(id, *slot);
      } else if (const auto rest = closing.find(id); rest != closing.end()) {
        for (const IdKey& key : rest->second.ids) routes.erase(key);
        closing.erase(rest);
      }
    }
  }
};

Endpoint::Endpoint(Now now, Config config, Random& random)
    : state_(std::make_unique<State>(now, std::move(config), random)) {}
Endpoint::~Endpoint() = default;

void Endpoint::handle_datagrams(Now now, CarrierId carrier, const DatagramBatch& batch) {
  state_->bury();
  Slot* last = nullptr;
  std::uint64_t last_id = 0;
  IdKey last_key;
  for (std::size_t i = 0; i < batch.count(); ++i) {
    state_->handle(now, carrier, batch, batch.segment(i), last, last_id, last_key);
  }
}

void Endpoint::handle_timeout(Now now) {
  state_->bury();
  state_->handle_timeout(now);
}

std::optional<ConnectionId> Endpoint::connect(Now now, const Path& path, std::optional<identity::PeerId> expected) {
  State& state = *state_;
  state.bury();
  if (state.slots.size() >= state.config.limits.connections) return std::nullopt;
  const ConnectionSetup setup{
      .role = TlsRole::kClient, .path = path, .expected = expected, .original_destination = {}, .token = {}};
  return ConnectionId{state.add(std::make_unique<ConnectionState>(state.shared, now, setup))};
}

void Endpoint::set_protocols(std::vector<std::string> protocols) { state_->config.protocols = std::move(protocols); }

void Endpoint::touch(ConnectionId id) {
  const auto wanted = static_cast<std::uint64_t>(id);
  if (Slot* const slot = state_->find(wanted)) {
    state_->settle(wanted, *slot);
    state_->touch(wanted, *slot);
  }
}

void Endpoint::drop(ConnectionId id) {
  state_->bury();
  state_->forget(static_cast<std::uint64_t>(id));
}

std::optional<PathBatch> Endpoint::poll_transmit(Instant now, std::span<std::uint8_t> buffer) {
  state_->bury();
  return state_->poll_transmit(now, buffer);
}

std::optional<Endpoint::Event> Endpoint::poll_event() {
  State& state = *state_;
  state.bury();
  while (!state.eventful.empty()) {
    const std::uint64_t id = state.eventful.front();
    Slot* const slot = state.find(id);
    if (slot != nullptr) {
      if (auto event = slot->connection->poll_event()) {
        if (std::holds_alternative<channel::Closed>(*event)) state.doomed = id;
        return Event{ConnectionId{id}, std::move(*event)};
      }
      slot->eventful = false;
    }
    state.eventful.pop_front();
  }
  return std::nullopt;
}

std::optional<Instant> Endpoint::poll_timeout() const {
  const auto& timers = state_->timers;
  return timers.empty() ? std::nullopt : std::optional(timers.begin()->first);
}

Connection* Endpoint::find(ConnectionId id) {
  Slot* const slot = state_->find(static_cast<std::uint64_t>(id));
  return slot == nullptr ? nullptr : slot->connection.get();
}

std::size_t Endpoint::connections() const { return state_->slots.size(); }
std::size_t Endpoint::connection_ids() const { return state_->routes.size(); }
std::size_t Endpoint::half_open() const { return state_->half_open; }
const Endpoint::Counters& Endpoint::counters() const { return state_->counters; }

}  // namespace turnpike::quic
