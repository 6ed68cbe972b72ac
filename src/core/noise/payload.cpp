#include "core/noise/payload.h"

#include "core/noise/noise.pb.h"

namespace turnpike::noise {
namespace {

constexpr std::string_view kSignedPrefix = "noise-libp2p-static-key:";

/// An identity multihash is its code, its length, and then the key protobuf itself.
constexpr std::size_t kMultihashHead = 2;

Bytes signed_bytes(const Digest& static_key) {
  Bytes out = copy_of(bytes_of(kSignedPrefix));
  out.insert(out.end(), static_key.begin(), static_key.end());
  return out;
}

}  // namespace

Bytes key_protobuf(const identity::PeerId& peer) {
  const Bytes multihash = peer.to_bytes();
  return copy_of(ByteView(multihash).subspan(kMultihashHead));
}

std::optional<identity::PeerId> peer_of_key_protobuf(ByteView bytes) {
  if (bytes.size() > 0xff) return std::nullopt;
  Bytes multihash{0x00, static_cast<std::uint8_t>(bytes.size())};
  multihash.insert(multihash.end(), bytes.begin(), bytes.end());
  return identity::PeerId::from_bytes(multihash);
}

Bytes make_payload(const crypto::SigningKey& identity, const Digest& static_key,
                   const std::vector<std::string>& muxers) {
  const Bytes key = key_protobuf({identity.public_key()});
  const crypto::Signature signature = identity.sign(signed_bytes(static_key));
  wire::NoiseHandshakePayload payload;
  payload.set_identity_key(key.data(), key.size());
  payload.set_identity_sig(signature.data(), signature.size());
  for (const std::string& muxer : muxers) payload.mutable_extensions()->add_stream_muxers(muxer);
  return copy_of(bytes_of(payload.SerializeAsString()));
}

Result<Payload, PayloadError> read_payload(ByteView bytes, const Digest& remote_static) {
  wire::NoiseHandshakePayload parsed;
  if (!parsed.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return fail(PayloadError::kMalformed);
  if (!parsed.has_identity_key() || !parsed.has_identity_sig()) return fail(PayloadError::kMalformed);
  const auto peer = peer_of_key_protobuf(bytes_of(parsed.identity_key()));
  if (!peer) return fail(PayloadError::kUnsupportedKey);
  if (!crypto::verify(peer->public_key, signed_bytes(remote_static), bytes_of(parsed.identity_sig()))) {
    return fail(PayloadError::kBadSignature);
  }
  Payload payload{.peer = *peer, .muxers = {}};
  for (const std::string& muxer : parsed.extensions().stream_muxers()) {
    if (payload.muxers.size() == kMaxMuxers) break;
    payload.muxers.push_back(muxer);
  }
  return payload;
}

}  // namespace turnpike::noise
