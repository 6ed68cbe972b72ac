#include "core/signal/message.h"

#include <algorithm>

#include "core/identity/seal.h"
#include "core/identity/statement.h"
#include "core/signal/signal.pb.h"

namespace turnpike::signal {
namespace {

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
  std::visit([&](const RelayOffer& offer) { write(offer, *out.mutable_relay_offer()); }, message);
  return copy_of(bytes_of(out.SerializeAsString()));
}

Result<Message, SignalError> decode_body(ByteView body) {
  wire::Signal in;
  if (!in.ParseFromArray(body.data(), static_cast<int>(body.size()))) return fail(SignalError::kMalformed);
  if (in.kind_case() == wire::Signal::kRelayOffer) return read(in.relay_offer());
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
