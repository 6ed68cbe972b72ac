// MESSAGE-INTEGRITY, MESSAGE-INTEGRITY-SHA256 and FINGERPRINT (RFC 8489, sections 14.5 to 14.7), and the keys of its
// credential mechanisms.
#pragma once

#include <string_view>

#include "core/stun/attribute.h"
#include "core/stun/message.h"

namespace turnpike::stun {

/// A short-term key is the password's bytes; a long-term key is one of these (RFC 8489, section 18.5.1). Texts outside
/// of ASCII must come prepared with the OpaqueString profile (RFC 8265).
[[nodiscard]] Bytes long_term_key(PasswordAlgorithm algorithm, std::string_view username, std::string_view realm,
                                  std::string_view password);
/// USERHASH: SHA-256(username ":" realm), so that an observer does not learn the name.
[[nodiscard]] Digest userhash(std::string_view username, std::string_view realm);

/// The shortest MESSAGE-INTEGRITY-SHA256 that counts; it may be truncated to it (RFC 8489, section 14.6).
constexpr std::size_t kMinSha256Integrity = 16;

/// False when the message has none, or one that is not of this key. In constant time.
[[nodiscard]] bool verify_integrity(const MessageView& message, ByteView key);
[[nodiscard]] bool verify_integrity_sha256(const MessageView& message, ByteView key);
/// False when the message has none, or a wrong one.
[[nodiscard]] bool verify_fingerprint(const MessageView& message);

/// Each is computed over all that stands before it, so this is also the order to call them in.
void add_integrity(MessageWriter& out, ByteView key);
void add_integrity_sha256(MessageWriter& out, ByteView key);
void add_fingerprint(MessageWriter& out);

}  // namespace turnpike::stun
