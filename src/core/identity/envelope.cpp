#include "core/identity/envelope.h"

#include "core/identity/envelope.pb.h"

namespace turnpike::identity {
namespace {

constexpr std::uint32_t kEd25519 = 1;

void append_prefixed(Bytes& out, ByteView field) {
  ByteWriter writer(out);
  writer.varint(field.size());
  writer.bytes(field);
}

Bytes signed_bytes(std::string_view domain, ByteView payload_type, ByteView payload) {
  Bytes out;
  out.reserve(domain.size() + payload_type.size() + payload.size() + 3 * 9);
  append_prefixed(out, bytes_of(domain));
  append_prefixed(out, payload_type);
  append_prefixed(out, payload);
  return out;
}

}  // namespace

Bytes sign_envelope(const crypto::SigningKey& key, std::string_view domain, ByteView payload_type, ByteView payload) {
  const crypto::Signature signature = key.sign(signed_bytes(domain, payload_type, payload));
  wire::Envelope out;
  out.mutable_public_key()->set_type(kEd25519);
  out.mutable_public_key()->set_data(key.public_key().data(), key.public_key().size());
  out.set_payload_type(payload_type.data(), payload_type.size());
  out.set_payload(payload.data(), payload.size());
  out.set_signature(signature.data(), signature.size());
  return copy_of(bytes_of(out.SerializeAsString()));
}

Result<Envelope, EnvelopeError> open_envelope(ByteView envelope, std::string_view domain) {
  wire::Envelope in;
  if (envelope.size() > kMaxEnvelopeSize) return fail(EnvelopeError::kMalformed);
  if (!in.ParseFromArray(envelope.data(), static_cast<int>(envelope.size()))) return fail(EnvelopeError::kMalformed);
  if (!in.has_public_key()) return fail(EnvelopeError::kMalformed);
  if (in.public_key().type() != kEd25519) return fail(EnvelopeError::kForeignKey);

  Envelope out;
  ByteReader key(bytes_of(in.public_key().data()));
  out.signer.public_key = key.array<32>();
  if (key.failed() || key.remaining() != 0) return fail(EnvelopeError::kMalformed);
  out.payload_type = copy_of(bytes_of(in.payload_type()));
  out.payload = copy_of(bytes_of(in.payload()));
  const Bytes covered = signed_bytes(domain, out.payload_type, out.payload);
  if (!crypto::verify(out.signer.public_key, covered, bytes_of(in.signature()))) {
    return fail(EnvelopeError::kBadSignature);
  }
  return out;
}

}  // namespace turnpike::identity
