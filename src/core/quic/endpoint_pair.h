// Two endpoints and the network between them, in virtual time: delay, loss, reordering, rate, MTU, and NATs that change
// their mind. For tests, fuzzers and benchmarks.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/random.h"
#include "core/quic/endpoint.h"

namespace turnpike::quic {

/// One way of the network.
struct LinkShape {
  Duration delay = std::chrono::milliseconds(10);
  Duration jitter{0};                 ///< Up to so much more, so that datagrams overtake each other.
  std::uint32_t loss_ppm = 0;         ///< Lost at random, in a million.
  std::size_t mtu = 1472;             ///< Larger datagrams vanish.
  std::uint64_t bits_per_second = 0;  ///< 0: no limit.
  std::size_t buffer = 400'000;       ///< Bytes waiting for the rate; what comes on top is dropped.
  bool dead = false;
  bool marks_congestion = false;  ///< ECN: half a buffer full marks instead of dropping later.
};

class EndpointPair {
 public:
  static inline const turnpike::Endpoint kClient{IpAddress::v4(192, 0, 2, 1), 4001};
  static inline const turnpike::Endpoint kServer{IpAddress::v4(198, 51, 100, 1), 4001};
  static inline const Instant kStart{std::chrono::seconds(1000)};
  static inline const WallTime kWall{1'800'000'000'000};

  EndpointPair(Config client_config, Config server_config, Random& random, WallTime client_wall = kWall)
      : client(Now{kStart, client_wall}, std::move(client_config), random),
        server(Now{kStart, kWall}, std::move(server_config), random),
        random_(random) {}

  [[nodiscard]] Now both() const { return {now, kWall}; }

  /// Everything there is to do at this moment, then on to the next one, but not beyond `limit`. False when there is
  /// none.
  bool step(Instant limit) {
    collect(client, to_server, true);
    collect(server, to_client, false);
    std::optional<Instant> next;
    const auto consider = [&next](std::optional<Instant> at) {
      if (at) next = next ? std::min(*next, *at) : *at;
    };
    if (!flights_.empty()) consider(flights_.begin()->first);
    consider(client.poll_timeout());
    consider(server.poll_timeout());
    if (!next || *next > limit) {
      now = std::max(now, limit);
      return false;
    }
    now = std::max(now, *next);
    if (!flights_.empty() && flights_.begin()->first <= now) {
      deliver();
    } else {
      client.handle_timeout(both());
      server.handle_timeout(both());
    }
    return true;
  }
  /// Until `done`, or for at most `time`; whether it was done.
  bool run(Duration time, const std::function<bool()>& done = [] { return false; }) {
    const Instant limit = now + time;
    while (!done()) {
      if (!step(limit)) return done();
    }
    return true;
  }

  /// Puts a datagram on the way to one end, as if from anywhere.
  void inject(bool to_the_server, const turnpike::Endpoint& from, Bytes bytes) {
    flights_.emplace(now, Flight{to_the_server, from, std::move(bytes), Ecn::kNotEct});
  }

  Instant now = kStart;
  Endpoint client;
  Endpoint server;
  LinkShape to_server;
  LinkShape to_client;
  /// What the server sees as the client's address; what is sent to any other is lost. A NAT that rebinds changes it.
  turnpike::Endpoint client_seen_as = kClient;
  CarrierId client_carrier = CarrierId::kSocket;  ///< On which the client gets its datagrams.
  /// Sees every datagram before it leaves; false loses it. It may change the bytes.
  std::function<bool(bool to_server, Bytes& datagram)> tap;
  std::uint64_t datagrams = 0;
  std::uint64_t too_large = 0;

 private:
  struct Flight {
    bool to_server;
    turnpike::Endpoint from;
    Bytes bytes;
    Ecn ecn;
  };

  void collect(Endpoint& from, LinkShape& link, bool to_the_server) {
    while (const auto batch = from.poll_transmit(now, buffer_)) {
      for (std::size_t i = 0; i < batch->datagrams.count(); ++i) {
        send(link, to_the_server, batch->datagrams, copy_of(batch->datagrams.segment(i)));
      }
    }
  }

  void send(LinkShape& link, bool to_the_server, const DatagramBatch& batch, Bytes bytes) {
    ++datagrams;
    if (tap && !tap(to_the_server, bytes)) return;
    if (batch.remote != (to_the_server ? kServer : client_seen_as)) return;
    if (bytes.size() > link.mtu) ++too_large;
    if (link.dead || bytes.size() > link.mtu || random_.below(1'000'000) < link.loss_ppm) return;
    Ecn ecn = batch.ecn;
    Instant leaves = now;
    if (link.bits_per_second > 0) {
      Instant& free = to_the_server ? free_to_server_ : free_to_client_;
      const auto time_of = [&link](std::size_t size) {
        return Duration(static_cast<Duration::rep>(size * 8 * 1'000'000 / link.bits_per_second));
      };
      const Duration waits = std::max(Duration(0), free - now);
      if (waits > time_of(link.buffer)) return;
      if (link.marks_congestion && ecn != Ecn::kNotEct && waits > time_of(link.buffer / 2)) ecn = Ecn::kCe;
      // Kept in nanoseconds, or a fast link's short times would be rounded away.
      std::uint64_t& spare = to_the_server ? spare_to_server_ : spare_to_client_;
      spare += (bytes.size() + 28) * 8 * 1'000'000'000 / link.bits_per_second;
      free = std::max(free, now) + Duration(static_cast<Duration::rep>(spare / 1000));
      spare %= 1000;
      leaves = free;
    }
    Instant at = leaves + link.delay;
    if (link.jitter.count() > 0)
      at += Duration(static_cast<Duration::rep>(random_.below(static_cast<std::uint64_t>(link.jitter.count()))));
    flights_.emplace(at, Flight{to_the_server, to_the_server ? client_seen_as : kServer, std::move(bytes), ecn});
  }

  void deliver() {
    const auto first = flights_.begin();
    const Flight flight = std::move(first->second);
    flights_.erase(first);
    DatagramBatch batch{.remote = flight.from,
                        .local = flight.to_server ? kServer.address : kClient.address,
                        .bytes = flight.bytes,
                        .segment_size = flight.bytes.size(),
                        .ecn = flight.ecn};
    if (flight.to_server) server.handle_datagrams(both(), CarrierId::kSocket, batch);
    if (!flight.to_server) client.handle_datagrams(both(), client_carrier, batch);
  }

  Random& random_;
  std::multimap<Instant, Flight> flights_;
  Bytes buffer_ = Bytes(65536);
  Instant free_to_server_;
  Instant free_to_client_;
  std::uint64_t spare_to_server_ = 0;
  std::uint64_t spare_to_client_ = 0;
};

/// All events there are, those of one kind kept.
template <class E>
std::vector<std::pair<ConnectionId, E>> events_of(Endpoint& endpoint) {
  std::vector<std::pair<ConnectionId, E>> out;
  while (auto event = endpoint.poll_event()) {
    if (E* const wanted = std::get_if<E>(&event->event)) out.emplace_back(event->connection, std::move(*wanted));
  }
  return out;
}

}  // namespace turnpike::quic
