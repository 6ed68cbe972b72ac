#include "core/store/manifest.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace turnpike::store {
namespace {

Manifest sample(std::uint64_t size) {
  SeededRandom random(1);
  return {{random.array<32>()}, {size, random.array<32>()}};
}

TEST(Manifest, ComesBackAsItWasWritten) {
  for (const std::uint64_t size : {std::uint64_t{1}, kPieceSize, kMaxStoreSize}) {
    const Bytes wire = encode_manifest(sample(size));
    EXPECT_EQ(wire.size(), kManifestSize);
    const auto manifest = decode_manifest(wire);
    ASSERT_TRUE(manifest);
    EXPECT_EQ(*manifest, sample(size));
  }
}

TEST(Manifest, IsRefusedEmptyTooLargeOrOfAnotherLength) {
  EXPECT_EQ(decode_manifest(encode_manifest(sample(0))).error(), ManifestError::kBadSize);
  EXPECT_EQ(decode_manifest(encode_manifest(sample(kMaxStoreSize + 1))).error(), ManifestError::kBadSize);
  Bytes wire = encode_manifest(sample(5));
  for (std::size_t size = 0; size < wire.size(); ++size) {
    EXPECT_EQ(decode_manifest(ByteView(wire).first(size)).error(), ManifestError::kWrongLength);
  }
  wire.push_back(0);
  EXPECT_EQ(decode_manifest(wire).error(), ManifestError::kWrongLength);
}

}  // namespace
}  // namespace turnpike::store
