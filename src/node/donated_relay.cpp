#include "node/donated_relay.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <charconv>

#include "io/log/log.h"

namespace turnpike::node {
namespace {

constexpr std::string_view kFacts = "facts";
constexpr std::string_view kRelayed = "relayed this month";  // "<month>:<bytes>"

bool is_turn(const rendezvous::Service& service) {
  const bool kind =
      service.kind == rendezvous::ServiceKind::kTurnUdp || service.kind == rendezvous::ServiceKind::kTurnTcp;
  return kind && service.endpoint.address.is_global();  // global ones are registered only while they are proved
}

}  // namespace

Donor donor_of(const NodeConfig& config, const io::StateDb& state) {
  Donor out{.on = config.relay,
            .caps = {.bytes_per_month = config.relay_per_month, .bytes_per_second = config.relay_rate},
            .given = {},
            .sessions = config.relay_sessions};
  const auto text = state.get(kFacts, kRelayed);
  const std::size_t colon = text ? text->find(':') : std::string::npos;
  if (colon == std::string::npos) return out;
  const char* const end = text->data() + text->size();
  std::from_chars(text->data(), text->data() + colon, out.given.month);
  std::from_chars(text->data() + colon + 1, end, out.given.bytes);
  return out;
}

void DonatedRelay::start() {
  scope_.brain.on_turn(
      {.open_session =
           [this](const peer::OpenTurnSession& order) {
             auto decided = scope_.doors.open_session(order.requester, order.from, order.responder);
             io::log_debug("{} asks us to relay to {}: {}", order.requester.to_string(), order.responder.to_string(),
                           decided ? "granted" : turn::to_string(decided.error()));
             return decided;
           },
       .dial_back =
           [this](const peer::DialBack& order) { asio::co_spawn(scope_.loop, dial_back(order), asio::detached); }});
}

void DonatedRelay::keep() {
  std::vector<IpAddress> proved;
  for (const rendezvous::Service& each : scope_.brain.peer().services()) {
    if (is_turn(each)) proved.push_back(each.endpoint.address);
  }
  scope_.doors.set_proved(proved);
  const bool relays = scope_.doors.accepts_sessions();
  scope_.brain.tell([relays](peer::Peer& peer, Now now) { peer.set_relays(now, relays); });
  keep_given();
}

std::optional<Endpoint> DonatedRelay::at() const {
  for (const rendezvous::Service& each : scope_.brain.peer().services()) {
    if (is_turn(each)) return each.endpoint;
  }
  return std::nullopt;
}

void DonatedRelay::keep_given() {
  const turn::DonationRecord given = scope_.doors.given();
  if (given == kept_) return;
  kept_ = given;
  const std::string text = std::to_string(given.month) + ':' + std::to_string(given.bytes);
  if (!scope_.state.put(kFacts, kRelayed, text)) io::log_error("the state database cannot be written");
}

asio::awaitable<void> DonatedRelay::dial_back(peer::DialBack given) {
  const peer::DialBack order = given;
  io::log_debug("{} asks us to connect to it", order.peer.to_string());
  const auto dialled =
      co_await scope_.host.dial(order.peer, order.tcp, path::Found::kBootstrap, io::kDialTime, order.quic);
  if (!dialled) io::log_debug("could not connect to {}: {}", order.peer.to_string(), dialled.error().detail);
}

}  // namespace turnpike::node
