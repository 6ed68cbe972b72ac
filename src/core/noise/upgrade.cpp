#include "core/noise/upgrade.h"

#include <algorithm>
#include <utility>

namespace turnpike::noise {

Upgrade::Upgrade(UpgradeConfig config, Random& random)
    : config_(std::move(config)),
      static_(crypto::ExchangeKey::generate(random)),
      handshake_(config_.role, static_, crypto::ExchangeKey::generate(random)) {
  if (handshake_.is_writing()) write({});  // the first message can be read by anyone: it carries no payload
}

void Upgrade::write(ByteView payload) {
  auto message = handshake_.write_message(payload);
  if (message) {
    out_ = std::move(*message);
  } else {
    error_ = UpgradeError::kBadHandshake;
  }
}

void Upgrade::handle_message(ByteView message) {
  if (error_) return;
  error_ = read(message);
  if (!error_ && handshake_.is_writing()) {
    write(make_payload(*config_.identity, static_.public_key, config_.muxers));
  }
}

std::optional<UpgradeError> Upgrade::read(ByteView message) {
  const auto payload = handshake_.read_message(message);
  if (!payload) return UpgradeError::kBadHandshake;
  const std::optional<Digest>& remote_static = handshake_.remote_static();
  if (!remote_static) return std::nullopt;  // the first message proves nothing yet
  return read_proof(*payload, *remote_static);
}

std::optional<UpgradeError> Upgrade::read_proof(ByteView bytes, const Digest& remote_static) {
  const auto payload = read_payload(bytes, remote_static);
  if (!payload) return UpgradeError::kBadIdentity;
  if (config_.expected_peer && *config_.expected_peer != payload->peer) return UpgradeError::kWrongPeer;
  peer_ = payload->peer;
  if (payload->muxers.empty() || config_.muxers.empty()) return std::nullopt;
  muxer_ = common_muxer(payload->muxers);
  if (!muxer_) return UpgradeError::kNoCommonMuxer;
  return std::nullopt;
}

std::optional<std::string> Upgrade::common_muxer(const std::vector<std::string>& theirs) const {
  // The first of the initiator's list that both have (libp2p early muxer negotiation).
  const bool ours_decides = config_.role == Role::kInitiator;
  const std::vector<std::string>& preferred = ours_decides ? config_.muxers : theirs;
  const std::vector<std::string>& known = ours_decides ? theirs : config_.muxers;
  const auto found = std::find_if(preferred.begin(), preferred.end(), [&known](const std::string& muxer) {
    return std::find(known.begin(), known.end(), muxer) != known.end();
  });
  if (found == preferred.end()) return std::nullopt;
  return *found;
}

std::optional<Bytes> Upgrade::poll_message() { return std::exchange(out_, std::nullopt); }

}  // namespace turnpike::noise
