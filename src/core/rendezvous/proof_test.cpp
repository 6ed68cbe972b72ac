#include "core/rendezvous/proof.h"

#include <gtest/gtest.h>

namespace turnpike::rendezvous {
namespace {

TEST(ProofNonceText, ComesBackAsItWasWrittenAndHasOneSpelling) {
  const ProofNonce nonce{0xab, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0xff};
  EXPECT_EQ(nonce_text(nonce), "ab0102030405060708090aff");
  EXPECT_EQ(parse_nonce(nonce_text(nonce)), nonce);
  for (const char* text : {"", "ab", "AB0102030405060708090aff", "ab0102030405060708090aff0", "ab0102030405060708090af",
                           "zb0102030405060708090aff", "ab0102030405060708090aff/"}) {
    EXPECT_FALSE(parse_nonce(text)) << text;
  }
}

}  // namespace
}  // namespace turnpike::rendezvous
