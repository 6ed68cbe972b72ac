#include "io/mdns/neighbours.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "io/log/log.h"
#include "io/loop/convert.h"
#include "io/mdns/multicast_socket.h"

namespace turnpike::io {
namespace {

bool is_link_local(const IpAddress& address) {
  return address.family == IpAddress::Family::kV6 && address.octets[0] == 0xfe && (address.octets[1] & 0xc0U) == 0x80;
}

bool has(const Interface& interface, IpAddress::Family family) {
  return std::ranges::any_of(interface.networks,
                             [&](const IpNetwork& network) { return network.address.family == family; });
}

/// An address without a zone is no use to others where it is of one link only: those are not told.
std::vector<multiaddr::Multiaddr> listen_of(const Interface& interface, std::uint16_t port, bool quic) {
  std::vector<multiaddr::Multiaddr> tcp;
  std::vector<multiaddr::Multiaddr> udp;
  for (const IpNetwork& network : interface.networks) {
    if (is_link_local(network.address)) continue;
    tcp.push_back(multiaddr::Multiaddr::tcp({network.address, port}));
    if (quic) udp.push_back(multiaddr::Multiaddr::quic_v1({network.address, port}));
  }
  tcp.insert(tcp.end(), udp.begin(), udp.end());
  return tcp;
}

const Endpoint& group_of(IpAddress::Family family) {
  return family == IpAddress::Family::kV4 ? mdns::kGroup : mdns::kGroup6;
}

}  // namespace

/// One group on one interface. Shared with its two coroutines, which end soon after it is closed.
struct Neighbours::Place {
  Place(const asio::any_io_executor& loop, std::unique_ptr<MulticastSocket> joined, mdns::Responder machine,
        Listener who)
      : socket(std::move(joined)), responder(std::move(machine)), listener(std::move(who)), timer(loop) {}

  void drain() {
    while (const auto out = responder.poll_transmit()) (void)socket->send(out->payload);
    while (const auto found = responder.poll_event()) {
      if (!closed) listener(*found);
    }
  }
  void close() {
    closed = true;
    socket->close();
    timer.cancel();
  }

  std::unique_ptr<MulticastSocket> socket;
  mdns::Responder responder;
  Listener listener;
  asio::steady_timer timer;
  bool closed = false;
};

Neighbours::Neighbours(asio::any_io_executor loop, identity::AnyPeerId self, Random& random, Listener listener)
    : loop_(std::move(loop)), self_(std::move(self)), random_(random), listener_(std::move(listener)) {}

Neighbours::~Neighbours() { stop(); }

void Neighbours::stop() {
  for (const auto& [key, place] : places_) place->close();
  places_.clear();
  known_.clear();
}

void Neighbours::set_interfaces(std::vector<Interface> interfaces, std::uint16_t port, bool quic) {
  if (interfaces.size() > kMaxMdnsInterfaces) interfaces.resize(kMaxMdnsInterfaces);
  if (interfaces == known_ && port == port_ && quic == quic_) return;
  known_ = std::move(interfaces);
  port_ = port;
  quic_ = quic;
  std::map<Key, std::shared_ptr<Place>> left;
  left.swap(places_);
  for (const Interface& interface : known_) {
    for (const IpAddress::Family family : {IpAddress::Family::kV4, IpAddress::Family::kV6}) {
      if (!has(interface, family)) continue;
      const Key key{interface.index, family};
      const auto at = left.find(key);
      if (at == left.end()) {
        open(interface, family);
        continue;
      }
      at->second->responder.moved(now(), interface.networks, listen_of(interface, port_, quic_));
      at->second->timer.cancel();  // it asks anew
      places_.insert(left.extract(at));
    }
  }
  for (const auto& [key, place] : left) place->close();
}

void Neighbours::open(const Interface& interface, IpAddress::Family family) {
  auto socket = MulticastSocket::open(loop_, interface.index, group_of(family));
  if (!socket) {
    log_debug("mdns: {} cannot be joined over {}", interface.name, family == IpAddress::Family::kV4 ? "IPv4" : "IPv6");
    return;
  }
  mdns::Responder responder(now(), self_, listen_of(interface, port_, quic_), interface.networks, random_,
                            group_of(family));
  auto place = std::make_shared<Place>(loop_, *std::move(socket), std::move(responder), listener_);
  places_.emplace(Key{interface.index, family}, place);
  asio::co_spawn(loop_, hear(place), asio::detached);
  asio::co_spawn(loop_, ask(std::move(place)), asio::detached);
}

asio::awaitable<void> Neighbours::hear(std::shared_ptr<Place> place) {
  const std::shared_ptr<Place> own = std::move(place);
  while (!own->closed) {
    const auto datagram = co_await own->socket->receive(mdns::kMaxMessage);
    if (!datagram) co_return;
    own->responder.handle_datagram(now(), datagram->from, datagram->bytes);
    own->drain();
  }
}

asio::awaitable<void> Neighbours::ask(std::shared_ptr<Place> place) {
  const std::shared_ptr<Place> own = std::move(place);
  boost::system::error_code woken;
  while (!own->closed) {
    own->responder.handle_timeout(now());
    own->drain();
    own->timer.expires_at(to_steady(own->responder.poll_timeout().value_or(now())));
    co_await own->timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
}

}  // namespace turnpike::io
