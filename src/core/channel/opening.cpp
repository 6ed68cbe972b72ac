#include "core/channel/opening.h"

#include <utility>

namespace turnpike::channel {
namespace {

const std::vector<std::string>& security_protocols() {
  static const std::vector<std::string> protocols = {"/noise"};
  return protocols;
}

const std::vector<std::string>& muxer_protocols() {
  static const std::vector<std::string> protocols = {"/yamux/1.0.0"};
  return protocols;
}

noise::UpgradeConfig with_muxers(noise::UpgradeConfig config) {
  config.muxers = muxer_protocols();
  return config;
}

CloseReason reason_of(noise::UpgradeError error) {
  switch (error) {
    case noise::UpgradeError::kBadHandshake:
      return CloseReason::kBadHandshake;
    case noise::UpgradeError::kBadIdentity:
      return CloseReason::kBadIdentity;
    case noise::UpgradeError::kWrongPeer:
      return CloseReason::kWrongPeer;
    case noise::UpgradeError::kNoCommonMuxer:
      return CloseReason::kNegotiationRefused;
  }
  return CloseReason::kBadHandshake;
}

}  // namespace

Opening::Party::Party(noise::Role role, const std::vector<std::string>& protocols) {
  if (role == noise::Role::kInitiator) {
    dialer_ = std::make_unique<multistream::Dialer>(protocols);
  } else {
    listener_ = std::make_unique<multistream::Listener>(protocols);
  }
}

void Opening::Party::handle_bytes(ByteView& in) { dialer_ ? dialer_->handle_bytes(in) : listener_->handle_bytes(in); }
Bytes Opening::Party::poll_write() { return dialer_ ? dialer_->poll_write() : listener_->poll_write(); }
multistream::Outcome Opening::Party::outcome() const { return dialer_ ? dialer_->outcome() : listener_->outcome(); }

Opening::Opening(noise::UpgradeConfig config, Random& random)
    : role_(config.role), security_(role_, security_protocols()), upgrade_(with_muxers(std::move(config)), random) {
  send(security_.poll_write());
  send_handshake();
}

void Opening::handle_bytes(ByteView& in) {
  while (is_running() && !in.empty()) {
    switch (stage_) {
      case Stage::kSecurity:
        handle_security(in);
        break;
      case Stage::kHandshake:
        handle_handshake(in);
        break;
      case Stage::kMuxer:
        handle_muxer(in);
        break;
      case Stage::kDone:
        return;
    }
  }
}

void Opening::handle_security(ByteView& in) {
  security_.handle_bytes(in);
  send(security_.poll_write());
  if (settled(security_)) stage_ = Stage::kHandshake;
}

bool Opening::settled(const Party& party) {
  if (party.outcome() == multistream::Outcome::kRefused) failure_ = CloseReason::kNegotiationRefused;
  if (party.outcome() == multistream::Outcome::kBroken) failure_ = CloseReason::kBadNegotiation;
  return party.outcome() == multistream::Outcome::kAgreed;
}

void Opening::handle_handshake(ByteView& in) {
  const auto message = reader_.read(in);
  if (!message) return;
  upgrade_.handle_message(*message);
  send_handshake();
  if (const std::optional<noise::UpgradeError> error = upgrade_.error()) {
    failure_ = reason_of(*error);
    return;
  }
  if (!upgrade_.is_done()) return;
  const noise::Handshake::Keys keys = upgrade_.keys();
  cipher_ = std::make_unique<Cipher>(Cipher{noise::Sealer(keys.send), noise::Opener(keys.receive)});
  if (upgrade_.muxer()) {
    stage_ = Stage::kDone;
  } else {
    start_muxer();
  }
}

void Opening::start_muxer() {
  stage_ = Stage::kMuxer;
  muxer_ = std::make_unique<Party>(role_, muxer_protocols());
  send_sealed(muxer_->poll_write());
}

void Opening::handle_muxer(ByteView& in) {
  const auto message = reader_.read(in);
  if (!message) return;
  Bytes buffer(message->size());
  const auto size = cipher_->opener.open(*message, buffer);
  if (!size) {
    failure_ = CloseReason::kBadCiphertext;
    return;
  }
  ByteView plain = ByteView(buffer).first(*size);
  muxer_->handle_bytes(plain);
  send_sealed(muxer_->poll_write());
  if (!settled(*muxer_)) return;
  plain_ = copy_of(plain);
  stage_ = Stage::kDone;
}

void Opening::send(Bytes bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }

void Opening::send_handshake() {
  if (const auto message = upgrade_.poll_message()) send(noise::framed(*message));
}

void Opening::send_sealed(const Bytes& plain) {
  if (plain.empty()) return;
  Bytes frame(noise::kLengthSize);
  frame.insert(frame.end(), plain.begin(), plain.end());
  frame.resize(frame.size() + crypto::kTagSize);
  if (cipher_->sealer.seal(frame)) send(std::move(frame));
}

std::optional<Bytes> Opening::poll_write() {
  if (out_.empty()) return std::nullopt;
  return std::exchange(out_, {});
}

Opened Opening::take() {
  return {.peer = upgrade_.peer(),
          .sealer = std::move(cipher_->sealer),
          .opener = std::move(cipher_->opener),
          .reader = std::move(reader_),
          .plain = std::move(plain_)};
}

}  // namespace turnpike::channel
