#include "crypto/leaf_hash.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "crypto/hash.h"

namespace turnpike::crypto {
namespace {

// Every count of leaves around the number of lanes, with a short last leaf, on every engine.
TEST(LeafHasher, AgreesWithPlainSha256OnEveryEngine) {
  SeededRandom random(1);
  for (const LeafHashEngine engine : {LeafHashEngine::kOpenSsl, LeafHashEngine::kIpsecMb}) {
    LeafHasher hasher(engine);
    for (const std::size_t size : {1U, 16383U, 16384U, 16385U, 16384U * 7U, 16384U * 64U, 16384U * 65U + 5U}) {
      Bytes data(size);
      random.fill(data);
      std::vector<Digest> digests((size + 16383) / 16384);
      hasher.hash(data, 16384, digests);
      for (std::size_t i = 0; i < digests.size(); ++i) {
        const ByteView rest = ByteView(data).subspan(i * 16384);
        EXPECT_EQ(digests[i], sha256(rest.first(std::min<std::size_t>(rest.size(), 16384)))) << size << " leaf " << i;
      }
    }
  }
}

}  // namespace
}  // namespace turnpike::crypto
