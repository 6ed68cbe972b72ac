#include "core/host/transport.h"

#include <algorithm>

namespace turnpike::host {

std::string_view name_of(Transport transport) { return transport == Transport::kTcp ? "tcp" : "quic"; }

TransportMemory::Known& TransportMemory::known(Instant now, const identity::PeerId& peer) {
  if (peers_.size() >= kMaxRemembered && !peers_.contains(peer)) {
    peers_.erase(std::ranges::min_element(peers_, {}, [](const auto& entry) { return entry.second.seen; }));
  }
  Known& out = peers_[peer];
  out.seen = now;
  return out;
}

void TransportMemory::handle_worked(Instant now, const identity::PeerId& peer, Transport transport, bool raced_quic) {
  if (transport == Transport::kQuic) {
    known(now, peer).quic_rests_until.reset();
  } else if (raced_quic) {
    known(now, peer).quic_rests_until = now + kQuicRest;
  }
}

void TransportMemory::handle_died(Instant now, const identity::PeerId& peer, Transport transport) {
  if (transport != Transport::kQuic) return;  // a TCP connection that dies says nothing of UDP, nor of TCP
  known(now, peer).quic_rests_until = now + kQuicRest;
}

void TransportMemory::forget() { peers_.clear(); }

std::vector<DialAddress> TransportMemory::order(Instant now, const std::optional<identity::PeerId>& peer,
                                                const std::vector<Endpoint>& tcp,
                                                const std::vector<Endpoint>& quic) const {
  bool quic_first = true;
  if (const auto at = peer ? peers_.find(*peer) : peers_.end(); at != peers_.end()) {
    const Known& about = at->second;
    quic_first = !about.quic_rests_until || now >= *about.quic_rests_until;
  }
  std::vector<DialAddress> out;
  for (std::size_t i = 0; i < std::max(tcp.size(), quic.size()); ++i) {
    for (const bool take_quic : {quic_first, !quic_first}) {
      const std::vector<Endpoint>& from = take_quic ? quic : tcp;
      if (i < from.size()) out.push_back({take_quic ? Transport::kQuic : Transport::kTcp, from[i]});
    }
  }
  return out;
}

}  // namespace turnpike::host
