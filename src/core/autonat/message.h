// AutoNAT v2 (libp2p specification autonat-v2): "can you reach me there?", as values. No I/O, no clock.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "core/multiaddr/multiaddr.h"

namespace turnpike::autonat {

constexpr std::string_view kDialRequestProtocol = "/libp2p/autonat/2/dial-request";
constexpr std::string_view kDialBackProtocol = "/libp2p/autonat/2/dial-back";
constexpr std::size_t kMaxMessage = 8192;    ///< Without its length prefix.
constexpr std::size_t kMaxAddresses = 50;    ///< Of one request.
constexpr std::size_t kMaxDataPiece = 4096;  ///< Of one message of data, as the specification has it.
constexpr std::uint64_t kMinData = 30'000;   ///< What a server asks for before it dials elsewhere than to where it
constexpr std::uint64_t kMaxData = 100'000;  ///< sees the asker: more than the dialling costs whoever is dialled.

enum class ResponseStatus : std::uint32_t { kInternalError = 0, kRejected = 100, kDialRefused = 101, kOk = 200 };
enum class DialStatus : std::uint32_t { kUnused = 0, kDialError = 100, kDialBackError = 101, kOk = 200 };

/// Addresses in the order in which the asker would have them tried. Those that cannot be read keep their place.
struct DialRequest {
  std::vector<std::optional<multiaddr::Multiaddr>> addresses;
  std::uint64_t nonce = 0;
};
struct DialResponse {
  ResponseStatus status = ResponseStatus::kInternalError;
  std::uint32_t index = 0;  ///< The address that was dialled.
  DialStatus dial_status = DialStatus::kUnused;
  friend bool operator==(const DialResponse&, const DialResponse&) = default;
};
struct DialDataRequest {
  std::uint32_t index = 0;
  std::uint64_t bytes = 0;
  friend bool operator==(const DialDataRequest&, const DialDataRequest&) = default;
};
struct DialData {
  std::size_t size = 0;
};
using Message = std::variant<DialRequest, DialResponse, DialDataRequest, DialData>;

/// With their length prefix.
[[nodiscard]] Bytes encode_request(const std::vector<multiaddr::Multiaddr>& addresses, std::uint64_t nonce);
[[nodiscard]] Bytes encode(const DialResponse& response);
[[nodiscard]] Bytes encode(const DialDataRequest& request);
[[nodiscard]] Bytes encode_data(std::size_t size);
[[nodiscard]] Bytes encode_dial_back(std::uint64_t nonce);
[[nodiscard]] Bytes encode_dial_back_response();

/// Without their length prefix; none is malformed, or has more than kMaxAddresses: the peer's fault.
[[nodiscard]] std::optional<Message> decode(ByteView message);
[[nodiscard]] std::optional<std::uint64_t> decode_dial_back(ByteView message);

/// What has come of an answer to a dial-back so far, which may be an empty message.
enum class DialBackAnswer : std::uint8_t { kIncomplete, kOk, kWrong };
[[nodiscard]] DialBackAnswer read_dial_back_response(ByteView stream);

}  // namespace turnpike::autonat
