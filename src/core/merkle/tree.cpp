#include "core/merkle/tree.h"

#include <algorithm>
#include <bit>
#include <cassert>

#include "crypto/hash.h"

namespace turnpike::merkle {
namespace {

using store::kLeafSize;
using store::kLeavesPerPiece;
using store::kPieceSize;

std::uint64_t leaves_in(std::uint64_t bytes) { return (bytes + kLeafSize - 1) / kLeafSize; }

/// Leaves under one piece hash, padding included. A store of one piece is padded to the next power of two only, so that
/// its piece hash is its root.
std::size_t piece_width(const Content& content) {
  return content.size > kPieceSize ? kLeavesPerPiece : std::bit_ceil(leaves_in(content.size));
}

}  // namespace

std::uint32_t leaf_count(const Content& content, std::uint32_t index) {
  return static_cast<std::uint32_t>(leaves_in(content.piece_length(index)));
}

std::uint32_t leaf_length(const Content& content, std::uint32_t index, std::uint32_t leaf) {
  const std::uint64_t rest = content.piece_length(index) - std::uint64_t{leaf} * kLeafSize;
  return static_cast<std::uint32_t>(std::min(rest, kLeafSize));
}

Digest subtree_root(std::span<const Digest> nodes, std::size_t width, const Digest& pad) {
  assert(std::has_single_bit(width) && nodes.size() <= width && !nodes.empty());
  std::vector<Digest> level(nodes.begin(), nodes.end());
  Digest filler = pad;
  for (; width > 1; width /= 2) {
    if (level.size() % 2 == 1) level.push_back(filler);
    for (std::size_t i = 0; i < level.size() / 2; ++i) {
      // Two digests side by side are one 64-byte message: no copy.
      level[i] = crypto::sha256({level[2 * i].data(), 2 * sizeof(Digest)});
    }
    level.resize(level.size() / 2);
    filler = crypto::sha256({filler, filler});
  }
  return level.front();
}

const Digest& pad_piece_hash() {
  static const Digest hash = subtree_root(std::vector<Digest>(1), kLeavesPerPiece, Digest{});
  return hash;
}

std::vector<Digest> hash_leaves(crypto::LeafHasher& hasher, ByteView piece) {
  std::vector<Digest> leaves(leaves_in(piece.size()));
  hasher.hash(piece, kLeafSize, leaves);
  return leaves;
}

Digest piece_hash(const Content& content, std::uint32_t index, std::span<const Digest> leaves) {
  assert(leaves.size() == leaf_count(content, index));
  static_cast<void>(index);
  return subtree_root(leaves, piece_width(content), Digest{});
}

Status<PieceError> verify_piece(crypto::LeafHasher& hasher, const Content& content, std::uint32_t index,
                                const Digest& expected, ByteView data) {
  if (data.size() != content.piece_length(index)) return fail(PieceError::kWrongLength);
  if (piece_hash(content, index, hash_leaves(hasher, data)) != expected) return fail(PieceError::kWrongHash);
  return Ok{};
}

Result<std::vector<Digest>, PieceError> open_leaves(const Content& content, std::uint32_t index, const Digest& expected,
                                                    ByteView bytes) {
  if (bytes.size() != leaf_count(content, index) * sizeof(Digest)) return fail(PieceError::kWrongLength);
  ByteReader in(bytes);
  std::vector<Digest> leaves(leaf_count(content, index));
  for (Digest& leaf : leaves) leaf = in.array<sizeof(Digest)>();
  if (piece_hash(content, index, leaves) != expected) return fail(PieceError::kWrongHash);
  return leaves;
}

Bytes encode_leaves(std::span<const Digest> leaves) {
  Bytes out;
  out.reserve(leaves.size() * sizeof(Digest));
  for (const Digest& leaf : leaves) out.insert(out.end(), leaf.begin(), leaf.end());
  return out;
}

std::vector<std::uint32_t> bad_leaves(crypto::LeafHasher& hasher, std::span<const Digest> leaves, ByteView data) {
  const std::vector<Digest> actual = hash_leaves(hasher, data);
  assert(actual.size() == leaves.size());
  std::vector<std::uint32_t> bad;
  for (std::uint32_t leaf = 0; leaf < leaves.size(); ++leaf) {
    if (actual[leaf] != leaves[leaf]) bad.push_back(leaf);
  }
  return bad;
}

TreeBuilder::TreeBuilder(std::uint64_t size) : content_{size, {}} {
  assert(content_.is_valid());
  layer_.reserve(content_.piece_count());
  leaves_.reserve(kLeavesPerPiece);
}

void TreeBuilder::add_leaves(std::span<const Digest> leaves) {
  while (!leaves.empty()) {
    assert(!is_complete());
    const auto index = static_cast<std::uint32_t>(layer_.size());
    const std::size_t wanted = leaf_count(content_, index) - leaves_.size();
    const auto taken = leaves.first(std::min(wanted, leaves.size()));
    leaves_.insert(leaves_.end(), taken.begin(), taken.end());
    leaves = leaves.subspan(taken.size());
    if (taken.size() < wanted) return;
    layer_.push_back(piece_hash(content_, index, leaves_));
    leaves_.clear();
  }
}

Tree TreeBuilder::finish() {
  assert(is_complete());
  content_.root = root_of_layer(layer_);
  return {content_, std::move(layer_)};
}

Digest root_of_layer(std::span<const Digest> layer) {
  return subtree_root(layer, std::bit_ceil(layer.size()), pad_piece_hash());
}

}  // namespace turnpike::merkle
