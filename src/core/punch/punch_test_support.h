// Two homes behind model NATs (RFC 4787's behaviours), a link with a delay between them, and the two punchers of one
// attempt: all in virtual time.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <queue>
#include <set>
#include <vector>

#include "core/punch/puncher.h"

namespace turnpike::punch {

enum class Filter : std::uint8_t { kNone, kByAddress, kByAddressAndPort };

struct NatKind {
  Mapping mapping = Mapping::kEndpointIndependent;
  Filter filter = Filter::kByAddressAndPort;
  PortAllocation allocation = PortAllocation::kRandom;
  std::int32_t stride = 1;
};

class NatBox {
 public:
  NatBox(Random& random, NatKind kind, IpAddress outside)
      : random_(random),
        kind_(kind),
        outside_(outside),
        last_(static_cast<std::uint16_t>(20'000 + random.below(20'000))) {}

  /// What the world sees as the source.
  Endpoint out(const Endpoint& from, const Endpoint& to) {
    if (kind_.mapping == Mapping::kNone) return from;
    const auto key = std::pair{from, key_of(to)};
    auto found = ports_.find(key);
    if (found == ports_.end()) {
      found = ports_.emplace(key, allocate(from)).first;
      inside_.emplace(found->second, from);
    }
    allowed_[found->second].insert(to);
    return {outside_, found->second};
  }
  /// Whom it is for, if it gets in.
  std::optional<Endpoint> in(const Endpoint& from, const Endpoint& to) {
    if (kind_.mapping == Mapping::kNone) return to;
    const auto found = inside_.find(to.port);
    if (found == inside_.end()) return std::nullopt;
    for (const Endpoint& peer : allowed_[to.port]) {
      if (kind_.filter == Filter::kNone) return found->second;
      if (kind_.filter == Filter::kByAddress && peer.address == from.address) return found->second;
      if (peer == from) return found->second;
    }
    return std::nullopt;
  }
  [[nodiscard]] std::size_t entries() const { return inside_.size(); }
  [[nodiscard]] const NatKind& kind() const { return kind_; }
  [[nodiscard]] const IpAddress& outside() const { return outside_; }

 private:
  [[nodiscard]] Endpoint key_of(const Endpoint& to) const {
    if (kind_.mapping == Mapping::kEndpointIndependent) return {};
    return {to.address, kind_.mapping == Mapping::kAddressDependent ? std::uint16_t{0} : to.port};
  }
  std::uint16_t allocate(const Endpoint& from) {
    std::uint16_t port = from.port;
    if (kind_.allocation == PortAllocation::kSequential) port = static_cast<std::uint16_t>(last_ + kind_.stride);
    while (kind_.allocation == PortAllocation::kRandom || inside_.contains(port)) {
      if (kind_.allocation == PortAllocation::kSequential) {
        port = static_cast<std::uint16_t>(port + kind_.stride);
      } else {
        port = static_cast<std::uint16_t>(1024 + random_.below(0x10000 - 1024));
      }
      if (!inside_.contains(port)) break;
    }
    last_ = port;
    return port;
  }

  Random& random_;
  NatKind kind_;
  IpAddress outside_;
  std::uint16_t last_;
  std::map<std::pair<Endpoint, Endpoint>, std::uint16_t> ports_;
  std::map<std::uint16_t, Endpoint> inside_;
  std::map<std::uint16_t, std::set<Endpoint>> allowed_;
};

struct TestHome {
  TestHome(Random& random, NatKind kind, std::uint8_t number, Role role_)
      : nat(random, kind, IpAddress::v4(203, 0, number, 1)),
        machine(kind.mapping == Mapping::kNone ? IpAddress::v4(203, 0, number, 1) : IpAddress::v4(192, 168, number, 2)),
        role(role_),
        credentials(Credentials::draw(random)) {
    measure();
  }

  [[nodiscard]] Endpoint socket(SocketNumber number) const {
    return {machine, static_cast<std::uint16_t>(4001 + number)};
  }
  /// As three servers, two of them on one address, see socket 0.
  void measure() {
    const std::array servers{
        Endpoint{IpAddress::v4(198, 51, 100, 1), 3478}, Endpoint{IpAddress::v4(198, 51, 100, 1), 3479},
        Endpoint{IpAddress::v4(198, 51, 101, 1), 3478}, Endpoint{IpAddress::v4(198, 51, 102, 1), 3478}};
    std::vector<Sighting> seen;
    for (const Endpoint& server : servers) seen.push_back({socket(0), server, nat.out(socket(0), server)});
    behaviour = classify(seen);
    candidates = {{socket(0), CandidateKind::kHost}, {seen.back().mapped, CandidateKind::kReflexive}};
    if (seen.back().mapped == socket(0)) candidates.pop_back();
  }
  [[nodiscard]] LocalEnd local() const {
    return {.role = role, .credentials = credentials, .candidates = candidates, .behaviour = behaviour};
  }
  [[nodiscard]] RemoteEnd remote() const {
    return {.credentials = credentials, .candidates = candidates, .behaviour = behaviour, .witnessed = {nat.outside()}};
  }

  NatBox nat;
  IpAddress machine;
  Role role;
  Credentials credentials;
  Behaviour behaviour;
  std::vector<Candidate> candidates;
  Governor governor{};
  std::optional<Puncher> puncher{};
  std::optional<Puncher::Opened> opened{};
  std::optional<PunchFailure> failed{};
  Duration opened_after{};
  std::size_t sockets = 1;
};

/// One attempt between two homes.
class PunchWorld {
 public:
  PunchWorld(std::uint64_t seed, NatKind first, NatKind second)
      : random(seed), a(random, first, 1, Role::kControlling), b(random, second, 2, Role::kControlled) {}

  /// `a` has b's signal `skew` before `b` has a's. Runs until both have opened, or both are over.
  void run(Duration skew = std::chrono::milliseconds(15)) {
    a.puncher.emplace(random, a.governor, a.local());
    b.puncher.emplace(random, b.governor, b.local());
    const Instant second = now + skew;
    a.puncher->start(now, b.remote());
    drain(a, b);
    bool begun = false;
    while (!(a.puncher->is_over() && b.puncher->is_over() && flying.empty())) {
      std::optional<Instant> next;
      const auto sooner = [&](std::optional<Instant> at) {
        if (at && (!next || *at < *next)) next = at;
      };
      sooner(a.puncher->poll_timeout());
      sooner(b.puncher->poll_timeout());
      if (!begun) sooner(second);
      if (!flying.empty()) sooner(flying.begin()->first);
      if (!next) break;
      now = std::max(now, *next);
      if (!begun && now >= second) {
        begun = true;
        b.puncher->start(now, a.remote());
      }
      while (!flying.empty() && flying.begin()->first <= now) {
        const Flying packet = flying.begin()->second;
        flying.erase(flying.begin());
        deliver(packet);
      }
      a.puncher->handle_timeout(now);
      b.puncher->handle_timeout(now);
      drain(a, b);
      drain(b, a);
    }
  }

  [[nodiscard]] bool both_opened() const { return a.opened && b.opened; }
  /// What each opened leads to the socket the other opened.
  [[nodiscard]] bool is_one_hole() {
    if (!both_opened()) return false;
    const Endpoint a_seen = a.nat.out(a.socket(a.opened->pair.socket), a.opened->pair.remote);
    const Endpoint b_seen = b.nat.out(b.socket(b.opened->pair.socket), b.opened->pair.remote);
    return a_seen == b.opened->pair.remote && b_seen == a.opened->pair.remote;
  }

  SeededRandom random;
  Instant now{std::chrono::hours(1)};
  Duration delay = std::chrono::milliseconds(20);
  double loss = 0;
  TestHome a;
  TestHome b;

 private:
  struct Flying {
    Endpoint from;
    Endpoint to;
    Bytes payload;
  };

  void drain(TestHome& home, TestHome& other) {
    while (auto packet = home.puncher->poll_transmit()) {
      const Endpoint seen = home.nat.out(home.socket(packet->socket), packet->to);
      if (static_cast<double>(random.below(1'000'000)) < loss * 1e6) continue;
      flying.emplace(now + delay, Flying{seen, packet->to, std::move(packet->payload)});
    }
    while (const auto event = home.puncher->poll_event()) {
      if (const auto* open = std::get_if<Puncher::Opened>(&*event)) {
        home.opened = *open;
        home.opened_after = now - Instant{std::chrono::hours(1)};
      } else if (const auto* failed = std::get_if<Puncher::Failed>(&*event)) {
        home.failed = failed->why;
      } else if (const auto* want = std::get_if<Puncher::WantSockets>(&*event)) {
        home.puncher->add_sockets(now, static_cast<SocketNumber>(home.sockets), want->count);
        home.sockets += want->count;
        drain(home, other);
      }
    }
  }
  void deliver(const Flying& packet) {
    for (TestHome* home : {&a, &b}) {
      if (packet.to.address != home->nat.outside()) continue;
      const auto inside = home->nat.in(packet.from, packet.to);
      if (!inside) return;
      const auto number = static_cast<SocketNumber>(inside->port - 4001);
      if (number < home->sockets) home->puncher->handle_datagram(now, number, packet.from, packet.payload);
    }
  }

  std::multimap<Instant, Flying> flying;
};

}  // namespace turnpike::punch
