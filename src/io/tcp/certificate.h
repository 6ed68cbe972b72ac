// A certificate for a server that has none: made once, signed by itself, kept.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace turnpike::io {

struct CertificateFiles {
  std::filesystem::path certificate;
  std::filesystem::path key;
};

/// `state`/tls.crt and `state`/tls.key (0600): P-256, valid for 30 years. Made if neither is there; the folder too. The
/// error is a sentence for the operator.
[[nodiscard]] Result<CertificateFiles, std::string> ensure_self_signed(const std::filesystem::path& state);

}  // namespace turnpike::io
