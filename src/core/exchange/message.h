// /turnpike/store/1: what one peer asks another about a store, and what it is answered, as values. No I/O, no clock.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "base/bytes.h"
#include "base/result.h"
#include "core/store/store_id.h"

namespace turnpike::exchange {

constexpr std::string_view kProtocol = "/turnpike/store/1";

constexpr std::uint64_t kMaxRangeLength = 4U << 20U;  ///< One Range request, so that a refusal or a stop comes soon.
constexpr std::size_t kMaxRequestSize = 256;          ///< An encoded Request, without its length prefix.
constexpr std::size_t kMaxHeaderSize = 256;           ///< An encoded Header, without its length prefix.
constexpr std::uint64_t kMaxManifestSize = 4096;      ///< The body that answers a Manifest.
constexpr std::uint64_t kMaxLayerPageSize = 128U << 10U;  ///< 2048 hashes and their proof, with room.
constexpr std::uint64_t kMaxLeavesSize = store::kLeavesPerPiece * sizeof(Digest);

/// The peer's signed statement of which content it holds.
struct AskManifest {
  friend bool operator==(const AskManifest&, const AskManifest&) = default;
};
/// One page of the piece layer with its proof (docs/protocols/layer.md).
struct AskLayerPage {
  std::uint32_t first_piece = 0;
  friend bool operator==(const AskLayerPage&, const AskLayerPage&) = default;
};
/// The leaf hashes of one piece, 32 bytes each.
struct AskLeaves {
  std::uint32_t piece = 0;
  friend bool operator==(const AskLeaves&, const AskLeaves&) = default;
};
/// The bytes [offset, offset + length) of the store.
struct AskRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;  ///< 1..kMaxRangeLength
  friend bool operator==(const AskRange&, const AskRange&) = default;
};
using Ask = std::variant<AskManifest, AskLayerPage, AskLeaves, AskRange>;

/// `content` is what the asker takes the store to be; a holder of anything else answers kWrongRoot.
/// Only AskManifest goes without it.
struct Request {
  store::StoreId store;
  std::optional<store::Content> content;
  Ask ask;
  friend bool operator==(const Request&, const Request&) = default;
};

enum class StatusCode : std::uint8_t {
  kOk = 1,
  kNotFound = 2,
  kBusy = 3,
  kOverQuota = 4,
  kWrongRoot = 5,
  kBadRequest = 6
};

/// Stands before each body. `content` is what the answerer holds, also (and above all) when it says kWrongRoot.
struct Header {
  StatusCode status = StatusCode::kOk;
  std::optional<store::Content> content;
  std::uint64_t offset = 0;          ///< Where in the store a Range's body starts; else zero.
  std::uint64_t length = 0;          ///< Exactly so many raw bytes follow; zero unless kOk.
  std::uint32_t retry_after_ms = 0;  ///< With kBusy and kOverQuota: not before; zero where the answerer cannot tell.
  friend bool operator==(const Header&, const Header&) = default;
};

/// The peer's fault, each of them.
enum class ProtocolError : std::uint8_t {
  kTooLong,     ///< A message above its limit.
  kMalformed,   ///< Not the protobuf it should be, or with a field missing or out of range.
  kUnexpected,  ///< An answer to nothing, or not the one that was asked for.
  kTruncated,   ///< The stream ended inside a message or a body.
};

/// True where `request` asks for something `request.content` has: a known piece, a range inside it, a length in limits.
[[nodiscard]] bool is_answerable(const Request& request);
/// The longest body that an honest kOk to `request` can have; for AskRange and AskLeaves it is the only length.
[[nodiscard]] std::uint64_t longest_body(const Request& request);

/// With their length prefix (unsigned varint), ready for the stream.
[[nodiscard]] Bytes encode(const Request& request);
[[nodiscard]] Bytes encode(const Header& header);
/// Without their length prefix.
[[nodiscard]] Result<Request, ProtocolError> decode_request(ByteView message);
[[nodiscard]] Result<Header, ProtocolError> decode_header(ByteView message);

}  // namespace turnpike::exchange
