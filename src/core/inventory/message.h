// /turnpike/inventory/1: which stores a peer has, page by page, as values (docs/protocols/inventory.md). No I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "core/identity/peer_id.h"
#include "core/store/manifest.h"

namespace turnpike::inventory {

constexpr std::string_view kProtocol = "/turnpike/inventory/1";
constexpr std::string_view kStatementType = "inventory";  ///< Under which a page is signed.
constexpr std::size_t kPageChanges = 512;                 ///< Stores and those that are gone, together, of one page.
constexpr std::size_t kMaxStores = 20'000;                ///< Of one peer; further ones are neither told nor taken.
constexpr std::size_t kMaxRequestSize = 64;               ///< Encoded, without its length prefix.
/// A signed page, without its length prefix: 72 bytes a store, and what surrounds them.
constexpr std::size_t kMaxPageSize = kPageChanges * store::kManifestSize + 1024;
constexpr std::uint64_t kPageLifetimeMs = 10 * 60 * 1000;

/// "What has changed since I last heard of it, and tell me what changes from now on."
struct Request {
  std::uint64_t epoch = 0;  ///< As the last page had it; 0: nothing is known yet.
  std::uint64_t since = 0;  ///< Its `to`.
  bool follow = false;      ///< Stay, and tell of every change.
  friend bool operator==(const Request&, const Request&) = default;
};

/// Changes in the order in which they came about. A page that begins at 0 is the first of a whole listing.
struct Page {
  std::uint64_t epoch = 0;  ///< Of the teller's run: numbers of another one say nothing.
  std::uint64_t from = 0;   ///< Exclusive.
  std::uint64_t to = 0;     ///< Inclusive: where the next page goes on.
  bool more = false;        ///< Another page follows at once.
  std::vector<store::Manifest> stores = {};
  std::vector<store::StoreId> gone = {};
  friend bool operator==(const Page&, const Page&) = default;
};

/// The peer's fault, each of them, but for kClock.
enum class ProtocolError : std::uint8_t {
  kTooLong,     ///< A message above its limit.
  kMalformed,   ///< Not the protobuf it should be, or with a value out of range.
  kNotSigned,   ///< Not a statement of this peer to us.
  kClock,       ///< Signed long ago, or in the future: one of the two clocks is wrong.
  kOutOfOrder,  ///< A page that does not go on where the last one ended.
  kTooMany,     ///< kMaxStores.
  kTooFast,     ///< Pages without end.
  kTruncated,   ///< The stream ended inside a page.
};
[[nodiscard]] std::string_view words_of(ProtocolError error);

/// With its length prefix, ready for the stream.
[[nodiscard]] Bytes encode(const Request& request);
/// Without its length prefix.
[[nodiscard]] Result<Request, ProtocolError> decode_request(ByteView message);

/// The body of the statement.
[[nodiscard]] Bytes encode_page(const Page& page);
[[nodiscard]] Result<Page, ProtocolError> decode_page(ByteView body);

/// Signed for `audience`, with its length prefix. `seq` is from the signer's SequenceSource.
[[nodiscard]] Bytes sign_page(const crypto::SigningKey& key, const Page& page, const identity::PeerId& audience,
                              std::uint64_t seq, WallTime now);
struct SignedPage {
  Page page;
  std::uint64_t seq = 0;
};
/// Of a message without its length prefix. `from` is who must have signed it, `to` whom it must be for.
[[nodiscard]] Result<SignedPage, ProtocolError> open_page(ByteView message, const identity::PeerId& from,
                                                          const identity::PeerId& to, WallTime now);

}  // namespace turnpike::inventory
