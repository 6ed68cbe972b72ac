// Peers of the same network, found by multicast DNS as libp2p's mDNS specification has it.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/machine.h"
#include "base/network.h"
#include "base/random.h"
#include "core/identity/any_peer_id.h"
#include "core/mdns/message.h"
#include "core/multiaddr/multiaddr.h"

namespace turnpike::mdns {

constexpr std::uint16_t kPort = 5353;
inline constexpr Endpoint kGroup{IpAddress::v4(224, 0, 0, 251), kPort};  ///< RFC 6762, section 3,
inline constexpr Endpoint kGroup6{{IpAddress::Family::kV6, {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xfb}},
                                  kPort};                        ///< and over IPv6.
constexpr Duration kFirstInterval = std::chrono::seconds(1);     ///< Between questions; doubles each time,
constexpr Duration kLongestInterval = std::chrono::seconds(60);  ///< up to this (RFC 6762, section 5.2).
constexpr Duration kAnswerPause = std::chrono::seconds(1);       ///< No more than one answer in it (section 6).
constexpr Duration kRepeat = std::chrono::seconds(30);           ///< A peer is told again no sooner.
constexpr std::size_t kMaxPeers = 256;                           ///< Remembered; those beyond are not told.
constexpr std::size_t kMaxAddresses = 8;                         ///< Of one peer, over TCP and over QUIC each.

/// Somebody of our network says that it is this peer. It proves it when it is dialled.
struct Found {
  identity::AnyPeerId peer;
  std::vector<Endpoint> tcp;   ///< Of our network; not both are empty.
  std::vector<Endpoint> quic;  ///< Likewise.
};

/// One for each interface and address family. Nothing of another interface is told by it, so that who we are at home is
/// not told at work, and the name it answers by is random and new with each.
class Responder {
 public:
  using Event = Found;

  /// `networks` are those of the interface, of either family: its own addresses and their prefixes. `listen` are our
  /// addresses in them, without a peer. `group` is kGroup or kGroup6.
  Responder(Instant now, identity::AnyPeerId self, std::vector<multiaddr::Multiaddr> listen,
            std::vector<IpNetwork> networks, Random& random, const Endpoint& group = kGroup);

  /// Datagrams from outside the networks, and those that are no mDNS messages, change nothing.
  void handle_datagram(Instant now, const Endpoint& from, ByteView datagram);
  void handle_timeout(Instant now);
  /// Our networks have changed: asks again at once.
  void moved(Instant now, std::vector<IpNetwork> networks, std::vector<multiaddr::Multiaddr> listen);

  [[nodiscard]] std::optional<Transmit> poll_transmit();
  [[nodiscard]] std::optional<Found> poll_event();
  [[nodiscard]] std::optional<Instant> poll_timeout() const { return ask_at_; }

 private:
  void answer(Instant now);
  void take(Instant now, const std::vector<std::string>& texts);
  [[nodiscard]] bool is_near(const IpAddress& address) const;

  identity::AnyPeerId self_;
  std::vector<multiaddr::Multiaddr> listen_;
  std::vector<IpNetwork> networks_;
  Endpoint group_;
  std::string instance_;
  Instant ask_at_;
  Duration interval_ = kFirstInterval;
  std::optional<Instant> answered_;
  std::deque<Bytes> out_;
  std::deque<Found> found_;
  std::map<identity::AnyPeerId, Instant> told_;
};

}  // namespace turnpike::mdns
