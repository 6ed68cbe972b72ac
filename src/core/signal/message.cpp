#include "core/signal/message.h"

#include <algorithm>
#include <cstdlib>

#include "base/endpoint_bytes.h"
#include "core/identity/seal.h"
#include "core/identity/statement.h"
#include "core/signal/signal.pb.h"

namespace turnpike::signal {
namespace {

constexpr std::uint64_t kMaxRttUs = 60'000'000;    // nobody waits for longer ones
constexpr std::uint64_t kMaxRetryMs = 86'400'000;  // as good as never

std::string text(ByteView bytes) { return std::string(text_of(bytes)); }

template <std::size_t N>
bool read_array(const std::string& from, std::array<std::uint8_t, N>& to) {
  if (from.size() != N) return false;
  std::ranges::copy(bytes_of(from), to.begin());
  return true;
}

// What a peer names may end up on a terminal or in a log.
bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

void write(const RelayOffer& offer, wire::RelayOffer& out) {
  out.set_bootstrap(text(offer.bootstrap.to_bytes()));
  out.set_bootstrap_url(offer.bootstrap_url.substr(0, kMaxUrlSize));
  out.set_session(text(offer.session.bytes));
  out.set_credential(text(offer.credential.bytes));
  out.set_quote_bytes(offer.quote.bytes);
  out.set_quote_bytes_per_second(offer.quote.bytes_per_second);
  out.set_quote_until_ms(offer.quote.until.unix_ms);
}

void write(const TurnQuery& query, wire::Signal& out) { out.mutable_turn_query()->set_request(query.request); }
void write(const TurnDistances& told, wire::Signal& out) {
  out.mutable_turn_distances()->set_request(told.request);
  for (const Distance& each : told.distances) {
    wire::Distance& to = *out.mutable_turn_distances()->add_distances();
    to.set_server(text(each.server.to_bytes()));
    to.set_rtt_us(static_cast<std::uint64_t>(each.rtt.count()));
  }
}
void write(const TurnRequest& request, wire::Signal& out) {
  out.mutable_turn_request()->set_request(request.request);
  out.mutable_turn_request()->set_responder(text(request.responder.to_bytes()));
}
void write(const TurnGranted& granted, wire::Signal& out) {
  wire::TurnGranted& to = *out.mutable_turn_granted();
  to.set_request(granted.request);
  to.set_grant(text(granted.grant));
  to.set_username(granted.credential.username);
  to.set_password(granted.credential.password);
  to.set_for_responder(text(granted.for_responder));
}
void write(const TurnRefused& refused, wire::Signal& out) {
  wire::TurnRefused& to = *out.mutable_turn_refused();
  to.set_request(refused.request);
  to.set_reason(static_cast<std::uint32_t>(refused.reason));
  to.set_retry_after_ms(static_cast<std::uint64_t>(std::max<std::int64_t>(refused.retry_after.count(), 0)));
}
void write(const TurnOffer& offer, wire::Signal& out) { out.mutable_turn_offer()->set_granted(text(offer.granted)); }
void write(const DialMe& wish, wire::Signal& out) {
  for (const Endpoint& each : wish.tcp) out.mutable_dial_me()->add_tcp(text(endpoint_to_bytes(each)));
  for (const Endpoint& each : wish.quic) out.mutable_dial_me()->add_quic(text(endpoint_to_bytes(each)));
}
void write(const PunchEnd& end, wire::Punch& out) {
  out.set_number(end.number);
  out.set_ufrag(end.credentials.ufrag);
  out.set_password(end.credentials.password);
  for (const punch::Candidate& each : end.candidates) {
    wire::Candidate& to = *out.add_candidates();
    to.set_endpoint(text(endpoint_to_bytes(each.endpoint)));
    to.set_kind(static_cast<std::uint32_t>(each.kind));
  }
  out.set_mapping(static_cast<std::uint32_t>(end.behaviour.mapping));
  out.set_allocation(static_cast<std::uint32_t>(end.behaviour.allocation));
  out.set_stride(end.behaviour.stride);
  out.set_last_port(end.behaviour.last_port);
}
void write(const PunchOffer& offer, wire::Signal& out) { write(offer.end, *out.mutable_punch_offer()); }
void write(const PunchAnswer& answer, wire::Signal& out) { write(answer.end, *out.mutable_punch_answer()); }
void write(const RelayOffer& offer, wire::Signal& out) { write(offer, *out.mutable_relay_offer()); }

Result<Message, SignalError> read(const wire::TurnDistances& in) {
  if (in.distances_size() > static_cast<int>(kMaxDistances)) return fail(SignalError::kMalformed);
  TurnDistances out{.request = in.request(), .distances = {}};
  for (const wire::Distance& each : in.distances()) {
    const auto server = PeerId::from_bytes(bytes_of(each.server()));
    if (!server || each.rtt_us() > kMaxRttUs) return fail(SignalError::kMalformed);
    out.distances.push_back({*server, Duration(static_cast<Duration::rep>(each.rtt_us()))});
  }
  return Message{std::move(out)};
}

Result<Message, SignalError> read(const wire::TurnRequest& in) {
  const auto responder = PeerId::from_bytes(bytes_of(in.responder()));
  if (!responder) return fail(SignalError::kMalformed);
  return Message{TurnRequest{in.request(), *responder}};
}

Result<Message, SignalError> read(const wire::TurnGranted& in) {
  const auto is_text = [](const std::string& each) {
    return !each.empty() && each.size() <= kMaxCredentialText && is_printable(each);
  };
  if (in.grant().size() > kMaxGrantSize || in.for_responder().size() > kMaxSealedSize || !is_text(in.username()) ||
      !is_text(in.password())) {
    return fail(SignalError::kMalformed);
  }
  return Message{TurnGranted{.request = in.request(),
                             .grant = copy_of(bytes_of(in.grant())),
                             .credential = {.username = in.username(), .password = in.password()},
                             .for_responder = copy_of(bytes_of(in.for_responder()))}};
}

Result<Message, SignalError> read(const wire::TurnRefused& in) {
  if (in.reason() > static_cast<std::uint32_t>(turn::RefusalReason::kNoAddress)) return fail(SignalError::kMalformed);
  const std::uint64_t wait = std::min<std::uint64_t>(in.retry_after_ms(), kMaxRetryMs);
  return Message{TurnRefused{in.request(), static_cast<turn::RefusalReason>(in.reason()),
                             std::chrono::milliseconds(static_cast<std::int64_t>(wait))}};
}

Result<Message, SignalError> read(const wire::TurnOffer& in) {
  if (in.granted().size() > kMaxSealedSize) return fail(SignalError::kMalformed);
  return Message{TurnOffer{copy_of(bytes_of(in.granted()))}};
}

template <class Texts>
bool read_endpoints(const Texts& from, std::vector<Endpoint>& to) {
  if (from.size() > static_cast<int>(kMaxDialled)) return false;
  for (const std::string& each : from) {
    const auto endpoint = endpoint_from_bytes(bytes_of(each));
    if (!endpoint || endpoint->port == 0) return false;
    to.push_back(*endpoint);
  }
  return true;
}

Result<Message, SignalError> read(const wire::DialMe& in) {
  DialMe out;
  if (!read_endpoints(in.tcp(), out.tcp) || !read_endpoints(in.quic(), out.quic)) return fail(SignalError::kMalformed);
  return Message{std::move(out)};
}

bool read(const wire::Punch& in, PunchEnd& out) {
  out.number = in.number();
  out.credentials = {in.ufrag(), in.password()};
  const auto most = static_cast<std::uint32_t>(punch::Mapping::kAddressAndPortDependent);
  if (!out.credentials.is_valid() || in.mapping() > most || in.last_port() > 0xffff ||
      in.allocation() > static_cast<std::uint32_t>(punch::PortAllocation::kRandom) ||
      in.candidates_size() > static_cast<int>(punch::kMaxCandidates) ||
      std::abs(std::int64_t{in.stride()}) > punch::kMaxStride) {
    return false;
  }
  out.behaviour = {.mapping = static_cast<punch::Mapping>(in.mapping()),
                   .allocation = static_cast<punch::PortAllocation>(in.allocation()),
                   .stride = in.stride(),
                   .last_port = static_cast<std::uint16_t>(in.last_port())};
  for (const wire::Candidate& each : in.candidates()) {
    const auto endpoint = endpoint_from_bytes(bytes_of(each.endpoint()));
    if (!endpoint || each.kind() > static_cast<std::uint32_t>(punch::CandidateKind::kPredicted)) return false;
    out.candidates.push_back({*endpoint, static_cast<punch::CandidateKind>(each.kind())});
  }
  return out.behaviour.allocation != punch::PortAllocation::kSequential || out.behaviour.stride != 0;
}

Result<Message, SignalError> read_offer(const wire::Punch& in) {
  PunchOffer out;
  if (!read(in, out.end)) return fail(SignalError::kMalformed);
  return Message{std::move(out)};
}
Result<Message, SignalError> read_answer(const wire::Punch& in) {
  PunchAnswer out;
  if (!read(in, out.end)) return fail(SignalError::kMalformed);
  return Message{std::move(out)};
}

Result<Message, SignalError> read(const wire::RelayOffer& in) {
  RelayOffer offer;
  const auto bootstrap = PeerId::from_bytes(bytes_of(in.bootstrap()));
  if (!bootstrap || in.bootstrap_url().size() > kMaxUrlSize || !is_printable(in.bootstrap_url()) ||
      !read_array(in.session(), offer.session.bytes) || !read_array(in.credential(), offer.credential.bytes)) {
    return fail(SignalError::kMalformed);
  }
  offer.bootstrap = *bootstrap;
  offer.bootstrap_url = in.bootstrap_url();
  offer.quote = {in.quote_bytes(), in.quote_bytes_per_second(), WallTime{in.quote_until_ms()}};
  return Message{offer};
}

SignalError blame(identity::StatementError error) {
  const bool clock = error == identity::StatementError::kExpired || error == identity::StatementError::kTooFarAhead;
  return clock ? SignalError::kStale : SignalError::kBadStatement;
}

}  // namespace

Bytes encode_body(const Message& message) {
  wire::Signal out;
  std::visit([&](const auto& each) { write(each, out); }, message);
  return copy_of(bytes_of(out.SerializeAsString()));
}

Result<Message, SignalError> decode_body(ByteView body) {
  wire::Signal in;
  if (!in.ParseFromArray(body.data(), static_cast<int>(body.size()))) return fail(SignalError::kMalformed);
  switch (in.kind_case()) {
    case wire::Signal::kRelayOffer:
      return read(in.relay_offer());
    case wire::Signal::kTurnQuery:
      return Message{TurnQuery{in.turn_query().request()}};
    case wire::Signal::kTurnDistances:
      return read(in.turn_distances());
    case wire::Signal::kTurnRequest:
      return read(in.turn_request());
    case wire::Signal::kTurnGranted:
      return read(in.turn_granted());
    case wire::Signal::kTurnRefused:
      return read(in.turn_refused());
    case wire::Signal::kTurnOffer:
      return read(in.turn_offer());
    case wire::Signal::kDialMe:
      return read(in.dial_me());
    case wire::Signal::kPunchOffer:
      return read_offer(in.punch_offer());
    case wire::Signal::kPunchAnswer:
      return read_answer(in.punch_answer());
    case wire::Signal::KIND_NOT_SET:
      break;
  }
  return fail(SignalError::kUnknownKind);
}

Bytes seal_message(Random& random, const crypto::SigningKey& key, const PeerId& recipient, std::uint64_t seq,
                   WallTime now, const Message& message) {
  const identity::Statement statement{.type = std::string(kStatementType),
                                      .audience = recipient,
                                      .seq = seq,
                                      .expires = WallTime{now.unix_ms + kLifetimeMs},
                                      .body = encode_body(message)};
  return identity::seal(random, recipient, identity::sign_statement(key, statement));
}

Result<Received, SignalError> open_message(const crypto::SigningKey& key, identity::ReplayWindow& seen, WallTime now,
                                           ByteView sealed) {
  if (sealed.size() > kMaxSealedSize) return fail(SignalError::kTooLarge);
  const auto plain = identity::unseal(key, sealed);
  if (!plain) return fail(SignalError::kNotForUs);
  const PeerId self{key.public_key()};
  const auto verified = identity::verify_statement(*plain, kStatementType, self, now);
  if (!verified) return fail(blame(verified.error()));
  // Remembered even if the body is of no use: the seq is the sender's own, and the bytes stay the same.
  if (!seen.accept(now, verified->signer, verified->statement.seq)) return fail(SignalError::kReplayed);
  auto message = decode_body(verified->statement.body);
  if (!message) return fail(message.error());
  return Received{verified->signer, *std::move(message)};
}

}  // namespace turnpike::signal
