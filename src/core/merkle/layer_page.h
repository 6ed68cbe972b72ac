// Pages of a store's piece layer, each proved against the root by itself. Wire form: docs/protocols/layer.md.
#pragma once

#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "core/merkle/tree.h"
#include "core/store/store_id.h"

namespace turnpike::merkle {

/// Piece hashes in one page: 64 KiB of hashes prove 2 GiB of store. Pages begin at multiples of it.
constexpr std::uint32_t kMaxPageHashes = 2048;
/// A store of kMaxStoreSize has 512 pages, so a page's proof has at most 9 hashes.
constexpr std::size_t kMaxPageProof = 9;
constexpr std::size_t kMaxPageBytes = (kMaxPageHashes + kMaxPageProof) * sizeof(Digest);

/// kBadRange: no page begins there. The other two are the fault of whoever sent the page.
enum class LayerError : std::uint8_t { kBadRange, kWrongLength, kWrongRoot };

struct LayerPage {
  std::uint32_t first_piece = 0;
  std::vector<Digest> hashes;  ///< Of pieces first_piece, first_piece + 1, …
  std::vector<Digest> proof;   ///< The siblings on the way from the page's subtree to the root, lowest first.

  friend bool operator==(const LayerPage&, const LayerPage&) = default;
};

/// Whether a page of `content` begins at `first_piece`.
[[nodiscard]] bool is_page_start(const Content& content, std::uint32_t first_piece);
[[nodiscard]] constexpr std::uint32_t page_of_piece(std::uint32_t piece) {
  return piece / kMaxPageHashes * kMaxPageHashes;
}
[[nodiscard]] std::uint32_t page_count(const Content& content);
/// How many hashes, and how many of proof, the page at `first_piece` (a page start) has: the content decides both.
[[nodiscard]] std::uint32_t page_hashes(const Content& content, std::uint32_t first_piece);
[[nodiscard]] std::size_t page_proof(const Content& content);
/// The exact size of the encoded page.
[[nodiscard]] std::size_t page_bytes(const Content& content, std::uint32_t first_piece);

/// The subtree root of each page of a whole layer: what all proofs are made of. At most 512.
[[nodiscard]] std::vector<Digest> page_roots(const Content& content, std::span<const Digest> layer);
/// `hashes` are the page's own, `roots` are page_roots() of the layer they come from.
[[nodiscard]] LayerPage make_layer_page(const Content& content, std::uint32_t first_piece,
                                        std::span<const Digest> hashes, std::span<const Digest> roots);
/// The same from a whole layer in memory.
[[nodiscard]] LayerPage make_layer_page(const Tree& tree, std::uint32_t first_piece);

/// Whether the page has the shape its content demands and leads to the content's root.
[[nodiscard]] Status<LayerError> verify_layer_page(const Content& content, const LayerPage& page);

[[nodiscard]] Bytes encode_layer_page(const LayerPage& page);
/// Reads the page asked for at `first_piece`. Checks the length only; open_layer_page also verifies.
[[nodiscard]] Result<LayerPage, LayerError> decode_layer_page(const Content& content, std::uint32_t first_piece,
                                                              ByteView bytes);
/// What a requester does with an answer: decodes it and proves it.
[[nodiscard]] Result<LayerPage, LayerError> open_layer_page(const Content& content, std::uint32_t first_piece,
                                                            ByteView bytes);

}  // namespace turnpike::merkle
