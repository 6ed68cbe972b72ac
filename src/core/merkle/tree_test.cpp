#include "core/merkle/tree.h"

#include <gmock/gmock.h>

#include <bit>

#include "base/hex.h"
#include "base/random.h"
#include "crypto/hash.h"

namespace turnpike::merkle {
namespace {

using store::kLeafSize;
using store::kPieceSize;
using testing::ElementsAre;

constexpr std::uint64_t kMiB = 1U << 20U;
constexpr std::array<std::uint64_t, 9> kSizes = {1,    16383,    16384,        16385,    kMiB - 1,
                                                 kMiB, kMiB + 1, 5 * kMiB + 3, 64 * kMiB};

Bytes pattern(std::uint64_t size) {
  Bytes data(size);
  SeededRandom(size).fill(data);
  return data;
}

Tree tree_of(ByteView data) {
  crypto::LeafHasher hasher;
  TreeBuilder builder(data.size());
  builder.add_leaves(hash_leaves(hasher, data));
  return builder.finish();
}

/// The definition, read literally: all leaves, padded with zeroes to a power of two, hashed pair by pair to the top.
/// `stop` is the number of nodes to stop at.
std::vector<Digest> plain_tree(ByteView data, std::size_t leaves_at_least, std::size_t leaves_per_node) {
  std::vector<Digest> nodes;
  for (std::size_t at = 0; at < data.size(); at += kLeafSize) {
    nodes.push_back(crypto::sha256(data.subspan(at, std::min<std::size_t>(kLeafSize, data.size() - at))));
  }
  nodes.resize(std::bit_ceil(std::max(nodes.size(), leaves_at_least)));
  for (; leaves_per_node > 1 && nodes.size() > 1; leaves_per_node /= 2) {
    for (std::size_t i = 0; i < nodes.size() / 2; ++i) nodes[i] = crypto::sha256({nodes[2 * i], nodes[2 * i + 1]});
    nodes.resize(nodes.size() / 2);
  }
  return nodes;
}

TEST(MerkleTree, EqualsThePlainDefinitionForEverySize) {
  for (const std::uint64_t size : kSizes) {
    const Bytes data = pattern(size);
    const Tree tree = tree_of(data);
    EXPECT_EQ(tree.content.size, size);
    EXPECT_EQ(tree.content.root, plain_tree(data, 1, ~std::size_t{0}).front()) << size;
    ASSERT_EQ(tree.layer.size(), tree.content.piece_count());
    if (size <= kPieceSize) continue;
    const std::vector<Digest> layer = plain_tree(data, 1, kPieceSize / kLeafSize);
    EXPECT_TRUE(std::equal(tree.layer.begin(), tree.layer.end(), layer.begin())) << size;
  }
}

TEST(MerkleTree, OfOnePieceHasTheRootAsItsOnlyPieceHash) {
  for (const std::uint64_t size : {std::uint64_t{1}, std::uint64_t{16385}, kMiB}) {
    const Tree tree = tree_of(pattern(size));
    EXPECT_THAT(tree.layer, ElementsAre(tree.content.root));
  }
}

TEST(MerkleTree, IsTheSameHoweverTheLeavesAreGrouped) {
  const Bytes data = pattern(3 * kMiB + 40000);
  crypto::LeafHasher hasher;
  const std::vector<Digest> leaves = hash_leaves(hasher, data);
  for (const std::size_t group : {std::size_t{1}, std::size_t{7}, std::size_t{64}, std::size_t{100}}) {
    TreeBuilder builder(data.size());
    for (std::size_t at = 0; at < leaves.size(); at += group) {
      EXPECT_FALSE(builder.is_complete());
      builder.add_leaves(std::span(leaves).subspan(at, std::min(group, leaves.size() - at)));
    }
    ASSERT_TRUE(builder.is_complete());
    EXPECT_EQ(builder.finish().content, tree_of(data).content);
  }
}

TEST(MerkleTree, PadsWithTheRootOf64ZeroLeaves) { EXPECT_EQ(pad_piece_hash(), plain_tree({}, 64, 64).front()); }

TEST(MerkleTree, CoversTheLargestStoreWithinALayerOf32MiB) {
  const Content largest{store::kMaxStoreSize, {}};
  EXPECT_EQ(largest.piece_count() * sizeof(Digest), 32 * kMiB);
  const std::vector<Digest> layer(largest.piece_count(), pad_piece_hash());
  Digest expected = pad_piece_hash();
  for (int level = 0; level < 20; ++level) expected = crypto::sha256({expected, expected});
  EXPECT_EQ(root_of_layer(layer), expected);
}

TEST(MerklePiece, IsAcceptedWholeAndRefusedWithAnyLengthOrByteChanged) {
  const Bytes data = pattern(2 * kMiB + 16385);
  const Tree tree = tree_of(data);
  crypto::LeafHasher hasher;
  for (std::uint32_t index = 0; index < 3; ++index) {
    const ByteView view = ByteView(data).subspan(index * kMiB, tree.content.piece_length(index));
    EXPECT_TRUE(verify_piece(hasher, tree.content, index, tree.layer[index], view));
    Bytes piece = copy_of(view);
    piece[piece.size() - 1] ^= 1U;
    EXPECT_EQ(verify_piece(hasher, tree.content, index, tree.layer[index], piece).error(), PieceError::kWrongHash);
    piece = copy_of(view);
    piece.push_back(0);
    EXPECT_EQ(verify_piece(hasher, tree.content, index, tree.layer[index], piece).error(), PieceError::kWrongLength);
    piece.resize(piece.size() - 2);
    EXPECT_EQ(verify_piece(hasher, tree.content, index, tree.layer[index], piece).error(), PieceError::kWrongLength);
  }
}

// SHA-256 of two leaf hashes is both the leaf of a 64-byte file and the inner node of a two-leaf file: the roots are
// equal, and only the size tells the two apart.
TEST(MerklePiece, ThatIsTwoLeafHashesIsNotTheTwoLeafFile) {
  const Bytes file = pattern(2 * kLeafSize);
  crypto::LeafHasher hasher;
  const Bytes imitation = encode_leaves(hash_leaves(hasher, file));
  const Tree real = tree_of(file);
  const Tree fake = tree_of(imitation);
  ASSERT_EQ(imitation.size(), 64U);
  EXPECT_EQ(real.content.root, fake.content.root);
  EXPECT_NE(real.content, fake.content);

  EXPECT_TRUE(verify_piece(hasher, real.content, 0, real.content.root, file));
  EXPECT_EQ(verify_piece(hasher, real.content, 0, real.content.root, imitation).error(), PieceError::kWrongLength);
  EXPECT_EQ(verify_piece(hasher, fake.content, 0, fake.content.root, file).error(), PieceError::kWrongLength);
}

TEST(MerkleLeaves, TravelAndAreProvedAgainstTheirPiece) {
  const Bytes data = pattern(kMiB + 40000);
  const Tree tree = tree_of(data);
  crypto::LeafHasher hasher;
  for (std::uint32_t index = 0; index < 2; ++index) {
    const ByteView piece = ByteView(data).subspan(index * kMiB, tree.content.piece_length(index));
    const std::vector<Digest> leaves = hash_leaves(hasher, piece);
    const Bytes wire = encode_leaves(leaves);
    const auto opened = open_leaves(tree.content, index, tree.layer[index], wire);
    ASSERT_TRUE(opened);
    EXPECT_EQ(*opened, leaves);
    for (std::size_t size = 0; size < wire.size(); size += 31) {
      EXPECT_FALSE(open_leaves(tree.content, index, tree.layer[index], ByteView(wire).first(size)));
    }
    Bytes wrong = wire;
    wrong[40] ^= 1U;
    EXPECT_EQ(open_leaves(tree.content, index, tree.layer[index], wrong).error(), PieceError::kWrongHash);
  }
}

TEST(MerkleLeaves, NameExactlyTheLeavesThatAreBad) {
  const Bytes good = pattern(kMiB);
  crypto::LeafHasher hasher;
  const std::vector<Digest> leaves = hash_leaves(hasher, good);
  Bytes bad = good;
  EXPECT_THAT(bad_leaves(hasher, leaves, bad), ElementsAre());
  for (const std::size_t leaf : {3U, 17U, 63U}) bad[leaf * kLeafSize + 5] ^= 0x80U;
  EXPECT_THAT(bad_leaves(hasher, leaves, bad), ElementsAre(3, 17, 63));
}

TEST(MerkleLeaves, HaveTheLengthsOfTheStore) {
  const Content content{kMiB + kLeafSize + 1, {}};
  EXPECT_EQ(leaf_count(content, 0), 64U);
  EXPECT_EQ(leaf_count(content, 1), 2U);
  EXPECT_EQ(leaf_length(content, 0, 63), kLeafSize);
  EXPECT_EQ(leaf_length(content, 1, 0), kLeafSize);
  EXPECT_EQ(leaf_length(content, 1, 1), 1U);
}

}  // namespace
}  // namespace turnpike::merkle
