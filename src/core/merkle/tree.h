// The BEP 52 hash tree over a store: leaves to piece hashes to root, and the check of one piece.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "core/store/store_id.h"
#include "crypto/leaf_hash.h"

namespace turnpike::merkle {

using store::Content;

/// A content and the hash of each of its pieces, piece_count() of them. Where the content is one piece, BEP 52 keeps no
/// layer; ours is then the root alone, so that `layer[i]` is what piece i must hash to, always.
struct Tree {
  Content content;
  std::vector<Digest> layer;
};

/// Why a piece was refused. Both are the fault of whoever sent it.
enum class PieceError : std::uint8_t { kWrongLength, kWrongHash };

/// Leaves of piece `index`, 1..kLeavesPerPiece. `index` must be below piece_count(), here and below.
[[nodiscard]] std::uint32_t leaf_count(const Content& content, std::uint32_t index);
/// Bytes of leaf `leaf` of piece `index`: kLeafSize but for the last of the store.
[[nodiscard]] std::uint32_t leaf_length(const Content& content, std::uint32_t index, std::uint32_t leaf);

/// The leaf hashes of one piece's bytes.
[[nodiscard]] std::vector<Digest> hash_leaves(crypto::LeafHasher& hasher, ByteView piece);
/// The hash of piece `index` from all its leaf hashes, of which there must be leaf_count().
[[nodiscard]] Digest piece_hash(const Content& content, std::uint32_t index, std::span<const Digest> leaves);
/// Whether `data` is piece `index`. `expected` is its proved hash: from a verified layer page, or the root where the
/// content is one piece. The length is checked too: it is what tells a leaf from an inner node.
[[nodiscard]] Status<PieceError> verify_piece(crypto::LeafHasher& hasher, const Content& content, std::uint32_t index,
                                              const Digest& expected, ByteView data);

/// Reads the leaf hashes of piece `index` as they travel (32 bytes each) and proves them against `expected`.
/// Fails where there are too few or too many, or they are not those leaves.
[[nodiscard]] Result<std::vector<Digest>, PieceError> open_leaves(const Content& content, std::uint32_t index,
                                                                  const Digest& expected, ByteView bytes);
[[nodiscard]] Bytes encode_leaves(std::span<const Digest> leaves);
/// Which leaves of `data` (a whole piece, of the right length) differ from the proved `leaves`, ascending.
[[nodiscard]] std::vector<std::uint32_t> bad_leaves(crypto::LeafHasher& hasher, std::span<const Digest> leaves,
                                                    ByteView data);

/// Builds the tree of a store whose leaf hashes arrive in order. Memory: the layer (32 bytes per MiB of store).
class TreeBuilder {
 public:
  /// `size` must be in 1..kMaxStoreSize.
  explicit TreeBuilder(std::uint64_t size);

  /// Leaf hashes in order, in groups of any size; never more in total than the size has.
  void add_leaves(std::span<const Digest> leaves);
  [[nodiscard]] bool is_complete() const { return layer_.size() == content_.piece_count(); }
  /// Only when complete. The builder must not be used afterwards.
  [[nodiscard]] Tree finish();

 private:
  Content content_;
  std::vector<Digest> layer_;
  std::vector<Digest> leaves_;  ///< Of the piece being filled, at most kLeavesPerPiece.
};

/// The root over a whole layer, padded as BEP 52 pads it. The layer must not be empty.
[[nodiscard]] Digest root_of_layer(std::span<const Digest> layer);

/// The Merkle root of `nodes`, padded on the right with `pad` to `width`, a power of two not below nodes.size().
[[nodiscard]] Digest subtree_root(std::span<const Digest> nodes, std::size_t width, const Digest& pad);
/// What stands for a piece beyond the last one: the root of kLeavesPerPiece zero leaves.
[[nodiscard]] const Digest& pad_piece_hash();

}  // namespace turnpike::merkle
