#include "core/channel/opening.h"

#include <gtest/gtest.h>

namespace turnpike::channel {
namespace {

Bytes messages(std::initializer_list<std::string_view> texts) {
  Bytes out;
  for (const std::string_view text : texts) multistream::append_message(out, text);
  return out;
}

class ChannelOpening : public testing::Test {
 protected:
  Opening dial() { return Opening({noise::Role::kInitiator, &alice_, std::nullopt, {}}, random_); }
  Opening listen() { return Opening({noise::Role::kResponder, &bob_, std::nullopt, {}}, random_); }

  static ByteView feed(Opening& opening, const Bytes& bytes) {
    ByteView in = bytes;
    opening.handle_bytes(in);
    return in;
  }

  SeededRandom random_{21};
  crypto::SigningKey alice_ = crypto::SigningKey::generate(random_);
  crypto::SigningKey bob_ = crypto::SigningKey::generate(random_);
};

TEST_F(ChannelOpening, TakesOneRoundTripAndALastMessage) {
  Opening dialer = dial();
  Opening listener = listen();
  EXPECT_TRUE(feed(listener, *dialer.poll_write()).empty());
  EXPECT_TRUE(feed(dialer, *listener.poll_write()).empty());
  EXPECT_TRUE(dialer.is_done());
  EXPECT_TRUE(feed(listener, *dialer.poll_write()).empty());
  EXPECT_TRUE(listener.is_done());
  EXPECT_EQ(dialer.take().peer.public_key, bob_.public_key());
  EXPECT_EQ(listener.take().peer.public_key, alice_.public_key());
}

TEST_F(ChannelOpening, LeavesWhatFollowsTheLastMessageAlone) {
  Opening dialer = dial();
  Opening listener = listen();
  feed(listener, *dialer.poll_write());
  feed(dialer, *listener.poll_write());
  Bytes last = *dialer.poll_write();
  last.insert(last.end(), {0, 20, 1});
  EXPECT_EQ(feed(listener, last).size(), 3U);
}

/// A peer that plays noise as libp2p does, but knows nothing of early muxer negotiation.
class OldPeer {
 public:
  OldPeer(noise::Role role, const crypto::SigningKey& key, Random& random)
      : upgrade_({role, &key, std::nullopt, {}}, random) {}

  Bytes handshake(ByteView framed_message) {
    if (!framed_message.empty()) upgrade_.handle_message(framed_message.subspan(noise::kLengthSize));
    const auto out = upgrade_.poll_message();
    if (upgrade_.is_done()) {
      sealer_.emplace(upgrade_.keys().send);
      opener_.emplace(upgrade_.keys().receive);
    }
    return out ? noise::framed(*out) : Bytes();
  }
  Bytes seal(const Bytes& plain) {
    Bytes frame(noise::kLengthSize);
    frame.insert(frame.end(), plain.begin(), plain.end());
    frame.resize(frame.size() + crypto::kTagSize);
    EXPECT_TRUE(sealer_->seal(frame));
    return frame;
  }
  Bytes open(ByteView frame) {
    Bytes out(frame.size());
    const auto size = opener_->open(frame.subspan(noise::kLengthSize), out);
    EXPECT_TRUE(size);
    out.resize(size.value_or(0));
    return out;
  }

 private:
  noise::Upgrade upgrade_;
  std::optional<noise::Sealer> sealer_;
  std::optional<noise::Opener> opener_;
};

TEST_F(ChannelOpening, AgreesOnTheMuxerInsideNoiseWithAnOldDialer) {
  OldPeer peer(noise::Role::kInitiator, alice_, random_);
  Opening listener = listen();
  feed(listener, messages({multistream::kHeader, "/noise"}));
  (void)listener.poll_write();
  feed(listener, peer.handshake({}));
  feed(listener, peer.handshake(*listener.poll_write()));
  EXPECT_FALSE(listener.is_done());

  Bytes plain = messages({multistream::kHeader, "/yamux/1.0.0"});
  plain.insert(plain.end(), {7, 8, 9});
  feed(listener, peer.seal(plain));
  ASSERT_TRUE(listener.is_done());
  EXPECT_EQ(peer.open(*listener.poll_write()), messages({multistream::kHeader, "/yamux/1.0.0"}));
  EXPECT_EQ(listener.take().plain, (Bytes{7, 8, 9}));
}

TEST_F(ChannelOpening, AgreesOnTheMuxerInsideNoiseWithAnOldListener) {
  OldPeer peer(noise::Role::kResponder, bob_, random_);
  Opening dialer = dial();
  const Bytes first = *dialer.poll_write();
  const std::size_t proposal = messages({multistream::kHeader, "/noise"}).size();
  feed(dialer, messages({multistream::kHeader, "/noise"}));
  feed(dialer, peer.handshake(ByteView(first).subspan(proposal)));
  const Bytes rest = *dialer.poll_write();
  const std::size_t third = noise::kLengthSize + (static_cast<std::size_t>(rest[0]) << 8U | rest[1]);
  (void)peer.handshake(ByteView(rest).first(third));
  EXPECT_EQ(peer.open(ByteView(rest).subspan(third)), messages({multistream::kHeader, "/yamux/1.0.0"}));
  feed(dialer, peer.seal(messages({multistream::kHeader, "/yamux/1.0.0"})));
  EXPECT_TRUE(dialer.is_done());
}

TEST_F(ChannelOpening, EndsWithAPeerWhoHasNoYamux) {
  OldPeer peer(noise::Role::kResponder, bob_, random_);
  Opening dialer = dial();
  const Bytes first = *dialer.poll_write();
  feed(dialer, messages({multistream::kHeader, "/noise"}));
  feed(dialer, peer.handshake(ByteView(first).subspan(messages({multistream::kHeader, "/noise"}).size())));
  const Bytes rest = *dialer.poll_write();
  (void)peer.handshake(ByteView(rest).first(noise::kLengthSize + (static_cast<std::size_t>(rest[0]) << 8U | rest[1])));
  feed(dialer, peer.seal(messages({multistream::kHeader, multistream::kNotAvailable})));
  EXPECT_EQ(dialer.failure(), CloseReason::kNegotiationRefused);
}

TEST_F(ChannelOpening, EndsWithAPeerWhoHasNoNoise) {
  Opening dialer = dial();
  feed(dialer, messages({multistream::kHeader, multistream::kNotAvailable}));
  EXPECT_EQ(dialer.failure(), CloseReason::kNegotiationRefused);
}

TEST_F(ChannelOpening, EndsWithAStrangerOfAnotherProtocol) {
  Opening dialer = dial();
  feed(dialer, copy_of(bytes_of(
                   "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\nprotocol mismatch, and much more of it to read\r\n")));
  EXPECT_EQ(dialer.failure(), CloseReason::kBadNegotiation);
}

}  // namespace
}  // namespace turnpike::channel
