// The handshake of libp2p's /noise: proves both identities and agrees on a muxer in the same three messages.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"
#include "core/identity/peer_id.h"
#include "core/noise/handshake.h"
#include "core/noise/payload.h"
#include "crypto/sign.h"

namespace turnpike::noise {

enum class UpgradeError : std::uint8_t {
  kBadHandshake,   ///< Noise itself failed: bytes were changed, or never were noise.
  kBadIdentity,    ///< The payload does not prove an Ed25519 identity.
  kWrongPeer,      ///< It proves another one than expected.
  kNoCommonMuxer,  ///< Both sent a list, and the lists do not meet.
};

struct UpgradeConfig {
  Role role = Role::kInitiator;
  const crypto::SigningKey* identity = nullptr;  ///< Borrowed; outlives the upgrade.
  std::optional<identity::PeerId> expected_peer;
  std::vector<std::string> muxers;  ///< Best first. Advertised, and held to.
};

/// Whole noise messages in, whole noise messages out; their two-byte lengths belong to the transport. The static key is
/// made for this one connection. The responder stays silent when the initiator's proof does not hold.
class Upgrade {
 public:
  Upgrade(UpgradeConfig config, Random& random);

  void handle_message(ByteView message);
  [[nodiscard]] std::optional<Bytes> poll_message();

  [[nodiscard]] bool is_done() const { return handshake_.is_finished() && !error_; }
  [[nodiscard]] const std::optional<UpgradeError>& error() const { return error_; }
  /// Once done.
  [[nodiscard]] const identity::PeerId& peer() const { return peer_; }
  /// The early muxer. Nothing when one side sent no list: it is then negotiated inside noise.
  [[nodiscard]] const std::optional<std::string>& muxer() const { return muxer_; }
  [[nodiscard]] Handshake::Keys keys() const { return handshake_.keys(); }

 private:
  void write(ByteView payload);
  [[nodiscard]] std::optional<UpgradeError> read(ByteView message);
  [[nodiscard]] std::optional<UpgradeError> read_proof(ByteView payload, const Digest& remote_static);
  [[nodiscard]] std::optional<std::string> common_muxer(const std::vector<std::string>& theirs) const;

  UpgradeConfig config_;
  crypto::ExchangeKey static_;
  Handshake handshake_;
  identity::PeerId peer_;
  std::optional<std::string> muxer_;
  std::optional<UpgradeError> error_;
  std::optional<Bytes> out_;
};

}  // namespace turnpike::noise
