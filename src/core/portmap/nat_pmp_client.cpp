#include "core/portmap/nat_pmp_client.h"

#include <string>
#include <utility>

namespace turnpike::portmap {
namespace {

using nat_pmp::Code;

Refusal refusal_of(Code code) {
  switch (code) {
    case Code::kUnsupportedVersion:
    case Code::kUnsupportedOpcode:
      return Refusal::kUnsupported;
    case Code::kNotAuthorised:
      return Refusal::kNotAuthorised;
    case Code::kNetworkFailure:
      return Refusal::kNoAddress;
    case Code::kOutOfResources:
      return Refusal::kOutOfResources;
    case Code::kSuccess:
      break;
  }
  return Refusal::kBroken;
}

}  // namespace

void NatPmpClient::probe(Instant now) { open(now, std::nullopt, nat_pmp::AddressRequest{}); }

void NatPmpClient::ask(Instant now, const Ask& ask) {
  // §3.4: what is given back is named by its internal port alone.
  open(now, ask,
       nat_pmp::MapRequest{.transport = ask.transport,
                           .internal_port = ask.internal_port,
                           .external_port = ask.is_removal() ? std::uint16_t{0} : ask.external_port,
                           .lifetime = static_cast<std::uint32_t>(ask.lease.count())});
}

void NatPmpClient::open(Instant now, std::optional<Ask> ask, const nat_pmp::Request& request) {
  open_ = Question{.ask = ask,
                   .request = nat_pmp::make_request(request),
                   .resend = now + kNatPmpFirstWait,
                   .wait = kNatPmpFirstWait};
  out_ = Transmit{server_, open_->request};
  heard_nonsense_ = false;
}

void NatPmpClient::handle_datagram(Instant now, const Endpoint& from, ByteView datagram) {
  if (from != server_) return;
  const auto response = nat_pmp::parse_response(datagram);
  if (!response) return take_nonsense(datagram);
  // A router that speaks NAT-PMP only says this to our PCP questions, which come from the same socket: §3.5.
  if (response->code == Code::kUnsupportedVersion) return;
  if (!epoch_.is_continuous(now, response->epoch)) events_.emplace_back(Restarted{});
  if (const auto* error = std::get_if<nat_pmp::ErrorAnswer>(&response->body)) return refuse(response->code, *error);
  if (const auto* address = std::get_if<nat_pmp::AddressAnswer>(&response->body)) return take(*address);
  take(std::get<nat_pmp::MapAnswer>(response->body));
}

// One that speaks PCP only says so in PCP's version (RFC 6887 §9). The rest of what is in that version is for PCP.
void NatPmpClient::take_nonsense(ByteView datagram) {
  const bool ours = datagram.empty() || datagram.front() == 0;
  if (ours) heard_nonsense_ = true;
  const bool says_version = !ours && datagram.size() >= 4 && (datagram[1] & 0x80U) != 0 &&
                            datagram[3] == static_cast<std::uint8_t>(Code::kUnsupportedVersion);
  if (!says_version || !open_) return;
  events_.emplace_back(Refused{.ask = std::exchange(open_, std::nullopt)->ask,
                               .why = Refusal::kUnsupported,
                               .again = std::nullopt,
                               .external = std::nullopt,
                               .detail = "PCP only"});
}

void NatPmpClient::take(const nat_pmp::AddressAnswer& answer) {
  const bool asked = open_ && !open_->ask;
  const bool is_news = external_ != answer.external;
  external_ = answer.external;
  if (asked) open_.reset();
  if (asked || is_news) events_.emplace_back(Present{answer.external});
}

void NatPmpClient::take(const nat_pmp::MapAnswer& answer) {
  if (!open_ || !open_->ask) return;
  const Ask ask = *open_->ask;
  if (answer.internal_port != ask.internal_port || answer.transport != ask.transport) return;
  if (ask.is_removal() != (answer.lifetime == 0)) {
    // Once it may be a late answer to what was asked before. A router that grants nothing and calls it success says it
    // again.
    if (ask.is_removal() || ++open_->empty_grants < kMaxEmptyGrants) return;
    events_.emplace_back(Refused{.ask = std::exchange(open_, std::nullopt)->ask,
                                 .why = Refusal::kBroken,
                                 .again = std::nullopt,
                                 .external = std::nullopt,
                                 .detail = "a mapping for zero seconds"});
    return;
  }
  open_.reset();
  events_.emplace_back(Granted{
      .ask = ask, .external_port = answer.external_port, .external = external_, .lease = Seconds(answer.lifetime)});
}

bool NatPmpClient::answers(const nat_pmp::ErrorAnswer& answer) const {
  if (!open_) return false;
  if (!open_->ask) return answer.opcode == 0;
  const std::uint8_t opcode = open_->ask->transport == Transport::kUdp ? 1 : 2;
  return answer.opcode == opcode &&
         answer.internal_port.value_or(open_->ask->internal_port) == open_->ask->internal_port;
}

void NatPmpClient::refuse(Code code, const nat_pmp::ErrorAnswer& answer) {
  if (!answers(answer)) return;
  events_.emplace_back(Refused{.ask = std::exchange(open_, std::nullopt)->ask,
                               .why = refusal_of(code),
                               .again = std::nullopt,
                               .external = std::nullopt,
                               .detail = "NAT-PMP result code " + std::to_string(static_cast<unsigned>(code))});
}

void NatPmpClient::handle_timeout(Instant now) {
  if (!open_ || now < open_->resend) return;
  if (open_->sent >= kNatPmpMaxRequests) {
    events_.emplace_back(Refused{.ask = std::exchange(open_, std::nullopt)->ask,
                                 .why = heard_nonsense_ ? Refusal::kBroken : Refusal::kNoAnswer,
                                 .again = std::nullopt,
                                 .external = std::nullopt,
                                 .detail = {}});
    return;
  }
  ++open_->sent;
  open_->wait *= 2;
  open_->resend = now + open_->wait;
  out_ = Transmit{server_, open_->request};
}

std::optional<Transmit> NatPmpClient::poll_transmit() { return std::exchange(out_, std::nullopt); }

std::optional<LaneEvent> NatPmpClient::poll_event() {
  if (events_.empty()) return std::nullopt;
  LaneEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

std::optional<Instant> NatPmpClient::poll_timeout() const {
  return open_ ? std::optional(open_->resend) : std::nullopt;
}

}  // namespace turnpike::portmap
