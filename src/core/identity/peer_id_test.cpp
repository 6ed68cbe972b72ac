#include "core/identity/peer_id.h"

#include <gtest/gtest.h>

#include "base/hex.h"

namespace turnpike::identity {
namespace {

TEST(PeerId, OfThePublishedKeyIsItsKeyProtobufInAnIdentityMultihash) {  // libp2p peer-ids.md, Ed25519 vector
  const PeerId id{*digest_from_hex("1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e")};
  EXPECT_EQ(to_hex(id.to_bytes()), "0024080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e");
  EXPECT_EQ(id.to_string().substr(0, 8), "12D3KooW");
  EXPECT_EQ(PeerId::parse(id.to_string()), id);
}

TEST(PeerId, RefusesOtherKeyTypesAndTruncations) {
  EXPECT_FALSE(PeerId::parse(""));
  EXPECT_FALSE(PeerId::parse("QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN"));
  const Bytes bytes = PeerId{}.to_bytes();
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(PeerId::from_bytes(ByteView(bytes).first(size)));
}

}  // namespace
}  // namespace turnpike::identity
