#include "core/quic/tls.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>

#include <cstdlib>
#include <string_view>

#include "core/quic/certificate.h"
#include "core/quic/tls_owner.h"

namespace turnpike::quic {

namespace {

/// AES-128-GCM first, whoever asks: packets cost a quarter of what ChaCha20 in this library costs.
constexpr const char* kPriority =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:"
    "-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:%DISABLE_TLS13_COMPAT_MODE:%SERVER_PRECEDENCE";
constexpr std::string_view kAlpn = "libp2p";

void must(int result) {
  if (result < 0) std::abort();
}

gnutls_datum_t datum_of(ByteView bytes) {
  return {const_cast<unsigned char*>(bytes.data()), static_cast<unsigned>(bytes.size())};
}

int on_certificate(gnutls_session_t session) {
  auto* ref = static_cast<ConnRef*>(gnutls_session_get_ptr(session));
  return ref->session->verify_peer();
}

channel::CloseReason reason_of(CertificateError error) {
  return error == CertificateError::kMalformed ? channel::CloseReason::kBadHandshake
                                               : channel::CloseReason::kBadIdentity;
}

}  // namespace

struct Credentials::State {
  gnutls_certificate_credentials_t certificate = nullptr;
  gnutls_priority_t priority = nullptr;
};

Credentials::Credentials(const Certificate& made) : state_(std::make_unique<State>()) {
  must(gnutls_certificate_allocate_credentials(&state_->certificate));
  const gnutls_datum_t certificate = datum_of(made.der);
  const gnutls_datum_t key = datum_of(made.key_der);
  must(gnutls_certificate_set_x509_key_mem2(state_->certificate, &certificate, &key, GNUTLS_X509_FMT_DER, nullptr, 0));
  gnutls_certificate_set_verify_function(state_->certificate, on_certificate);
  must(gnutls_priority_init(&state_->priority, kPriority, nullptr));
}

Credentials::~Credentials() {
  gnutls_priority_deinit(state_->priority);
  gnutls_certificate_free_credentials(state_->certificate);
}

TlsSession::TlsSession(const Credentials& credentials, TlsRole role, std::optional<identity::PeerId> expected,
                       WallTime wall, ConnRef& ref)
    : expected_(expected), wall_(wall) {
  const bool server = role == TlsRole::kServer;
  const unsigned flags = GNUTLS_NO_AUTO_SEND_TICKET | GNUTLS_NO_TICKETS | GNUTLS_NO_END_OF_EARLY_DATA;
  must(gnutls_init(&session_, flags | (server ? GNUTLS_SERVER : GNUTLS_CLIENT)));
  must(gnutls_priority_set(session_, credentials.state().priority));
  must(server ? ngtcp2_crypto_gnutls_configure_server_session(session_)
              : ngtcp2_crypto_gnutls_configure_client_session(session_));
  must(gnutls_credentials_set(session_, GNUTLS_CRD_CERTIFICATE, credentials.state().certificate));
  if (server) gnutls_certificate_server_set_request(session_, GNUTLS_CERT_REQUIRE);
  const gnutls_datum_t alpn = datum_of(bytes_of(kAlpn));
  must(gnutls_alpn_set_protocols(session_, &alpn, 1, GNUTLS_ALPN_MANDATORY | GNUTLS_ALPN_SERVER_PRECEDENCE));
  ref.session = this;
  gnutls_session_set_ptr(session_, &ref);
}

TlsSession::~TlsSession() { gnutls_deinit(session_); }

int TlsSession::verify_peer() {
  unsigned count = 0;
  const gnutls_datum_t* certificates = gnutls_certificate_get_peers(session_, &count);
  if (certificates == nullptr || count != 1) {  // the chain is the certificate, signed by itself
    refusal_ = channel::CloseReason::kBadIdentity;
    return GNUTLS_E_CERTIFICATE_ERROR;
  }
  const auto peer = read_certificate({certificates[0].data, certificates[0].size}, wall_);
  if (!peer) {
    refusal_ = reason_of(peer.error());
    return GNUTLS_E_CERTIFICATE_ERROR;
  }
  if (expected_ && *expected_ != *peer) {
    refusal_ = channel::CloseReason::kWrongPeer;
    return GNUTLS_E_CERTIFICATE_ERROR;
  }
  peer_ = *peer;
  return 0;
}

bool TlsSession::agreed_on_libp2p() const {
  gnutls_datum_t chosen{};
  return gnutls_alpn_get_selected_protocol(session_, &chosen) == 0 && text_of({chosen.data, chosen.size}) == kAlpn;
}

std::string_view TlsSession::cipher() const { return gnutls_cipher_get_name(gnutls_cipher_get(session_)); }

}  // namespace turnpike::quic
