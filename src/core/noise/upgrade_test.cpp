#include "core/noise/upgrade.h"

#include <gtest/gtest.h>

namespace turnpike::noise {
namespace {

using Muxers = std::vector<std::string>;
const Muxers kYamux = {"/yamux/1.0.0"};

class NoiseUpgrade : public testing::Test {
 protected:
  Upgrade initiator(Muxers muxers = kYamux, std::optional<identity::PeerId> expected = std::nullopt) {
    return Upgrade({Role::kInitiator, &alice_, expected, std::move(muxers)}, random_);
  }
  Upgrade responder(Muxers muxers = kYamux, std::optional<identity::PeerId> expected = std::nullopt) {
    return Upgrade({Role::kResponder, &bob_, expected, std::move(muxers)}, random_);
  }
  static void meet(Upgrade& a, Upgrade& b) {
    for (bool moved = true; moved;) {
      const auto from_a = a.poll_message();
      if (from_a) b.handle_message(*from_a);
      const auto from_b = b.poll_message();
      if (from_b) a.handle_message(*from_b);
      moved = from_a || from_b;
    }
  }

  SeededRandom random_{5};
  crypto::SigningKey alice_ = crypto::SigningKey::generate(random_);
  crypto::SigningKey bob_ = crypto::SigningKey::generate(random_);
};

TEST_F(NoiseUpgrade, ProvesBothSidesAndAgreesOnTheMuxer) {
  Upgrade a = initiator(kYamux, identity::PeerId{bob_.public_key()});
  Upgrade b = responder(kYamux, identity::PeerId{alice_.public_key()});
  meet(a, b);
  ASSERT_TRUE(a.is_done() && b.is_done());
  EXPECT_EQ(a.peer().public_key, bob_.public_key());
  EXPECT_EQ(b.peer().public_key, alice_.public_key());
  EXPECT_EQ(a.muxer(), kYamux.front());
  EXPECT_EQ(b.muxer(), kYamux.front());
  EXPECT_EQ(a.keys().send, b.keys().receive);
}

TEST_F(NoiseUpgrade, EndsAtAPeerThatWasNotExpected) {
  Upgrade a = initiator(kYamux, identity::PeerId{alice_.public_key()});
  Upgrade b = responder();
  meet(a, b);
  EXPECT_EQ(a.error(), UpgradeError::kWrongPeer);
  EXPECT_FALSE(b.is_done());  // an initiator that is not content sends no proof of its own
}

TEST_F(NoiseUpgrade, LetsTheInitiatorsListDecide) {
  Upgrade a = initiator({"/a", "/b", "/c"});
  Upgrade b = responder({"/c", "/b"});
  meet(a, b);
  EXPECT_EQ(a.muxer(), "/b");
  EXPECT_EQ(b.muxer(), "/b");
}

TEST_F(NoiseUpgrade, LeavesTheMuxerOpenWhenOneSideSentNoList) {
  Upgrade a = initiator({});
  Upgrade b = responder();
  meet(a, b);
  ASSERT_TRUE(a.is_done() && b.is_done());
  EXPECT_FALSE(a.muxer());
  EXPECT_FALSE(b.muxer());
}

TEST_F(NoiseUpgrade, FailsWhenTheListsDoNotMeet) {
  Upgrade a = initiator({"/mplex/6.7.0"});
  Upgrade b = responder();
  meet(a, b);
  EXPECT_EQ(a.error(), UpgradeError::kNoCommonMuxer);
}

TEST_F(NoiseUpgrade, RefusesAPayloadThatProvesNothing) {
  SeededRandom random(11);
  Handshake liar(Role::kResponder, crypto::ExchangeKey::generate(random), crypto::ExchangeKey::generate(random));
  Upgrade a = initiator();
  ASSERT_TRUE(liar.read_message(*a.poll_message()));
  a.handle_message(*liar.write_message(bytes_of("no protobuf, no proof")));
  EXPECT_EQ(a.error(), UpgradeError::kBadIdentity);
  EXPECT_FALSE(a.poll_message());
}

TEST_F(NoiseUpgrade, RefusesBytesThatAreNotNoise) {
  Upgrade b = responder();
  b.handle_message(bytes_of("short"));
  EXPECT_EQ(b.error(), UpgradeError::kBadHandshake);
  b.handle_message(Bytes(32, 9));
  EXPECT_FALSE(b.poll_message());
}

TEST_F(NoiseUpgrade, MakesANewStaticKeyForEveryConnection) {
  Upgrade a = initiator();
  Upgrade b = initiator();
  EXPECT_NE(a.poll_message(), b.poll_message());
}

}  // namespace
}  // namespace turnpike::noise
