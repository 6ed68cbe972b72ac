// The values inside STUN attributes: addresses, errors, lists. Each reader takes one attribute's value and gives
// nothing when it is malformed.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/endpoint.h"
#include "core/stun/message.h"

namespace turnpike::stun {

/// Longest texts, in bytes (RFC 8489, sections 14.3 to 14.14). A longer one is malformed.
constexpr std::size_t kMaxUsernameSize = 508;
constexpr std::size_t kMaxTextSize = 763;  ///< REALM, NONCE, SOFTWARE, a reason.

[[nodiscard]] std::optional<std::uint32_t> read_u32(ByteView value);
[[nodiscard]] std::optional<std::uint64_t> read_u64(ByteView value);
/// One that fits and has no zero byte.
[[nodiscard]] std::optional<std::string_view> read_text(ByteView value, std::size_t max_size = kMaxTextSize);

/// MAPPED-ADDRESS, ALTERNATE-SERVER, RESPONSE-ORIGIN, OTHER-ADDRESS.
[[nodiscard]] std::optional<Endpoint> read_address(ByteView value);
void add_address(MessageWriter& out, AttributeType type, const Endpoint& endpoint);

/// XOR-MAPPED-ADDRESS, XOR-PEER-ADDRESS, XOR-RELAYED-ADDRESS (RFC 8489, section 14.2). `id` is the message's.
[[nodiscard]] std::optional<Endpoint> read_xor_address(ByteView value, const TransactionId& id);
void add_xor_address(MessageWriter& out, AttributeType type, const Endpoint& endpoint);

/// The codes the RFCs name; any from 300 to 699 may come off the wire.
enum class ErrorCode : std::uint16_t {
  kTryAlternate = 300,
  kBadRequest = 400,
  kUnauthenticated = 401,
  kForbidden = 403,
  kUnknownAttribute = 420,
  kAllocationMismatch = 437,
  kStaleNonce = 438,
  kAddressFamilyNotSupported = 440,
  kWrongCredentials = 441,
  kUnsupportedTransport = 442,
  kPeerAddressFamilyMismatch = 443,
  kAllocationQuotaReached = 486,
  kRoleConflict = 487,
  kServerError = 500,
  kInsufficientCapacity = 508,
};
[[nodiscard]] std::string_view default_reason(ErrorCode code);

struct Error {
  ErrorCode code{};
  std::string_view reason;  ///< Borrowed from the message.
};
[[nodiscard]] std::optional<Error> read_error(ByteView value);
void add_error(MessageWriter& out, ErrorCode code);

/// UNKNOWN-ATTRIBUTES tells at most this many.
constexpr std::size_t kMaxUnknownTold = 16;
[[nodiscard]] std::vector<AttributeType> read_unknown_attributes(ByteView value);
void add_unknown_attributes(MessageWriter& out, std::span<const AttributeType> types);

/// The comprehension-required attributes of `message` that are not among `known`, at most kMaxUnknownTold.
[[nodiscard]] std::vector<AttributeType> unknown_attributes(const MessageView& message,
                                                            std::span<const AttributeType> known);

/// CHANGE-REQUEST (RFC 5780, section 7.2): answer from your other address, your other port, or both.
struct ChangeRequest {
  bool address = false;
  bool port = false;

  friend bool operator==(const ChangeRequest&, const ChangeRequest&) = default;
};
[[nodiscard]] std::optional<ChangeRequest> read_change_request(ByteView value);
void add_change_request(MessageWriter& out, ChangeRequest change);

/// PASSWORD-ALGORITHM(S) (RFC 8489, sections 14.11 and 14.12). The two registered ones have no parameters; others are
/// passed over.
enum class PasswordAlgorithm : std::uint16_t { kMd5 = 1, kSha256 = 2 };
[[nodiscard]] std::optional<std::vector<PasswordAlgorithm>> read_password_algorithms(ByteView value);
[[nodiscard]] std::optional<PasswordAlgorithm> read_password_algorithm(ByteView value);
void add_password_algorithms(MessageWriter& out, std::span<const PasswordAlgorithm> algorithms);
void add_password_algorithm(MessageWriter& out, PasswordAlgorithm algorithm);

}  // namespace turnpike::stun
