// Who answers where a bootstrap should: itself, a captive portal, a stranger, or nobody.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace turnpike::captive {

/// Of a /health answer no more is read.
inline constexpr std::size_t kMaxBody = std::size_t{16} << 10U;

enum class Tls : std::uint8_t {
  kNone,       ///< The URL is a plain one.
  kTrusted,    ///< The pinned key, or a certificate that the system trusts for that host.
  kUntrusted,  ///< A handshake, but with another key or an untrusted certificate.
  kFailed,     ///< No handshake came about.
};

/// An answer to GET /health, whoever gave it.
struct WebAnswer {
  unsigned status = 0;
  std::string location{};   ///< Of a redirect; may be empty.
  bool is_html = false;     ///< By its type, or by how it begins.
  bool is_ours = false;     ///< It says that it is a Turnpike bootstrap.
  bool is_network = false;  ///< Status 511 (RFC 6585 §6): the network itself says that it wants a login.
};
/// Reads an answer's parts; `type` is its Content-Type.
[[nodiscard]] WebAnswer read_answer(unsigned status, std::string_view location, std::string_view type, ByteView body);

struct Facts {
  std::string host{};    ///< The bootstrap's, as in its URL.
  bool reached = false;  ///< TCP at its own port.
  Tls tls = Tls::kNone;
  std::string seen_pin{};              ///< Of the key that was shown, with kUntrusted.
  std::optional<WebAnswer> at_port{};  ///< At its own port, whatever the certificate.
  std::optional<WebAnswer> at_80{};    ///< At port 80 of the same host, where that is another port.
  bool another_works = false;          ///< Another bootstrap is connected over this network.
};

enum class Finding : std::uint8_t {
  kOurs,         ///< It is the bootstrap, and the way to it is free.
  kWrongKey,     ///< A Turnpike bootstrap, but not with the key that was asked for.
  kCaptive,      ///< The network answers in its place.
  kStranger,     ///< Something else lives there; no sign of a portal.
  kUnreachable,  ///< Nothing answers.
};
struct Verdict {
  Finding finding = Finding::kUnreachable;
  std::string text{};  ///< One line for people, with what to do.
};

/// A portal redirects to another host, answers 511, or shows a page where a bootstrap would answer JSON, and cannot
/// prove to be the host. So it is no portal when: what answers says that it is a Turnpike bootstrap (then the key is
/// wrong), it proves the host's key (then the host is misconfigured), or another bootstrap works over the same network.
[[nodiscard]] Verdict judge(const Facts& facts);

}  // namespace turnpike::captive
