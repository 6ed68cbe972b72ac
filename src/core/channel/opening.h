// The way from a bare byte pipe to an encrypted one: multistream-select, Noise, and the muxer where noise did not
// settle it.
#pragma once

#include <memory>
#include <optional>

#include "base/bytes.h"
#include "base/random.h"
#include "core/channel/close_reason.h"
#include "core/identity/peer_id.h"
#include "core/multistream/negotiation.h"
#include "core/noise/transport.h"
#include "core/noise/upgrade.h"

namespace turnpike::channel {

/// What stands at the end: the peer, both halves of the cipher, and what was read too far.
struct Opened {
  identity::PeerId peer;
  noise::Sealer sealer;
  noise::Opener opener;
  noise::FrameReader reader;
  Bytes plain;  ///< Opened already, and the muxer's.
};

/// Every step is pipelined: an initiator's proposal and its first handshake message leave together, a responder's
/// agreement and its handshake message too, and with the initiator's last message it may send data: one round trip in
/// all.
class Opening {
 public:
  Opening(noise::UpgradeConfig config, Random& random);

  /// Takes bytes off the front of `in` until it is empty, or the opening done or failed.
  void handle_bytes(ByteView& in);
  [[nodiscard]] std::optional<Bytes> poll_write();

  [[nodiscard]] bool is_done() const { return stage_ == Stage::kDone; }
  [[nodiscard]] const std::optional<CloseReason>& failure() const { return failure_; }
  /// The last security protocol that the peer proposed and that we do not speak.
  [[nodiscard]] std::string refused() const { return security_.refused(); }
  /// Once done, and once. What poll_write() still has goes out before anything is sealed.
  [[nodiscard]] Opened take();

 private:
  enum class Stage : std::uint8_t { kSecurity, kHandshake, kMuxer, kDone };

  /// Either side of a negotiation.
  class Party {
   public:
    Party(noise::Role role, const std::vector<std::string>& protocols);
    void handle_bytes(ByteView& in);
    [[nodiscard]] Bytes poll_write();
    [[nodiscard]] multistream::Outcome outcome() const;
    [[nodiscard]] std::string refused() const { return listener_ ? listener_->refused() : std::string(); }

   private:
    std::unique_ptr<multistream::Dialer> dialer_;
    std::unique_ptr<multistream::Listener> listener_;
  };

  struct Cipher {
    noise::Sealer sealer;
    noise::Opener opener;
  };

  [[nodiscard]] bool is_running() const { return stage_ != Stage::kDone && !failure_; }
  void handle_security(ByteView& in);
  void handle_handshake(ByteView& in);
  void handle_muxer(ByteView& in);
  void start_muxer();
  /// True when agreed.
  [[nodiscard]] bool settled(const Party& party);
  void send(Bytes bytes);
  void send_handshake();
  void send_sealed(const Bytes& plain);

  noise::Role role_;
  Party security_;
  noise::Upgrade upgrade_;
  std::unique_ptr<Party> muxer_;
  std::unique_ptr<Cipher> cipher_;  ///< Once noise is done.
  noise::FrameReader reader_;
  Bytes plain_;
  Bytes out_;
  Stage stage_ = Stage::kSecurity;
  std::optional<CloseReason> failure_;
};

}  // namespace turnpike::channel
