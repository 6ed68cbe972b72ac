// TLS 1.3 for QUIC with libp2p's certificates both ways (RFC 9001, libp2p TLS specification).
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/time.h"
#include "core/channel/close_reason.h"
#include "core/identity/peer_id.h"
#include "core/quic/certificate.h"

// The TLS library's own name, so that its headers stay out of here.
struct gnutls_session_int;

namespace turnpike::quic {

/// Our certificate and what we offer: made once for an endpoint, shared by its connections, which it must outlive.
class Credentials {
 public:
  explicit Credentials(const Certificate& certificate);
  ~Credentials();
  Credentials(const Credentials&) = delete;
  Credentials& operator=(const Credentials&) = delete;

  struct State;
  [[nodiscard]] State& state() const { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

enum class TlsRole : std::uint8_t { kClient, kServer };

/// What the library's session points back to (tls_owner.h).
struct ConnRef;

/// One connection's handshake.
class TlsSession {
 public:
  /// `wall` judges the peer's certificate: the handshake is short. `ref` must outlive the session.
  TlsSession(const Credentials& credentials, TlsRole role, std::optional<identity::PeerId> expected, WallTime wall,
             ConnRef& ref);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  [[nodiscard]] gnutls_session_int* native() const { return session_; }
  /// Called by the library when the peer has shown its certificate. 0, or less to end the handshake.
  [[nodiscard]] int verify_peer();
  [[nodiscard]] const std::optional<identity::PeerId>& peer() const { return peer_; }
  /// Why verify_peer() refused.
  [[nodiscard]] std::optional<channel::CloseReason> refusal() const { return refusal_; }
  [[nodiscard]] bool agreed_on_libp2p() const;
  [[nodiscard]] std::string_view cipher() const;

 private:
  gnutls_session_int* session_ = nullptr;
  std::optional<identity::PeerId> expected_;
  WallTime wall_;
  std::optional<identity::PeerId> peer_;
  std::optional<channel::CloseReason> refusal_;
};

}  // namespace turnpike::quic
