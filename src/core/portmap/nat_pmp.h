// NAT-PMP messages as values (RFC 6886). Bytes in, bytes out: no I/O, no clock, no state.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>

#include "base/bytes.h"
#include "base/endpoint.h"
#include "base/result.h"
#include "core/portmap/mapping.h"

namespace turnpike::portmap::nat_pmp {

constexpr std::uint16_t kServerPort = 5351;
constexpr std::uint16_t kAnnouncementPort = 5350;  ///< Of the multicasts to 224.0.0.1 (§3.2.1).

enum class Code : std::uint16_t {
  kSuccess = 0,
  kUnsupportedVersion = 1,
  kNotAuthorised = 2,
  kNetworkFailure = 3,
  kOutOfResources = 4,
  kUnsupportedOpcode = 5,
};

struct AddressRequest {
  friend bool operator==(const AddressRequest&, const AddressRequest&) = default;
};
struct MapRequest {
  Transport transport = Transport::kTcp;
  std::uint16_t internal_port = 0;
  std::uint16_t external_port = 0;  ///< Suggested.
  std::uint32_t lifetime = 0;       ///< Seconds; zero takes the mapping away.
  friend bool operator==(const MapRequest&, const MapRequest&) = default;
};
using Request = std::variant<AddressRequest, MapRequest>;

struct AddressAnswer {
  IpAddress external;
  friend bool operator==(const AddressAnswer&, const AddressAnswer&) = default;
};
struct MapAnswer {
  Transport transport = Transport::kTcp;
  std::uint16_t internal_port = 0;
  std::uint16_t external_port = 0;
  std::uint32_t lifetime = 0;
  friend bool operator==(const MapAnswer&, const MapAnswer&) = default;
};
/// To what a server answers with an error it need not repeat the question (§3.5), and a version it does not know
/// carries no opcode we would know.
struct ErrorAnswer {
  std::uint8_t opcode = 0;  ///< Of the request: 0 address, 1 UDP, 2 TCP; anything with kUnsupportedVersion.
  std::optional<std::uint16_t> internal_port;
  friend bool operator==(const ErrorAnswer&, const ErrorAnswer&) = default;
};
struct Response {
  Code code = Code::kSuccess;  ///< Anything else comes with an ErrorAnswer. An unknown code stays what it is.
  std::uint32_t epoch = 0;     ///< Seconds since the router's table was empty.
  std::variant<AddressAnswer, MapAnswer, ErrorAnswer> body;
  friend bool operator==(const Response&, const Response&) = default;
};

enum class ParseError : std::uint8_t { kTruncated, kNotNatPmp, kNotAResponse, kUnknownOpcode };

[[nodiscard]] Bytes make_request(const Request& request);
[[nodiscard]] Bytes make_response(const Response& response);
/// Reads one whole datagram; what stands behind the message is left alone, for later versions may append (§3.5).
[[nodiscard]] Result<Response, ParseError> parse_response(ByteView datagram);
[[nodiscard]] Result<Request, ParseError> parse_request(ByteView datagram);

}  // namespace turnpike::portmap::nat_pmp
