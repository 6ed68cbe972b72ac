#include "core/portmap/pcp_client.h"

#include <algorithm>
#include <string>
#include <utility>

#include "crypto/mac.h"

namespace turnpike::portmap {
namespace {

using pcp::Code;

// §7.4: an error holds for as long as its lifetime says; beyond half an hour we ask again all the same.
constexpr Seconds kLongestError{1800};

Refusal refusal_of(Code code) {
  switch (code) {
    case Code::kUnsupportedVersion:
    case Code::kUnsupportedOpcode:
    case Code::kUnsupportedOption:
    case Code::kUnsupportedProtocol:
      return Refusal::kUnsupported;
    case Code::kNotAuthorised:
      return Refusal::kNotAuthorised;
    case Code::kNetworkFailure:
      return Refusal::kNoAddress;
    case Code::kNoResources:
    case Code::kOverQuota:
    case Code::kExcessivePeers:
      return Refusal::kOutOfResources;
    case Code::kCannotProvideExternal:
      return Refusal::kTaken;
    case Code::kAddressMismatch:
      return Refusal::kAnotherNat;
    case Code::kMalformedRequest:
    case Code::kMalformedOption:
    case Code::kSuccess:
      break;
  }
  return Refusal::kBroken;
}

std::string words_of(Code code) { return "PCP result code " + std::to_string(static_cast<unsigned>(code)); }

}  // namespace

pcp::Nonce PcpClient::nonce_of(const Ask& ask) const {
  Bytes name;
  ByteWriter out(name);
  out.u8(static_cast<std::uint8_t>(ask.transport));
  out.u16(ask.internal_port);
  out.bytes(own_.octets);
  const Digest mac = crypto::hmac_sha256(secret_, name);
  pcp::Nonce nonce{};
  std::copy_n(mac.begin(), nonce.size(), nonce.begin());
  return nonce;
}

Duration PcpClient::jittered(Duration wait) {
  const auto tenth = static_cast<std::uint64_t>(wait.count() / 10);
  return wait - Duration(wait.count() / 10) + Duration(static_cast<Duration::rep>(random_->below(2 * tenth + 1)));
}

void PcpClient::probe(Instant now) {
  open(now, std::nullopt, {}, {.lifetime = 0, .client = own_, .body = pcp::Announce{}});
}

void PcpClient::ask(Instant now, const Ask& ask) {
  pcp::Map map{.nonce = nonce_of(ask), .transport = ask.transport, .internal_port = ask.internal_port, .external = {}};
  map.external.address.family = own_.family;
  map.external.port = ask.is_removal() ? std::uint16_t{0} : ask.external_port;  // §15.1
  const auto lifetime = static_cast<std::uint32_t>(ask.lease.count());
  open(now, ask, map.nonce, {.lifetime = lifetime, .client = own_, .body = map});
}

void PcpClient::open(Instant now, std::optional<Ask> ask, const pcp::Nonce& nonce, const pcp::Request& request) {
  const Duration wait = jittered(kPcpFirstWait);
  open_ =
      Question{.ask = ask, .nonce = nonce, .request = pcp::make_request(request), .resend = now + wait, .wait = wait};
  out_ = Transmit{server_, open_->request};
}

void PcpClient::handle_datagram(Instant now, const Endpoint& from, ByteView datagram) {
  if (from != server_) return;
  const auto response = pcp::parse_response(datagram);
  if (!response) {
    // NAT-PMP's answers come to the same socket. Only to a question of ours is one of them a refusal: RFC 6886 §3.5.
    const bool version = response.error() == pcp::ParseError::kOtherVersion && datagram.size() >= 4 &&
                         datagram[3] == static_cast<std::uint8_t>(Code::kUnsupportedVersion);
    if (version && open_) refuse(Refusal::kUnsupported, std::nullopt, "another version of PCP, or NAT-PMP only");
    return;
  }
  if (response->code == Code::kUnsupportedVersion) return;  // said, in our version, to our NAT-PMP questions: §9
  const auto* map = std::get_if<pcp::Map>(&response->body);
  // The epoch of an answer to somebody else's question would be the router's too, but need not be: §8.3 drops it whole.
  const bool is_ours = map == nullptr || (open_ && open_->ask && map->nonce == open_->nonce);
  if (!is_ours) return;
  if (!epoch_.is_continuous(now, response->epoch)) events_.emplace_back(Restarted{});
  if (map == nullptr) return take_announce(*response);
  take_map(*response, *map);
}

void PcpClient::take_announce(const pcp::Response& response) {
  const bool asked = open_ && !open_->ask;
  if (response.code != Code::kSuccess) {
    if (asked) refuse(refusal_of(response.code), std::nullopt, words_of(response.code));
    return;
  }
  if (asked) open_.reset();
  events_.emplace_back(Present{});
}

void PcpClient::take_map(const pcp::Response& response, const pcp::Map& map) {
  const Ask ask = *open_->ask;
  if (map.internal_port != ask.internal_port || map.transport != ask.transport) return;
  if (response.code != Code::kSuccess) {
    refuse(refusal_of(response.code), std::min(Seconds(response.lifetime), kLongestError), words_of(response.code));
    // §11.1.1 only copies what was suggested, but a router whose own address is the trouble may name it here.
    if (!map.external.address.is_unspecified()) std::get<Refused>(events_.back()).external = map.external.address;
    return;
  }
  if (ask.is_removal() != (response.lifetime == 0)) {
    // Once it may be a late answer to the question before.
    if (ask.is_removal() || ++open_->empty_grants < kMaxEmptyGrants) return;
    return refuse(Refusal::kBroken, std::nullopt, "a mapping for zero seconds");
  }
  open_.reset();
  events_.emplace_back(Granted{.ask = ask,
                               .external_port = map.external.port,
                               .external = map.external.address,
                               .lease = Seconds(response.lifetime)});
}

void PcpClient::refuse(Refusal why, std::optional<Duration> again, std::string detail) {
  events_.emplace_back(Refused{.ask = std::exchange(open_, std::nullopt)->ask,
                               .why = why,
                               .again = again,
                               .external = std::nullopt,
                               .detail = std::move(detail)});
}

void PcpClient::handle_timeout(Instant now) {
  if (!open_ || now < open_->resend) return;
  open_->wait = jittered(std::min(2 * open_->wait, kPcpLongestWait));
  open_->resend = now + open_->wait;
  out_ = Transmit{server_, open_->request};
}

std::optional<Transmit> PcpClient::poll_transmit() { return std::exchange(out_, std::nullopt); }

std::optional<LaneEvent> PcpClient::poll_event() {
  if (events_.empty()) return std::nullopt;
  LaneEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

std::optional<Instant> PcpClient::poll_timeout() const { return open_ ? std::optional(open_->resend) : std::nullopt; }

}  // namespace turnpike::portmap
