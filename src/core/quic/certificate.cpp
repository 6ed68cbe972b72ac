#include "core/quic/certificate.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>

#include "core/identity/peer_id.h"

namespace turnpike::quic {

namespace {

constexpr const char* kExtensionOid = "1.3.6.1.4.1.53594.1.1";
constexpr std::string_view kSignaturePrefix = "libp2p-tls-handshake:";
constexpr std::size_t kMaxExtensionSize = 2048;
constexpr std::time_t kHour = 3600;
constexpr std::time_t kCentury = std::time_t{100} * 365 * 24 * kHour;
constexpr std::uint8_t kDerSequence = 0x30;
constexpr std::uint8_t kDerOctetString = 0x04;

/// Only a bug or exhausted memory makes these fail.
void must(int result) {
  if (result < 0) std::abort();
}

struct FreeCertificate {
  void operator()(gnutls_x509_crt_t certificate) const { gnutls_x509_crt_deinit(certificate); }
};
struct FreeKey {
  void operator()(gnutls_x509_privkey_t key) const { gnutls_x509_privkey_deinit(key); }
};
struct FreePublicKey {
  void operator()(gnutls_pubkey_t key) const { gnutls_pubkey_deinit(key); }
};
using CertificateHandle = std::unique_ptr<gnutls_x509_crt_int, FreeCertificate>;
using KeyHandle = std::unique_ptr<gnutls_x509_privkey_int, FreeKey>;
using PublicKeyHandle = std::unique_ptr<gnutls_pubkey_st, FreePublicKey>;

CertificateHandle new_certificate() {
  gnutls_x509_crt_t out = nullptr;
  must(gnutls_x509_crt_init(&out));
  return CertificateHandle(out);
}

gnutls_datum_t datum_of(ByteView bytes) {
  return {const_cast<unsigned char*>(bytes.data()), static_cast<unsigned>(bytes.size())};
}

/// Copies and frees what the library allocated.
Bytes take(gnutls_datum_t& datum) {
  Bytes out(datum.data, datum.data + datum.size);
  gnutls_free(datum.data);
  datum = {};
  return out;
}

/// What the identity signs: the prefix and the DER SubjectPublicKeyInfo of the certificate's key.
Bytes signed_text(gnutls_pubkey_t key) {
  gnutls_datum_t info{};
  must(gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &info));
  Bytes out = copy_of(bytes_of(kSignaturePrefix));
  const Bytes der = take(info);
  out.insert(out.end(), der.begin(), der.end());
  return out;
}

void write_der(Bytes& out, std::uint8_t tag, ByteView content) {
  ByteWriter writer(out);
  writer.u8(tag);
  if (content.size() >= 0x80) writer.u8(0x81);  // ours are below 256 bytes
  writer.u8(static_cast<std::uint8_t>(content.size()));
  writer.bytes(content);
}

/// The content of the DER value with this tag at the front, or nothing. Lengths up to 65,535.
std::optional<ByteView> read_der(ByteReader& in, std::uint8_t tag) {
  if (in.u8() != tag) return std::nullopt;
  std::size_t length = in.u8();
  if (length == 0x81) {
    length = in.u8();
    if (length < 0x80) return std::nullopt;
  } else if (length == 0x82) {
    length = in.u16();
    if (length < 0x100) return std::nullopt;
  } else if (length > 0x7f) {
    return std::nullopt;
  }
  const ByteView content = in.take(length);
  if (in.failed()) return std::nullopt;
  return content;
}

struct SignedKey {
  ByteView key;  ///< The libp2p public key protobuf.
  ByteView signature;
};

std::optional<SignedKey> read_extension(ByteView extension) {
  ByteReader outer(extension);
  const auto sequence = read_der(outer, kDerSequence);
  if (!sequence || outer.remaining() != 0) return std::nullopt;
  ByteReader inner(*sequence);
  const auto key = read_der(inner, kDerOctetString);
  if (!key) return std::nullopt;
  const auto signature = read_der(inner, kDerOctetString);
  if (!signature || inner.remaining() != 0) return std::nullopt;
  return SignedKey{*key, *signature};
}

/// An identity multihash is 00, a length and the key protobuf; ours is always 36 bytes of that.
std::optional<identity::PeerId> peer_of(ByteView key_protobuf) {
  Bytes multihash{0x00, static_cast<std::uint8_t>(key_protobuf.size())};
  if (key_protobuf.size() > 0x7f) return std::nullopt;
  multihash.insert(multihash.end(), key_protobuf.begin(), key_protobuf.end());
  return identity::PeerId::from_bytes(multihash);
}

}  // namespace

Certificate make_certificate(const crypto::SigningKey& identity, WallTime now) {
  gnutls_x509_privkey_t raw_key = nullptr;
  must(gnutls_x509_privkey_init(&raw_key));
  const KeyHandle key(raw_key);
  must(gnutls_x509_privkey_generate(key.get(), GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));

  const CertificateHandle certificate = new_certificate();
  const auto seconds = static_cast<std::time_t>(now.unix_ms / 1000);
  must(gnutls_x509_crt_set_version(certificate.get(), 3));
  must(gnutls_x509_crt_set_key(certificate.get(), key.get()));
  const std::uint64_t serial = now.unix_ms | 1U;
  Bytes serial_bytes;
  ByteWriter(serial_bytes).u64(serial & 0x7fffffffffffffffU);
  constexpr std::string_view kName = "libp2p";
  must(gnutls_x509_crt_set_dn_by_oid(certificate.get(), GNUTLS_OID_X520_COMMON_NAME, 0, kName.data(), kName.size()));
  must(gnutls_x509_crt_set_serial(certificate.get(), serial_bytes.data(), serial_bytes.size()));
  must(gnutls_x509_crt_set_activation_time(certificate.get(), std::max<std::time_t>(0, seconds - kHour)));
  must(gnutls_x509_crt_set_expiration_time(certificate.get(), seconds + kCentury));

  gnutls_pubkey_t raw_public = nullptr;
  must(gnutls_pubkey_init(&raw_public));
  const PublicKeyHandle public_key(raw_public);
  must(gnutls_pubkey_import_x509(public_key.get(), certificate.get(), 0));

  const identity::PeerId peer{identity.public_key()};
  const Bytes multihash = peer.to_bytes();
  Bytes sequence;
  write_der(sequence, kDerOctetString, ByteView(multihash).subspan(2));
  write_der(sequence, kDerOctetString, identity.sign(signed_text(public_key.get())));
  Bytes extension;
  write_der(extension, kDerSequence, sequence);
  must(gnutls_x509_crt_set_extension_by_oid(certificate.get(), kExtensionOid, extension.data(), extension.size(), 0));
  must(gnutls_x509_crt_sign2(certificate.get(), certificate.get(), key.get(), GNUTLS_DIG_SHA256, 0));

  Certificate out;
  gnutls_datum_t exported{};
  must(gnutls_x509_crt_export2(certificate.get(), GNUTLS_X509_FMT_DER, &exported));
  out.der = take(exported);
  must(gnutls_x509_privkey_export2_pkcs8(key.get(), GNUTLS_X509_FMT_DER, nullptr, GNUTLS_PKCS_PLAIN, &exported));
  out.key_der = take(exported);
  return out;
}

Result<identity::PeerId, CertificateError> read_certificate(ByteView der, WallTime now) {
  if (der.empty() || der.size() > kMaxCertificateSize) return fail(CertificateError::kMalformed);
  const CertificateHandle certificate = new_certificate();
  const gnutls_datum_t text = datum_of(der);
  if (gnutls_x509_crt_import(certificate.get(), &text, GNUTLS_X509_FMT_DER) < 0) {
    return fail(CertificateError::kMalformed);
  }
  gnutls_x509_crt_t self = certificate.get();
  unsigned wrong = 0;
  const unsigned flags = GNUTLS_VERIFY_DISABLE_CA_SIGN | GNUTLS_VERIFY_DISABLE_TIME_CHECKS |
                         GNUTLS_VERIFY_DO_NOT_ALLOW_SAME |
                         GNUTLS_VERIFY_IGNORE_UNKNOWN_CRIT_EXTENSIONS;         // js and rust mark libp2p's critical
  const int verified = gnutls_x509_crt_verify(self, &self, 1, flags, &wrong);  // by its own key: there is no chain
  if (verified < 0 || wrong != 0) return fail(CertificateError::kMalformed);
  const auto seconds = static_cast<std::time_t>(now.unix_ms / 1000);
  if (gnutls_x509_crt_get_activation_time(self) > seconds || gnutls_x509_crt_get_expiration_time(self) < seconds) {
    return fail(CertificateError::kNotNow);
  }

  Bytes extension(kMaxExtensionSize);
  std::size_t size = extension.size();
  unsigned critical = 0;
  if (gnutls_x509_crt_get_extension_by_oid(self, kExtensionOid, 0, extension.data(), &size, &critical) < 0) {
    return fail(CertificateError::kNoExtension);
  }
  const auto found = read_extension(ByteView(extension).first(size));
  if (!found) return fail(CertificateError::kNoExtension);
  const auto peer = peer_of(found->key);
  if (!peer) return fail(CertificateError::kForeignKey);

  gnutls_pubkey_t raw_public = nullptr;
  must(gnutls_pubkey_init(&raw_public));
  const PublicKeyHandle public_key(raw_public);
  if (gnutls_pubkey_import_x509(public_key.get(), self, 0) < 0) return fail(CertificateError::kMalformed);
  if (!crypto::verify(peer->public_key, signed_text(public_key.get()), found->signature)) {
    return fail(CertificateError::kBadSignature);
  }
  return *peer;
}

}  // namespace turnpike::quic
