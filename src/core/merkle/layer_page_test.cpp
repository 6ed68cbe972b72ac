#include "core/merkle/layer_page.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace turnpike::merkle {
namespace {

/// A tree of `pieces` pieces whose hashes come from a seed: pages do not look below them.
Tree tree_of(std::uint32_t pieces) {
  Tree tree;
  SeededRandom random(pieces);
  for (std::uint32_t i = 0; i < pieces; ++i) tree.layer.push_back(random.array<32>());
  tree.content = {std::uint64_t{pieces} * store::kPieceSize, root_of_layer(tree.layer)};
  return tree;
}

TEST(LayerPage, ProvesEveryPageOfEveryShapeOfLayer) {
  for (const std::uint32_t pieces : {1U, 2U, 3U, 64U, 2047U, 2048U, 2049U, 4096U, 5000U, 10241U}) {
    const Tree tree = tree_of(pieces);
    std::uint32_t covered = 0;
    for (std::uint32_t first = 0; first < pieces; first += kMaxPageHashes) {
      const LayerPage page = make_layer_page(tree, first);
      EXPECT_TRUE(std::equal(page.hashes.begin(), page.hashes.end(), tree.layer.begin() + first));
      const Bytes wire = encode_layer_page(page);
      EXPECT_EQ(wire.size(), page_bytes(tree.content, first));
      const auto opened = open_layer_page(tree.content, first, wire);
      ASSERT_TRUE(opened) << pieces << " from " << first;
      EXPECT_EQ(*opened, page);
      covered += page_hashes(tree.content, first);
    }
    EXPECT_EQ(covered, pieces);
  }
}

TEST(LayerPage, OfOneTiBHas2048HashesAndNineOfProof) {
  const Content largest{store::kMaxStoreSize, {}};
  EXPECT_EQ(page_count(largest), 512U);
  EXPECT_EQ(page_proof(largest), kMaxPageProof);
  EXPECT_EQ(page_bytes(largest, 511 * kMaxPageHashes), kMaxPageBytes);
}

TEST(LayerPage, BeginsOnlyAtMultiplesOf2048WithinTheStore) {
  const Tree tree = tree_of(5000);
  const Bytes wire = encode_layer_page(make_layer_page(tree, 0));
  for (const std::uint32_t first : {1U, 2047U, 2049U, 5000U, 6144U, 0xfffff800U}) {
    EXPECT_FALSE(is_page_start(tree.content, first));
    EXPECT_EQ(open_layer_page(tree.content, first, wire).error(), LayerError::kBadRange) << first;
  }
}

TEST(LayerPage, IsRefusedInAnotherPlace) {
  const Tree tree = tree_of(3 * kMaxPageHashes);
  LayerPage page = make_layer_page(tree, 0);
  page.first_piece = kMaxPageHashes;
  EXPECT_EQ(verify_layer_page(tree.content, page).error(), LayerError::kWrongRoot);
}

TEST(LayerPage, IsRefusedWithAnyHashChanged) {
  const Tree tree = tree_of(5000);
  for (const std::uint32_t first : {0U, 4096U}) {
    const LayerPage page = make_layer_page(tree, first);
    for (std::size_t i = 0; i < page.hashes.size() + page.proof.size(); i += 97) {
      LayerPage wrong = page;
      Digest& hash = i < page.hashes.size() ? wrong.hashes[i] : wrong.proof[i - page.hashes.size()];
      hash[7] ^= 1U;
      EXPECT_EQ(verify_layer_page(tree.content, wrong).error(), LayerError::kWrongRoot) << i;
    }
    for (std::size_t i = 0; i < page.proof.size(); ++i) {
      LayerPage wrong = page;
      wrong.proof[i][0] ^= 1U;
      EXPECT_FALSE(verify_layer_page(tree.content, wrong));
    }
  }
}

TEST(LayerPage, IsRefusedShorterOrLonger) {
  const Tree tree = tree_of(2100);
  const Bytes wire = encode_layer_page(make_layer_page(tree, 2048));
  for (std::size_t size = 0; size < wire.size(); ++size) {
    EXPECT_EQ(open_layer_page(tree.content, 2048, ByteView(wire).first(size)).error(), LayerError::kWrongLength);
  }
  Bytes longer = wire;
  longer.push_back(0);
  EXPECT_EQ(open_layer_page(tree.content, 2048, longer).error(), LayerError::kWrongLength);
}

// A node one level up, given as if it were a piece hash, leads to the same root: the size keeps the levels apart.
TEST(LayerPage, OfInnerNodesIsNotALayerOfAStoreOfThatSize) {
  const Tree tree = tree_of(4);
  Tree shorter;
  for (std::size_t i = 0; i < 4; i += 2) {
    shorter.layer.push_back(subtree_root(std::span(tree.layer).subspan(i, 2), 2, {}));
  }
  ASSERT_EQ(root_of_layer(shorter.layer), tree.content.root);
  EXPECT_EQ(verify_layer_page(tree.content, {0, shorter.layer, {}}).error(), LayerError::kWrongLength);
}

TEST(LayerPage, OfAnInvalidContentIsRefused) {
  EXPECT_EQ(open_layer_page({0, {}}, 0, {}).error(), LayerError::kBadRange);
  EXPECT_EQ(open_layer_page({store::kMaxStoreSize + 1, {}}, 0, {}).error(), LayerError::kBadRange);
}

}  // namespace
}  // namespace turnpike::merkle
