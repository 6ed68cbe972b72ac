#include "core/turn/nonce.h"

#include <gtest/gtest.h>

#include "core/turn/turn_test_support.h"

namespace turnpike::turn {
namespace {

using namespace turnpike::turn::testing;

TEST(TurnNonce, HoldsForOneClientAndALimitedTime) {
  SeededRandom random(1);
  const Nonces nonces(random);
  const std::string nonce = nonces.make(kStart, udp_client(1));
  EXPECT_TRUE(nonces.is_valid(kStart, udp_client(1), nonce));
  EXPECT_TRUE(nonces.is_valid(kStart + kNonceLifetime - 1s, udp_client(1), nonce));
  EXPECT_FALSE(nonces.is_valid(kStart + kNonceLifetime, udp_client(1), nonce));
  EXPECT_FALSE(nonces.is_valid(kStart - 1s, udp_client(1), nonce)) << "from the future";
  EXPECT_FALSE(nonces.is_valid(kStart, udp_client(1, 40'001), nonce));
  EXPECT_FALSE(nonces.is_valid(kStart, udp_client(2), nonce));
  EXPECT_FALSE(nonces.is_valid(kStart, tcp_client(1, 0), nonce));
}

TEST(TurnNonce, IsOfOneServerOnly) {
  SeededRandom one(1);
  SeededRandom two(2);
  EXPECT_FALSE(Nonces(two).is_valid(kStart, udp_client(1), Nonces(one).make(kStart, udp_client(1))));
}

TEST(TurnNonce, CannotBeChanged) {
  SeededRandom random(1);
  const Nonces nonces(random);
  const std::string nonce = nonces.make(kStart, udp_client(1));
  for (std::size_t at = 0; at < nonce.size(); ++at) {
    std::string changed = nonce;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(nonces.is_valid(kStart, udp_client(1), changed)) << at;
  }
  EXPECT_FALSE(nonces.is_valid(kStart, udp_client(1), ""));
}

TEST(TurnNonce, AnnouncesPasswordAlgorithms) {
  SeededRandom random(1);
  EXPECT_TRUE(announces_password_algorithms(Nonces(random).make(kStart, udp_client(1))));
  EXPECT_TRUE(announces_password_algorithms("obMatJos2wAAAxyz"));
  EXPECT_FALSE(announces_password_algorithms("obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA"));
  EXPECT_FALSE(announces_password_algorithms("f//499k954d6OL34oL9FSTvy64sA"));
  EXPECT_FALSE(announces_password_algorithms("obMatJos2g"));
}

}  // namespace
}  // namespace turnpike::turn
