// PCP messages as values (RFC 6887): ANNOUNCE and MAP. Bytes in, bytes out: no I/O, no clock, no state.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>

#include "base/bytes.h"
#include "base/endpoint.h"
#include "base/result.h"
#include "core/portmap/mapping.h"

namespace turnpike::portmap::pcp {

constexpr std::uint16_t kServerPort = 5351;
constexpr std::size_t kMaxMessage = 1100;  ///< §7: a longer one is dropped.

using Nonce = std::array<std::uint8_t, 12>;

enum class Code : std::uint8_t {
  kSuccess = 0,
  kUnsupportedVersion = 1,
  kNotAuthorised = 2,
  kMalformedRequest = 3,
  kUnsupportedOpcode = 4,
  kUnsupportedOption = 5,
  kMalformedOption = 6,
  kNetworkFailure = 7,
  kNoResources = 8,
  kUnsupportedProtocol = 9,
  kOverQuota = 10,
  kCannotProvideExternal = 11,
  kAddressMismatch = 12,
  kExcessivePeers = 13,
};

struct Announce {
  friend bool operator==(const Announce&, const Announce&) = default;
};
/// §11.1. The same fields ask and answer.
struct Map {
  Nonce nonce{};
  Transport transport = Transport::kTcp;
  std::uint16_t internal_port = 0;
  /// In a request suggested, in an answer assigned. An unspecified address of the right family suggests none.
  Endpoint external;
  friend bool operator==(const Map&, const Map&) = default;
};
using Body = std::variant<Announce, Map>;

struct Request {
  std::uint32_t lifetime = 0;
  IpAddress client;  ///< Must be where the datagram comes from (§8.1).
  Body body;
  friend bool operator==(const Request&, const Request&) = default;
};
struct Response {
  Code code = Code::kSuccess;  ///< An unknown code stays what it is.
  std::uint32_t lifetime = 0;  ///< Of the mapping; with an error: how long it will stay so.
  std::uint32_t epoch = 0;
  Body body;
  friend bool operator==(const Response&, const Response&) = default;
};

/// kOtherVersion: a server that speaks NAT-PMP only, or a version of PCP that is not ours, says so (§9).
enum class ParseError : std::uint8_t { kTruncated, kTooLong, kBadLength, kOtherVersion, kNotAResponse, kUnknown };

[[nodiscard]] Bytes make_request(const Request& request);
[[nodiscard]] Bytes make_response(const Response& response);
/// Reads one whole datagram. Options are skipped; one that does not fit its message is kBadLength.
[[nodiscard]] Result<Response, ParseError> parse_response(ByteView datagram);
[[nodiscard]] Result<Request, ParseError> parse_request(ByteView datagram);

}  // namespace turnpike::portmap::pcp
