// Certificates that an honest peer would not show.
#pragma once

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "base/bytes.h"
#include "base/time.h"
#include "core/quic/certificate.h"

namespace turnpike::quic {

inline constexpr const char* kLibp2pOid = "1.3.6.1.4.1.53594.1.1";

/// The content of a certificate's libp2p extension.
inline Bytes extension_of(ByteView der) {
  gnutls_x509_crt_t certificate = nullptr;
  gnutls_x509_crt_init(&certificate);
  const gnutls_datum_t text{const_cast<unsigned char*>(der.data()), static_cast<unsigned>(der.size())};
  gnutls_x509_crt_import(certificate, &text, GNUTLS_X509_FMT_DER);
  Bytes out(2048);
  std::size_t size = out.size();
  unsigned critical = 0;
  if (gnutls_x509_crt_get_extension_by_oid(certificate, kLibp2pOid, 0, out.data(), &size, &critical) < 0) size = 0;
  out.resize(size);
  gnutls_x509_crt_deinit(certificate);
  return out;
}

/// Signed by itself and in its time, with this extension, or none when it is empty.
inline Certificate forged_certificate(const Bytes& extension, WallTime now, WallTime expires = {}) {
  gnutls_x509_privkey_t key = nullptr;
  gnutls_x509_crt_t certificate = nullptr;
  gnutls_x509_privkey_init(&key);
  gnutls_x509_crt_init(&certificate);
  gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
  const auto seconds = static_cast<std::time_t>(now.unix_ms / 1000);
  const auto end = expires.unix_ms == 0 ? seconds + 3600 : static_cast<std::time_t>(expires.unix_ms / 1000);
  gnutls_x509_crt_set_version(certificate, 3);
  gnutls_x509_crt_set_key(certificate, key);
  const std::uint8_t serial = 1;
  gnutls_x509_crt_set_serial(certificate, &serial, 1);
  gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, "forged", 6);
  gnutls_x509_crt_set_activation_time(certificate, std::min(seconds, end) - 7200);
  gnutls_x509_crt_set_expiration_time(certificate, end);
  if (!extension.empty()) {
    gnutls_x509_crt_set_extension_by_oid(certificate, kLibp2pOid, extension.data(), extension.size(), 0);
  }
  gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0);
  Certificate out;
  gnutls_datum_t text{};
  gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_DER, &text);
  out.der.assign(text.data, text.data + text.size);
  gnutls_free(text.data);
  gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_DER, nullptr, GNUTLS_PKCS_PLAIN, &text);
  out.key_der.assign(text.data, text.data + text.size);
  gnutls_free(text.data);
  gnutls_x509_crt_deinit(certificate);
  gnutls_x509_privkey_deinit(key);
  return out;
}

}  // namespace turnpike::quic
