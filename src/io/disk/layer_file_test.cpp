#include "io/disk/layer_file.h"

#include <gtest/gtest.h>

#include "io/disk/disk_test_support.h"

namespace turnpike::io {
namespace {

merkle::Tree tree_of_pieces(std::uint32_t pieces) {
  merkle::Tree tree;
  SeededRandom random(pieces);
  for (std::uint32_t i = 0; i < pieces; ++i) tree.layer.push_back(random.array<32>());
  tree.content = {std::uint64_t{pieces} * store::kPieceSize, merkle::root_of_layer(tree.layer)};
  return tree;
}

TEST(LayerFiles, GiveEachPageOfALayerOfSeveral) {
  const TemporaryFolder folder;
  const LayerFiles layers(folder.path());
  const merkle::Tree tree = tree_of_pieces(5000);
  EXPECT_FALSE(layers.has(tree.content));
  ASSERT_TRUE(layers.write(system_file_ops(), tree));
  EXPECT_TRUE(layers.has(tree.content));
  for (const std::uint32_t first : {0U, 2048U, 4096U}) {
    const auto page = layers.page(tree.content, first);
    ASSERT_TRUE(page);
    EXPECT_EQ(*page, merkle::make_layer_page(tree, first));
  }
  EXPECT_EQ(layers.page(tree.content, 1).error(), DiskError::kBadRequest);
  layers.remove(tree.content);
  EXPECT_FALSE(layers.has(tree.content));
  EXPECT_EQ(layers.page(tree.content, 0).error(), DiskError::kNotFound);
}

TEST(LayerFiles, NeverGiveAPageThatDoesNotProve) {
  const TemporaryFolder folder;
  const LayerFiles layers(folder.path());
  const merkle::Tree tree = tree_of_pieces(2100);
  ASSERT_TRUE(layers.write(system_file_ops(), tree));
  const std::filesystem::path file = std::filesystem::directory_iterator(folder.path())->path();
  const Bytes good = read_file(file);
  for (const std::size_t at : {std::size_t{0}, std::size_t{2048 * 32}, good.size() - 64, good.size() - 1}) {
    Bytes bad = good;
    bad[at] ^= 1U;
    write_file(file, bad);
    EXPECT_FALSE(layers.page(tree.content, 0) && layers.page(tree.content, 2048)) << at;
  }
  write_file(file, ByteView(good).first(good.size() - 1));
  EXPECT_FALSE(layers.has(tree.content));
  EXPECT_EQ(layers.page(tree.content, 0).error(), DiskError::kChanged);
}

TEST(LayerFiles, KeepContentsOfEqualRootAndOtherSizeApart) {
  const TemporaryFolder folder;
  const LayerFiles layers(folder.path());
  const merkle::Tree tree = tree_of_pieces(3);
  ASSERT_TRUE(layers.write(system_file_ops(), tree));
  store::Content other = tree.content;
  other.size -= 1;
  EXPECT_FALSE(layers.has(other));
}

}  // namespace
}  // namespace turnpike::io
