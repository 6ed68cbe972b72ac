#include "core/noise/handshake.h"

#include "crypto/hash.h"
#include "crypto/mac.h"

namespace turnpike::noise {
namespace {

constexpr std::string_view kName = "Noise_XX_25519_ChaChaPoly_SHA256";
static_assert(kName.size() == 32, "a name as long as the hash is the first hash itself (section 5.2)");

struct TwoKeys {
  Digest first;
  Digest second;
};

/// HKDF with two outputs (section 4.3), which is RFC 5869 with an empty info.
TwoKeys derive(const Digest& chaining_key, ByteView input) {
  const Bytes both = crypto::hkdf_sha256(input, chaining_key, {}, 64);
  ByteReader reader(both);
  TwoKeys keys{};
  keys.first = reader.array<32>();
  keys.second = reader.array<32>();
  return keys;
}

}  // namespace

SymmetricState::SymmetricState(ByteView prologue) {
  std::copy(kName.begin(), kName.end(), hash_.begin());
  chaining_key_ = hash_;
  mix_hash(prologue);
}

void SymmetricState::mix_hash(ByteView data) { hash_ = crypto::sha256({ByteView(hash_), data}); }

void SymmetricState::mix_key(ByteView input) {
  const TwoKeys keys = derive(chaining_key_, input);
  chaining_key_ = keys.first;
  cipher_.emplace(keys.second);
  nonce_ = 0;
}

void SymmetricState::encrypt_and_hash(Bytes& out, ByteView plain) {
  const std::size_t at = out.size();
  if (cipher_) {
    out.resize(at + plain.size() + crypto::kTagSize);
    cipher_->seal(nonce_++, hash_, plain, std::span(out).subspan(at));
  } else {
    out.insert(out.end(), plain.begin(), plain.end());
  }
  mix_hash(ByteView(out).subspan(at));
}

std::optional<Bytes> SymmetricState::decrypt_and_hash(ByteView sealed) {
  Bytes plain;
  if (cipher_) {
    if (sealed.size() < crypto::kTagSize) return std::nullopt;
    plain.resize(sealed.size() - crypto::kTagSize);
    if (!cipher_->open(nonce_++, hash_, sealed, plain)) return std::nullopt;
  } else {
    plain = copy_of(sealed);
  }
  mix_hash(sealed);
  return plain;
}

std::pair<Digest, Digest> SymmetricState::split() const {
  const TwoKeys keys = derive(chaining_key_, {});
  return {keys.first, keys.second};
}

Handshake::Handshake(Role role, crypto::ExchangeKey static_key, crypto::ExchangeKey ephemeral_key, ByteView prologue)
    : role_(role), static_(static_key), ephemeral_(ephemeral_key), symmetric_(prologue) {}

bool Handshake::mix_exchange(const Digest& secret, const std::optional<Digest>& theirs) {
  if (!theirs) return false;
  const std::optional<Digest> shared = crypto::agree(secret, *theirs);
  if (!shared) return false;
  symmetric_.mix_key(*shared);
  return true;
}

bool Handshake::mix_es() {
  return role_ == Role::kInitiator ? mix_exchange(ephemeral_.secret, remote_static_)
                                   : mix_exchange(static_.secret, remote_ephemeral_);
}

bool Handshake::mix_se() {
  return role_ == Role::kInitiator ? mix_exchange(static_.secret, remote_ephemeral_)
                                   : mix_exchange(ephemeral_.secret, remote_static_);
}

Result<Bytes, HandshakeError> Handshake::write_message(ByteView payload) {
  if (!is_writing()) return fail(HandshakeError::kOutOfTurn);
  Bytes out;
  if (at_ < 2) {
    out = copy_of(ephemeral_.public_key);
    symmetric_.mix_hash(ephemeral_.public_key);
  }
  if (at_ == 1 && !mix_ee()) return fail(HandshakeError::kSmallOrder);
  if (at_ > 0) symmetric_.encrypt_and_hash(out, static_.public_key);
  if (at_ == 1 && !mix_es()) return fail(HandshakeError::kSmallOrder);
  if (at_ == 2 && !mix_se()) return fail(HandshakeError::kSmallOrder);
  symmetric_.encrypt_and_hash(out, payload);
  ++at_;
  return out;
}

Result<Bytes, HandshakeError> Handshake::read_message(ByteView message) {
  if (is_finished() || is_writing()) return fail(HandshakeError::kOutOfTurn);
  ByteReader in(message);
  if (const auto error = read_keys(in)) return fail(*error);
  auto payload = symmetric_.decrypt_and_hash(in.take(in.remaining()));
  if (!payload) return fail(HandshakeError::kBadTag);
  ++at_;
  return std::move(*payload);
}

std::optional<HandshakeError> Handshake::read_keys(ByteReader& in) {
  if (at_ < 2) {
    const Digest ephemeral = in.array<32>();
    if (in.failed()) return HandshakeError::kTruncated;
    remote_ephemeral_ = ephemeral;
    symmetric_.mix_hash(ephemeral);
  }
  if (at_ == 0) return std::nullopt;
  if (at_ == 1 && !mix_ee()) return HandshakeError::kSmallOrder;

  const ByteView sealed = in.take(32 + crypto::kTagSize);
  if (in.failed()) return HandshakeError::kTruncated;
  const auto opened = symmetric_.decrypt_and_hash(sealed);
  if (!opened) return HandshakeError::kBadTag;
  ByteReader key(*opened);
  remote_static_ = key.array<32>();
  const bool mixed = at_ == 1 ? mix_es() : mix_se();
  if (!mixed) return HandshakeError::kSmallOrder;
  return std::nullopt;
}

Handshake::Keys Handshake::keys() const {
  const auto [initiator, responder] = symmetric_.split();
  return role_ == Role::kInitiator ? Keys{initiator, responder} : Keys{responder, initiator};
}

}  // namespace turnpike::noise
