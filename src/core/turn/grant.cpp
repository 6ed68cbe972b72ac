#include "core/turn/grant.h"

#include <algorithm>
#include <charconv>

#include "base/base64.h"
#include "base/endpoint_bytes.h"
#include "base/hex.h"
#include "core/turn/turn.pb.h"
#include "crypto/mac.h"

namespace turnpike::turn {
namespace {

std::string as_text(ByteView bytes) { return std::string(text_of(bytes)); }

std::string encode(const Grant& grant) {
  wire::Grant out;
  out.set_session(as_text(grant.session.bytes));
  out.set_requester(as_text(grant.requester.to_bytes()));
  out.set_responder(as_text(grant.responder.to_bytes()));
  out.set_requester_relayed(as_text(endpoint_to_bytes(grant.requester_relayed)));
  out.set_responder_relayed(as_text(endpoint_to_bytes(grant.responder_relayed)));
  out.set_bytes(grant.limits.bytes);
  out.set_bytes_per_second(grant.limits.bytes_per_second);
  out.set_until_ms(grant.until.unix_ms);
  return out.SerializeAsString();
}

std::optional<Grant> decode(ByteView body) {
  wire::Grant in;
  if (!in.ParseFromArray(body.data(), static_cast<int>(body.size()))) return std::nullopt;
  const auto requester = PeerId::from_bytes(bytes_of(in.requester()));
  const auto responder = PeerId::from_bytes(bytes_of(in.responder()));
  const auto requester_relayed = endpoint_from_bytes(bytes_of(in.requester_relayed()));
  const auto responder_relayed = endpoint_from_bytes(bytes_of(in.responder_relayed()));
  if (!requester || !responder || !requester_relayed || !responder_relayed) return std::nullopt;
  if (*requester == *responder || *requester_relayed == *responder_relayed) return std::nullopt;
  Grant out{.session = {},
            .requester = *requester,
            .responder = *responder,
            .requester_relayed = *requester_relayed,
            .responder_relayed = *responder_relayed,
            .limits = {in.bytes(), in.bytes_per_second()},
            .until = {in.until_ms()}};
  if (in.session().size() != out.session.bytes.size()) return std::nullopt;
  std::ranges::copy(bytes_of(in.session()), out.session.bytes.begin());
  return out;
}

// Takes what stands before the next colon off the front of `text`.
std::optional<std::string_view> take_field(std::string_view& text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view field = text.substr(0, colon);
  text.remove_prefix(colon + 1);
  return field;
}

}  // namespace

std::optional<SessionId> SessionId::parse(std::string_view text) {
  if (text.size() != 2 * sizeof(SessionId::bytes)) return std::nullopt;
  const auto read = from_hex(text);
  if (!read) return std::nullopt;
  SessionId out;
  std::ranges::copy(*read, out.bytes.begin());
  return out;
}

std::string SessionId::to_string() const { return to_hex(bytes); }

Bytes sign_grant(const crypto::SigningKey& server, const Grant& grant, std::uint64_t seq, WallTime now) {
  const WallTime expires{std::min(grant.until.unix_ms, now.unix_ms + identity::kMaxStatementLifetimeMs)};
  return identity::sign_statement(server, {.type = std::string(kGrantStatementType),
                                           .audience = std::nullopt,
                                           .seq = seq,
                                           .expires = expires,
                                           .body = copy_of(bytes_of(encode(grant)))});
}

Result<Grant, GrantError> verify_grant(ByteView envelope, const PeerId& server, WallTime now) {
  const auto verified = identity::verify_statement(envelope, kGrantStatementType, std::nullopt, now);
  if (!verified) {
    const bool late = verified.error() == identity::StatementError::kExpired;
    return fail(late ? GrantError::kExpired : GrantError::kBadStatement);
  }
  if (verified->signer != server) return fail(GrantError::kWrongServer);
  const auto grant = decode(verified->statement.body);
  if (!grant) return fail(GrantError::kMalformed);
  return *grant;
}

std::optional<SessionUsername> SessionUsername::parse(std::string_view text) {
  const auto expiry = take_field(text);
  const auto session = expiry ? take_field(text) : std::nullopt;
  if (!session || expiry->empty() || expiry->size() > 12) return std::nullopt;
  SessionUsername out;
  const auto [end, error] = std::from_chars(expiry->data(), expiry->data() + expiry->size(), out.expiry);
  const auto id = SessionId::parse(*session);
  const auto peer = PeerId::parse(text);
  if (error != std::errc{} || end != expiry->data() + expiry->size() || !id || !peer) return std::nullopt;
  out.session = *id;
  out.peer = *peer;
  return out;
}

std::string SessionUsername::to_string() const {
  return std::to_string(expiry) + ':' + session.to_string() + ':' + peer.to_string();
}

std::string session_password(ByteView secret, std::string_view username) {
  return to_base64url(crypto::hmac_sha256(secret, bytes_of(username)));
}

}  // namespace turnpike::turn
