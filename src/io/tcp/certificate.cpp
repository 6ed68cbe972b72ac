#include "io/tcp/certificate.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

namespace turnpike::io {
namespace {

namespace fs = std::filesystem;
using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using X509Ptr = std::unique_ptr<X509, decltype(&X509_free)>;

constexpr long kValidSeconds = 30L * 365 * 24 * 3600;
constexpr long kClockSkew = 24L * 3600;

X509Ptr make_certificate(EVP_PKEY* key) {
  X509Ptr out(X509_new(), X509_free);
  std::uint64_t serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
  X509_set_version(out.get(), X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(out.get()), serial >> 1U);
  X509_gmtime_adj(X509_getm_notBefore(out.get()), -kClockSkew);
  X509_gmtime_adj(X509_getm_notAfter(out.get()), kValidSeconds);
  X509_set_pubkey(out.get(), key);
  X509_NAME* const name = X509_get_subject_name(out.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("turnpike"), -1, -1, 0);
  X509_set_issuer_name(out.get(), name);
  if (X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:turnpike")) {
    X509_add_ext(out.get(), extension, -1);
    X509_EXTENSION_free(extension);
  }
  return X509_sign(out.get(), key, EVP_sha256()) > 0 ? std::move(out) : X509Ptr(nullptr, X509_free);
}

/// Writes beside the file and renames, so that a crash leaves either nothing or all of it.
template <class Write>
bool write_file(const fs::path& path, mode_t mode, Write write) {
  const fs::path beside = path.string() + ".new";
  ::unlink(beside.c_str());
  const int fd = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) return false;
  std::FILE* const file = ::fdopen(fd, "w");
  const bool written = write(file) == 1 && std::fflush(file) == 0 && ::fsync(fd) == 0;
  return std::fclose(file) == 0 && written && ::rename(beside.c_str(), path.c_str()) == 0;
}

}  // namespace

Result<CertificateFiles, std::string> ensure_self_signed(const fs::path& state) {
  CertificateFiles files{state / "tls.crt", state / "tls.key"};
  std::error_code failed;
  fs::create_directories(state, failed);
  const bool has_key = fs::exists(files.key, failed);
  if (has_key && fs::exists(files.certificate, failed)) return files;

  // A key without its certificate is what a crash between the two leaves: it goes on being the key, for the pin's sake.
  KeyPtr key(nullptr, EVP_PKEY_free);
  if (has_key) {
    if (std::FILE* const file = std::fopen(files.key.c_str(), "r")) {
      key.reset(PEM_read_PrivateKey(file, nullptr, nullptr, nullptr));
      std::fclose(file);
    }
    if (!key)
      return fail("cannot read the private key " + files.key.string() + ": restore it, or remove it and its pin");
  } else {
    key.reset(EVP_EC_gen("P-256"));
    const bool kept = write_file(files.key, 0600, [&](std::FILE* file) {
      return PEM_write_PKCS8PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
    if (!kept) return fail("cannot write " + files.key.string() + ": check that the folder is writable");
  }
  const X509Ptr certificate = make_certificate(key.get());
  const bool kept = certificate && write_file(files.certificate, 0644,
                                              [&](std::FILE* file) { return PEM_write_X509(file, certificate.get()); });
  if (!kept) return fail("cannot write " + files.certificate.string() + ": check that the folder is writable");
  return files;
}

}  // namespace turnpike::io
