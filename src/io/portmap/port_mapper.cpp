#include "io/portmap/port_mapper.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

#include "io/log/log.h"
#include "io/loop/convert.h"

namespace turnpike::io {
namespace {

// More than a node ever asks for at a time; what is beyond is answered as if the device had not.
constexpr std::size_t kMaxWaitingCommands = 64;

}  // namespace

PortMapper::PortMapper(asio::any_io_executor loop, PortMapperConfig config, Random& random, OnChange on_change)
    : loop_(loop),
      config_(std::move(config)),
      on_change_(std::move(on_change)),
      mapper_(config_.mapper, random),
      pool_(loop, 1),
      timer_(loop),
      closed_(loop) {}

PortMapper::~PortMapper() {
  *alive_ = false;
  for (Side& side : sides_) {
    if (side.socket) side.socket->close();
    if (side.announcements) side.announcements->close();
  }
  timer_.cancel();
}

void PortMapper::start() { look(); }

void PortMapper::network_changed(bool woke_up) {
  look();
  if (!woke_up) return;
  mapper_.handle_wake_up(now());
  pump();
}

void PortMapper::look() {
  const Surroundings here = config_.look();
  if (here != here_) {
    here_ = here;
    connect(sides_[0], here.network.v4, 0);
    connect(sides_[1], here.network.v6, here.scope_v6);
  }
  mapper_.handle_network(now(), here.network);
  pump();
}

void PortMapper::connect(Side& side, const std::optional<portmap::Uplink>& uplink, std::uint32_t scope) {
  if (side.socket) side.socket->close();
  if (side.announcements) side.announcements->close();
  side.socket.reset();
  side.announcements.reset();
  side.igd.reset();  // a command of the old one that is under way keeps it, and answers to nobody
  side.commands.clear();
  if (!uplink) return;
  const auto take = [this](const Endpoint& from, ByteView datagram) {
    mapper_.handle_datagram(now(), from, datagram);
    pump();
  };
  side.igd = std::make_shared<Igd>(pool_, here_);
  side.socket = RouterSocket::open(loop_, uplink->own, scope, take);
  if (!side.socket) log_debug("port mapping: no socket on {}", uplink->own.to_string());
  if (config_.announcement_port == 0) return;
  side.announcements = RouterSocket::open_announcements(loop_, uplink->own, scope, config_.announcement_port, take);
  if (!side.announcements) log_debug("port mapping: cannot hear announcements on {}", uplink->own.to_string());
}

// `on_change` may call back into us: what it causes is then done by the loop that is already running.
void PortMapper::pump() {
  if (pumping_) return;
  pumping_ = true;
  while (auto out = mapper_.poll_transmit()) {
    const auto& socket = side_of(out->to.address).socket;
    if (socket) socket->send(out->to, out->payload);
  }
  while (auto command = mapper_.poll_upnp()) {
    Side& side = side_of(command->own);
    if (side.commands.size() < kMaxWaitingCommands) side.commands.push_back(*std::move(command));
    serve(side);
  }
  while (const auto change = mapper_.poll_event()) on_change_(*change);
  pumping_ = false;
  if (mapper_.is_closed()) closed_.set();
  sleep();
}

void PortMapper::serve(Side& side) {
  if (side.is_busy || !side.igd) return;
  side.is_busy = true;
  asio::co_spawn(loop_, obey(static_cast<std::size_t>(&side - sides_.data())), asio::detached);
}

asio::awaitable<void> PortMapper::obey(std::size_t index) {
  const std::shared_ptr<bool> alive = alive_;
  Side& side = sides_[index];
  while (!side.commands.empty() && side.igd) {
    const auto igd = side.igd;  // outlives a change of network
    portmap::upnp::Command command = std::move(side.commands.front());
    side.commands.pop_front();
    const auto answer = co_await igd->run(std::move(command));
    if (!*alive) co_return;
    mapper_.handle_upnp(now(), answer);
    pump();
  }
  side.is_busy = false;
}

void PortMapper::sleep() {
  const std::optional<Instant> next = mapper_.poll_timeout();
  if (next == armed_) return;
  armed_ = next;
  timer_.cancel();
  if (!next) return;
  timer_.expires_at(to_steady(*next));
  timer_.async_wait([this, alive = alive_](const boost::system::error_code& cancelled) {
    if (cancelled || !*alive) return;
    armed_.reset();
    mapper_.handle_timeout(now());
    pump();
  });
}

asio::awaitable<void> PortMapper::stop() {
  const std::shared_ptr<bool> alive = alive_;
  mapper_.close(now());
  pump();
  co_await closed_.wait();
  if (!*alive) co_return;
  for (Side& side : sides_) {
    if (side.socket) side.socket->close();
    if (side.announcements) side.announcements->close();
  }
}

}  // namespace turnpike::io
