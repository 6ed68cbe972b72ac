#include "core/mdns/responder.h"

#include <algorithm>

namespace turnpike::mdns {
namespace {

constexpr std::string_view kPrefix = "dnsaddr=";
constexpr std::size_t kInstance = 32;  // characters; the specification wants at least as many, at random

std::string random_label(Random& random) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::string out;
  for (std::size_t i = 0; i < kInstance; ++i) out += kLetters[random.below(kLetters.size())];
  return out;
}

}  // namespace

static_assert(DatagramMachine<Responder>);

Responder::Responder(Instant now, identity::AnyPeerId self, std::vector<multiaddr::Multiaddr> listen,
                     std::vector<IpNetwork> networks, Random& random, const Endpoint& group)
    : self_(std::move(self)),
      listen_(std::move(listen)),
      networks_(std::move(networks)),
      group_(group),
      instance_(random_label(random)),
      ask_at_(now) {}

bool Responder::is_near(const IpAddress& address) const {
  return std::ranges::any_of(networks_, [&](const IpNetwork& network) { return network.contains(address); });
}

void Responder::moved(Instant now, std::vector<IpNetwork> networks, std::vector<multiaddr::Multiaddr> listen) {
  networks_ = std::move(networks);
  listen_ = std::move(listen);
  told_.clear();
  interval_ = kFirstInterval;
  ask_at_ = now;
}

void Responder::handle_timeout(Instant now) {
  std::erase_if(told_, [&](const auto& entry) { return now - entry.second >= kRepeat; });
  if (now < ask_at_) return;
  out_.push_back(make_query());
  out_.push_back(make_query(kOldService));  // alone: they read the first question only
  ask_at_ = now + interval_;
  interval_ = std::min(2 * interval_, kLongestInterval);
}

void Responder::handle_datagram(Instant now, const Endpoint& from, ByteView datagram) {
  // RFC 6762, section 11: only the local link's word counts.
  if (!is_near(from.address) || from.port != kPort) return;
  const auto message = decode(datagram);
  if (!message) return;
  if (!message->is_response) {
    if (message->asks_for_service) answer(now);
    return;
  }
  if (message->names_service) take(now, message->texts);
}

void Responder::answer(Instant now) {
  if (answered_ && now - *answered_ < kAnswerPause) return;
  answered_ = now;
  std::vector<std::string> texts;
  for (const multiaddr::Multiaddr& address : listen_) {
    texts.push_back(std::string(kPrefix) + address.with_peer(self_).to_string());
  }
  out_.push_back(make_response(instance_, texts));
}

void Responder::take(Instant now, const std::vector<std::string>& texts) {
  std::map<identity::AnyPeerId, Found> peers;
  for (const std::string& text : texts) {
    if (!text.starts_with(kPrefix)) continue;
    const auto address = multiaddr::Multiaddr::parse(std::string_view(text).substr(kPrefix.size()));
    if (!address) continue;
    const auto peer = address->peer();
    const auto quic = address->quic_endpoint();
    const auto endpoint = quic ? quic : address->tcp_endpoint();
    // An address elsewhere would have us dial it on the word of whoever is in the room.
    if (!peer || *peer == self_ || !endpoint || endpoint->port == 0 || !is_near(endpoint->address)) continue;
    Found& found = peers.try_emplace(*peer, Found{*peer, {}, {}}).first->second;
    std::vector<Endpoint>& known = quic ? found.quic : found.tcp;
    if (known.size() < kMaxAddresses && std::ranges::find(known, *endpoint) == known.end()) known.push_back(*endpoint);
  }
  for (auto& [peer, found] : peers) {
    const auto told = told_.find(peer);
    if (told != told_.end() && now - told->second < kRepeat) continue;
    if (told == told_.end() && told_.size() == kMaxPeers) continue;
    told_.insert_or_assign(peer, now);
    found_.push_back(std::move(found));
  }
}

std::optional<Transmit> Responder::poll_transmit() {
  if (out_.empty()) return std::nullopt;
  Transmit out{group_, std::move(out_.front())};
  out_.pop_front();
  return out;
}

std::optional<Found> Responder::poll_event() {
  if (found_.empty()) return std::nullopt;
  Found out = std::move(found_.front());
  found_.pop_front();
  return out;
}

}  // namespace turnpike::mdns
