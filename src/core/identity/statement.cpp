#include "core/identity/statement.h"

#include "core/identity/envelope.h"
#include "core/identity/statement.pb.h"

namespace turnpike::identity {
namespace {

StatementError cause_of(EnvelopeError error) {
  return error == EnvelopeError::kMalformed ? StatementError::kMalformed : StatementError::kBadSignature;
}

std::optional<Statement> read_fields(const wire::Statement& in) {
  if (in.type().empty() || in.type().size() > kMaxStatementTypeSize) return std::nullopt;
  Statement out{.type = in.type(), .audience = {}, .seq = in.seq(), .expires = {in.expires_unix_ms()}, .body = {}};
  if (!in.audience().empty()) {
    out.audience = PeerId::from_bytes(bytes_of(in.audience()));
    if (!out.audience) return std::nullopt;
  }
  out.body = copy_of(bytes_of(in.body()));
  return out;
}

// `a` is after `b` by more than `margin`. Neither sum nor difference can overflow.
constexpr bool is_beyond(std::uint64_t a, std::uint64_t b, std::uint64_t margin) { return a > b && a - b > margin; }

std::optional<StatementError> judge_time(const Statement& statement, WallTime now) {
  const std::uint64_t expires = statement.expires.unix_ms;
  if (is_beyond(now.unix_ms, expires, kClockToleranceMs)) return StatementError::kExpired;
  if (is_beyond(expires, now.unix_ms, kMaxStatementLifetimeMs + kClockToleranceMs)) return StatementError::kTooFarAhead;
  if (is_beyond(statement.seq, now.unix_ms, kClockToleranceMs)) return StatementError::kTooFarAhead;
  return std::nullopt;
}

}  // namespace

Bytes sign_statement(const crypto::SigningKey& key, const Statement& statement) {
  wire::Statement out;
  out.set_network(kNetwork.data(), kNetwork.size());
  out.set_type(statement.type);
  if (statement.audience) {
    const Bytes audience = statement.audience->to_bytes();
    out.set_audience(audience.data(), audience.size());
  }
  out.set_seq(statement.seq);
  out.set_expires_unix_ms(statement.expires.unix_ms);
  out.set_body(statement.body.data(), statement.body.size());
  const std::string payload = out.SerializeAsString();
  return sign_envelope(key, kStatementDomain, bytes_of(kStatementPayloadType), bytes_of(payload));
}

Result<Verified, StatementError> verify_statement(ByteView envelope, std::string_view type,
                                                  const std::optional<PeerId>& audience, WallTime now) {
  const auto opened = open_envelope(envelope, kStatementDomain);
  if (!opened) return fail(cause_of(opened.error()));
  wire::Statement in;
  if (text_of(opened->payload_type) != kStatementPayloadType) return fail(StatementError::kMalformed);
  if (!in.ParseFromArray(opened->payload.data(), static_cast<int>(opened->payload.size()))) {
    return fail(StatementError::kMalformed);
  }
  if (in.network() != kNetwork) return fail(StatementError::kWrongNetwork);
  auto statement = read_fields(in);
  if (!statement) return fail(StatementError::kMalformed);
  if (statement->type != type) return fail(StatementError::kWrongType);
  if (statement->audience != audience) return fail(StatementError::kWrongAudience);
  if (const auto error = judge_time(*statement, now)) return fail(*error);
  return Verified{.signer = opened->signer, .statement = *std::move(statement)};
}

}  // namespace turnpike::identity
