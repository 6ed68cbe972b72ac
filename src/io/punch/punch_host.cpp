#include "io/punch/punch_host.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <optional>
#include <utility>

#include "core/punch/consent.h"
#include "core/stun/binding_client.h"
#include "io/loop/convert.h"
#include "io/loop/deadline.h"
#include "io/loop/event.h"
#include "io/punch/extra_sockets.h"

namespace turnpike::io {

namespace {

constexpr std::size_t kMaxServersAsked = 12;  // servers asked in one measurement
constexpr stun::RetransmissionPolicy kMeasureRetries{
    .initial_rto = std::chrono::milliseconds(200), .max_requests = 4, .last_wait = std::chrono::milliseconds(800)};

}  // namespace

struct PunchHost::State : std::enable_shared_from_this<State> {
  struct Punch {
    Punch(Random& random, punch::Governor& governor, punch::LocalEnd local)
        : puncher(random, governor, std::move(local)) {}

    punch::Puncher puncher;
    std::optional<punch::Credentials> theirs;
    std::unique_ptr<ExtraSockets> extra;
    std::optional<punch::Consent> consent;
    punch::PairKey hole;
  };
  struct Measurement {
    explicit Measurement(const asio::any_io_executor& loop) : changed(loop) {}
    std::vector<stun::BindingClient> clients;
    std::vector<Endpoint> servers;
    std::vector<std::optional<Endpoint>> mapped;
    std::vector<Endpoint> others;  // what those that answered have besides
    Event changed;
  };

  State(asio::any_io_executor loop_, QuicHost& quic_, Random& random_, PunchEvents& events_)
      : loop(std::move(loop_)), quic(quic_), random(random_), events(&events_), timer(loop) {}

  void send(Punch& punch, punch::SocketNumber socket, const Endpoint& to, ByteView datagram);
  [[nodiscard]] bool take(punch::SocketNumber socket, Punch& punch, const Endpoint& from, ByteView datagram);
  [[nodiscard]] bool take_measurement(const Endpoint& from, ByteView datagram);
  void open_sockets(PunchId id, Punch& punch, std::size_t count);
  void opened(PunchId id, Punch& punch, const punch::Puncher::Opened& event);
  void drain(PunchId id);
  void drain_measurements();
  void ask(Measurement& measurement, const std::vector<Endpoint>& servers);
  void run_timers();
  void arm();

  asio::any_io_executor loop;
  QuicHost& quic;
  Random& random;
  PunchEvents* events;  // null once the host is gone
  asio::steady_timer timer;
  std::optional<Instant> armed;
  punch::Governor governor;
  PunchId last_id = 0;
  std::map<PunchId, Punch> punches;
  std::vector<Measurement*> measurements;  // of coroutines that wait
};

void PunchHost::State::send(Punch& punch, punch::SocketNumber socket, const Endpoint& to, ByteView datagram) {
  if (socket == 0) return quic.send({.remote = to, .bytes = datagram, .segment_size = datagram.size()});
  if (punch.extra) punch.extra->send(socket, to, datagram);
}

bool PunchHost::State::take(punch::SocketNumber socket, Punch& punch, const Endpoint& from, ByteView datagram) {
  if (punch.consent && punch.consent->handle_datagram(now(), datagram)) return true;
  return punch.puncher.handle_datagram(now(), socket, from, datagram);
}

bool PunchHost::State::take_measurement(const Endpoint& from, ByteView datagram) {
  for (Measurement* const measurement : measurements) {
    for (std::size_t i = 0; i < measurement->clients.size(); ++i) {
      stun::BindingClient& client = measurement->clients[i];
      client.handle_datagram(now(), from, datagram);
      const auto event = client.poll_event();
      if (!event) continue;
      if (const auto* seen = std::get_if<stun::BindingClient::Mapped>(&*event)) {
        measurement->mapped[i] = seen->address;
        if (seen->other && seen->other->address.family == from.address.family) {
          for (const Endpoint& more :
               {Endpoint{from.address, seen->other->port}, Endpoint{seen->other->address, from.port}, *seen->other}) {
            if (measurement->others.size() < kMaxServersAsked) measurement->others.push_back(more);
          }
        }
        measurement->changed.set();
      }
      return true;
    }
  }
  return false;
}

void PunchHost::State::open_sockets(PunchId id, Punch& punch, std::size_t count) {
  if (!punch.extra) {
    punch.extra = std::make_unique<ExtraSockets>(
        loop, quic, [this, id](punch::SocketNumber socket, const Endpoint& from, ByteView datagram) {
          const auto found = punches.find(id);
          if (found == punches.end() || !take(socket, found->second, from, datagram)) return;
          // Not from here: what is drained may close the socket that is just being read.
          asio::post(loop, [self = shared_from_this(), id] {
            self->drain(id);
            self->arm();
          });
        });
  }
  const std::size_t there = punch.extra->open(count, IpAddress::Family::kV4);
  punch.puncher.add_sockets(now(), 1, there);
}

void PunchHost::State::opened(PunchId id, Punch& punch, const punch::Puncher::Opened& event) {
  punch.hole = event.pair;
  punch.consent.emplace(random, now(), punch.puncher.role(), punch.puncher.credentials(), *punch.theirs);
  quic::Path path{.remote = event.pair.remote};
  if (punch.extra) {
    const auto carrier = punch.extra->keep_only(event.pair.socket);
    if (carrier) path.carrier = *carrier;
    if (event.pair.socket == 0) punch.extra.reset();
  }
  if (events != nullptr) events->punch_opened(id, path, event.rtt);
}

// Events may release the punch they are about, and any other.
void PunchHost::State::drain(PunchId id) {
  while (true) {
    const auto found = punches.find(id);
    if (found == punches.end()) return;
    Punch& punch = found->second;
    if (auto sent = punch.puncher.poll_transmit()) {
      send(punch, sent->socket, sent->to, sent->payload);
    } else if (const auto check = punch.consent ? punch.consent->poll_transmit() : std::nullopt) {
      send(punch, punch.hole.socket, punch.hole.remote, *check);
    } else if (const auto event = punch.puncher.poll_event()) {
      if (const auto* want = std::get_if<punch::Puncher::WantSockets>(&*event)) {
        open_sockets(id, punch, want->count);
      } else if (const auto* open = std::get_if<punch::Puncher::Opened>(&*event)) {
        opened(id, punch, *open);
      } else {
        const auto why = std::get<punch::Puncher::Failed>(*event).why;
        punches.erase(found);
        if (events != nullptr) events->punch_failed(id, why);
      }
    } else if (punch.consent && punch.consent->poll_event()) {
      punches.erase(found);
      if (events != nullptr) events->punch_lost(id);
    } else {
      return;
    }
  }
}

void PunchHost::State::drain_measurements() {
  for (Measurement* const measurement : measurements) {
    for (stun::BindingClient& client : measurement->clients) {
      while (const auto request = client.poll_transmit()) {
        quic.send({.remote = request->to, .bytes = request->payload, .segment_size = request->payload.size()});
      }
      (void)client.poll_event();  // that it gave up: what there is to say is that it is not among the answers
    }
  }
}

void PunchHost::State::run_timers() {
  const Instant time = now();
  for (Measurement* const measurement : measurements) {
    for (stun::BindingClient& client : measurement->clients) client.handle_timeout(time);
  }
  drain_measurements();
  std::vector<PunchId> ids;
  for (const auto& entry : punches) ids.push_back(entry.first);
  for (const PunchId id : ids) {
    const auto found = punches.find(id);
    if (found == punches.end()) continue;
    found->second.puncher.handle_timeout(time);
    if (found->second.consent) found->second.consent->handle_timeout(time);
    drain(id);
  }
}

void PunchHost::State::arm() {
  std::optional<Instant> due;
  const auto sooner = [&](std::optional<Instant> at) {
    if (at && (!due || *at < *due)) due = at;
  };
  for (const auto& [id, punch] : punches) {
    sooner(punch.puncher.poll_timeout());
    if (punch.consent) sooner(punch.consent->poll_timeout());
  }
  for (const Measurement* const measurement : measurements) {
    for (const stun::BindingClient& client : measurement->clients) sooner(client.poll_timeout());
  }
  if (!due || (armed && *armed <= *due)) return;  // an early timer looks again
  armed = due;
  timer.expires_at(to_steady(*due));
  timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (error || self->events == nullptr) return;
    self->armed.reset();
    self->run_timers();
    self->arm();
  });
}

PunchHost::PunchHost(asio::any_io_executor loop, QuicHost& quic, Random& random, PunchEvents& events)
    : state_(std::make_shared<State>(std::move(loop), quic, random, events)) {}

PunchHost::~PunchHost() {
  state_->events = nullptr;
  state_->timer.cancel();
  state_->punches.clear();
  for (State::Measurement* const measurement : state_->measurements) measurement->changed.set();
}

std::optional<PunchId> PunchHost::begin(punch::LocalEnd local) {
  if (state_->punches.size() >= kMaxPunches) return std::nullopt;
  const PunchId id = ++state_->last_id;
  state_->punches.try_emplace(id, state_->random, state_->governor, std::move(local));
  return id;
}

void PunchHost::start(PunchId id, punch::RemoteEnd remote) {
  const auto found = state_->punches.find(id);
  if (found == state_->punches.end()) return;
  found->second.theirs = remote.credentials;
  found->second.puncher.start(now(), std::move(remote));
  state_->drain(id);
  state_->arm();
}

void PunchHost::release(PunchId id) { state_->punches.erase(id); }

void PunchHost::handle_stun(const DatagramBatch& batch, const std::function<void(const DatagramBatch&)>& others) {
  for (std::size_t i = 0; i < batch.count(); ++i) {
    const ByteView datagram = batch.segment(i);
    if (state_->take_measurement(batch.remote, datagram)) continue;
    std::optional<PunchId> taken;
    for (auto& [id, punch] : state_->punches) {
      if (!state_->take(0, punch, batch.remote, datagram)) continue;
      taken = id;
      break;
    }
    if (taken) {
      state_->drain(*taken);
    } else {
      others(batch.part(i * batch.segment_size, datagram.size()));
    }
  }
  state_->arm();
}

void PunchHost::State::ask(Measurement& measurement, const std::vector<Endpoint>& servers) {
  for (const Endpoint& server : servers) {
    const bool known = std::ranges::find(measurement.servers, server) != measurement.servers.end();
    if (known || measurement.servers.size() >= kMaxServersAsked) continue;
    measurement.servers.push_back(server);
    measurement.mapped.emplace_back();
    measurement.clients.emplace_back(now(), server, random.array<12>(),
                                     stun::BindingClient::Options{.retransmission = kMeasureRetries, .change = {}});
  }
  drain_measurements();
  arm();
}

asio::awaitable<std::vector<punch::Sighting>> PunchHost::measure(std::vector<Endpoint> servers, Duration limit) {
  const std::shared_ptr<State> state = state_;
  State::Measurement measurement(state->loop);
  bool is_over = false;
  Deadline deadline(state->loop, [&] {
    is_over = true;
    measurement.changed.set();
  });
  deadline.arm(limit);
  state->measurements.push_back(&measurement);
  state->ask(measurement, servers);
  while (!is_over && state->events != nullptr) {
    if (!measurement.others.empty()) {
      const std::vector<Endpoint> more = std::exchange(measurement.others, {});
      state->ask(measurement, more);
    }
    if (std::ranges::all_of(measurement.mapped, [](const auto& seen) { return seen.has_value(); })) break;
    co_await measurement.changed.wait();
    measurement.changed.reset();
  }
  std::erase(state->measurements, &measurement);
  std::vector<punch::Sighting> out;
  const Endpoint local = state->events == nullptr ? Endpoint() : state->quic.local();
  for (std::size_t i = 0; i < measurement.servers.size(); ++i) {
    if (measurement.mapped[i]) out.push_back({local, measurement.servers[i], *measurement.mapped[i]});
  }
  co_return out;
}

const punch::Governor& PunchHost::governor() const { return state_->governor; }
std::size_t PunchHost::punches() const { return state_->punches.size(); }

}  // namespace turnpike::io
