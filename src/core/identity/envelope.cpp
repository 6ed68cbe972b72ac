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

struct Read {
  ForeignEnvelope content;
  Bytes signature;
};

Result<Read, EnvelopeError> read_envelope(ByteView envelope) {
  wire::Envelope in;
  if (envelope.size() > kMaxEnvelopeSize) return fail(EnvelopeError::kMalformed);
  if (!in.ParseFromArray(envelope.data(), static_cast<int>(envelope.size()))) return fail(EnvelopeError::kMalformed);
  if (!in.has_public_key()) return fail(EnvelopeError::kMalformed);
  if (in.public_key().type() > static_cast<std::uint32_t>(KeyType::kEcdsa)) return fail(EnvelopeError::kForeignKey);
  const PublicKey stated{static_cast<KeyType>(in.public_key().type()), copy_of(bytes_of(in.public_key().data()))};
  const std::optional<PublicKey> signer = PublicKey::decode(stated.encode());  // of the right size, that is
  if (!signer) return fail(EnvelopeError::kMalformed);
  return Read{{*signer, copy_of(bytes_of(in.payload_type())), copy_of(bytes_of(in.payload()))},
              copy_of(bytes_of(in.signature()))};
}

bool is_signed(const Read& read, std::string_view domain) {
  const ForeignEnvelope& content = read.content;
  return content.signer.verify(signed_bytes(domain, content.payload_type, content.payload), read.signature);
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

Result<ForeignEnvelope, EnvelopeError> open_foreign_envelope(ByteView envelope, std::string_view domain) {
  auto read = read_envelope(envelope);
  if (!read) return fail(read.error());
  if (!is_signed(*read, domain)) return fail(EnvelopeError::kBadSignature);
  return std::move(read->content);
}

Result<Envelope, EnvelopeError> open_envelope(ByteView envelope, std::string_view domain) {
  auto read = read_envelope(envelope);
  if (!read) return fail(read.error());
  const std::optional<PeerId> signer = read->content.signer.peer_id();
  if (!signer) return fail(EnvelopeError::kForeignKey);
  if (!is_signed(*read, domain)) return fail(EnvelopeError::kBadSignature);
  return Envelope{*signer, std::move(read->content.payload_type), std::move(read->content.payload)};
}

}  // namespace turnpike::identity
