// The connectivity check (RFC 8445, section 7): a STUN Binding request with short-term credentials, and its answers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/random.h"
#include "base/result.h"
#include "core/stun/attribute.h"
#include "core/stun/message.h"

namespace turnpike::punch {

/// RFC 8445, section 5.3: of 24 and 128 bits, in ice-chars. Told in the sealed signal, so whoever knows the password
/// was told by its owner.
struct Credentials {
  std::string ufrag;
  std::string password;

  [[nodiscard]] static Credentials draw(Random& random);
  /// At least 4 and 22 characters, at most 32 and 64, all ice-chars.
  [[nodiscard]] bool is_valid() const;
  friend bool operator==(const Credentials&, const Credentials&) = default;
};

enum class Role : std::uint8_t { kControlling, kControlled };
[[nodiscard]] constexpr Role other(Role role) {
  return role == Role::kControlling ? Role::kControlled : Role::kControlling;
}

struct CheckRequest {
  stun::TransactionId id{};
  std::uint32_t priority = 0;  ///< What a peer-reflexive candidate found by this check would have.
  Role role = Role::kControlling;
  std::uint64_t tie_breaker = 0;
  bool use_candidate = false;
};

/// `to` is whom it is for: its ufrag and password go in (RFC 8445, section 7.2.2).
[[nodiscard]] Bytes encode(const CheckRequest& request, const Credentials& from, const Credentials& to);
[[nodiscard]] Bytes encode_success(const stun::TransactionId& id, const Endpoint& seen, const Credentials& ours);
[[nodiscard]] Bytes encode_error(const stun::TransactionId& id, stun::ErrorCode code, const Credentials& ours);

enum class CheckError : std::uint8_t {
  kNotACheck,         ///< No Binding message with a fingerprint: not ours to answer.
  kWrongUser,         ///< For another punch, or made up.
  kWrongPassword,     ///< Whoever sent it was not told our password.
  kMalformed,         ///< By whoever knows the password: the peer's fault.
  kUnknownAttribute,  ///< Likewise: 420.
};

/// A request for the owner of `ours`. The peer's half of USERNAME is not looked at: its signal may still be under way.
[[nodiscard]] Result<CheckRequest, CheckError> read_request(const stun::MessageView& message, const Credentials& ours);

struct CheckResponse {
  stun::TransactionId id{};
  std::optional<Endpoint> seen;          ///< Of a success.
  std::optional<stun::ErrorCode> error;  ///< Of an error.
};
/// An answer of the owner of `theirs`.
[[nodiscard]] Result<CheckResponse, CheckError> read_response(const stun::MessageView& message,
                                                              const Credentials& theirs);

}  // namespace turnpike::punch
