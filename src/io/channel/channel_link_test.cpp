#include "io/channel/channel_link.h"

#include <gtest/gtest.h>

#include "io/channel/link_test_support.h"
#include "io/loop/convert.h"

namespace turnpike::io {
namespace {

using channel::CloseReason;

asio::awaitable<void> echo(std::unique_ptr<LinkStream> stream) {
  Bytes part;
  while (true) {
    const Status<StreamError> ready = co_await stream->wait_readable();
    if (!ready) break;
    part = copy_of(stream->readable());
    stream->consume(part.size());
    const Status<StreamError> written = co_await stream->write(part);
    if (!written) break;
  }
  stream->finish();
}

/// Answers nothing, and holds the stream until the link is over.
asio::awaitable<void> hold(std::unique_ptr<LinkStream> stream) {
  while (true) {
    const Status<StreamError> ready = co_await stream->wait_readable();
    if (!ready) break;
    break;
  }
  Status<StreamError> blocked = co_await stream->write(Bytes(64U << 20U));
  if (blocked) stream->finish();
}

asio::awaitable<void> send_all(LinkStream& stream, Bytes bytes) {
  const Status<StreamError> written = co_await stream.write(bytes);
  if (written) stream.finish();
}

asio::awaitable<void> send_and_hold(std::unique_ptr<LinkStream> stream) {
  const Status<StreamError> written = co_await stream->write(Bytes(100'000));
  const Status<StreamError> ready = co_await stream->wait_readable();
  if (written && ready) stream->finish();
}

asio::awaitable<Bytes> receive_all(LinkStream& stream) {
  Bytes all;
  while (true) {
    const Status<StreamError> ready = co_await stream.wait_readable();
    if (!ready) break;
    const ByteView part = stream.readable();
    all.insert(all.end(), part.begin(), part.end());
    stream.consume(part.size());
  }
  co_return all;
}

class ChannelLinkTest : public ::testing::Test {
 protected:
  void establish() {
    const auto peer = wait_for(loop_, pair_->left->established());
    ASSERT_TRUE(peer);
    EXPECT_EQ(*peer, pair_->right_peer());
  }
  void link(ChannelLink::OnStream on_stream) { pair_.emplace(loop_, std::move(on_stream)); }
  std::unique_ptr<LinkStream> open() { return pair_->left->open(exchange::kProtocol); }

  asio::io_context loop_;
  std::optional<LinkedPair> pair_;
};

TEST_F(ChannelLinkTest, CarriesAStreamBothWaysBeyondEveryBuffer) {
  link(echo);
  establish();
  const auto stream = open();
  ASSERT_TRUE(stream);
  const Bytes sent = bytes_from_seed(20U << 20U, 3);
  asio::co_spawn(loop_, send_all(*stream, sent), asio::detached);
  EXPECT_EQ(wait_for(loop_, receive_all(*stream)), sent);
  EXPECT_GT(pair_->left->bytes_sent(), sent.size());
  EXPECT_GT(pair_->left->bytes_received(), sent.size());
}

TEST_F(ChannelLinkTest, EndsBothSidesAndEveryCoroutineAfterAGoodbye) {
  link(echo);
  establish();
  const auto stream = open();
  pair_->left->close();
  EXPECT_EQ(wait_for(loop_, pair_->left->closed()), CloseReason::kClosedByUs);
  EXPECT_EQ(wait_for(loop_, pair_->right->closed()), CloseReason::kClosedByPeer);
  const auto more = wait_for(loop_, stream->write(Bytes(10)));
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error(), StreamError::kClosed);
  loop_.restart();
  loop_.poll();
  EXPECT_TRUE(loop_.stopped()) << "nothing is left on the loop, not even a timer";
}

TEST_F(ChannelLinkTest, LosesItsStreamsWhenThePipeBreaks) {
  link(echo);
  establish();
  const auto stream = open();
  pair_->left_pipe->close();
  const auto ready = wait_for(loop_, stream->wait_readable());
  ASSERT_FALSE(ready);
  EXPECT_EQ(ready.error(), StreamError::kClosed);
  EXPECT_EQ(wait_for(loop_, pair_->left->closed()), CloseReason::kConnectionLost);
  EXPECT_EQ(wait_for(loop_, pair_->right->closed()), CloseReason::kConnectionLost);
}

TEST_F(ChannelLinkTest, TellsAResetFromAnEnd) {
  link([](std::unique_ptr<LinkStream> stream) -> asio::awaitable<void> {
    const Status<StreamError> ready = co_await stream->wait_readable();
    if (ready) stream->reset();
  });
  establish();
  const auto stream = open();
  ASSERT_TRUE(wait_for(loop_, stream->write(Bytes(10))));
  const auto ready = wait_for(loop_, stream->wait_readable());
  ASSERT_FALSE(ready);
  EXPECT_EQ(ready.error(), StreamError::kReset);
  EXPECT_FALSE(stream->is_usable());
}

TEST_F(ChannelLinkTest, RefusesAProtocolThatIsNotAccepted) {
  link(echo);
  establish();
  const auto stream = pair_->left->open("/somebody/else/1");
  ASSERT_TRUE(stream);
  const auto ready = wait_for(loop_, stream->wait_readable());
  ASSERT_FALSE(ready);
  EXPECT_EQ(ready.error(), StreamError::kRefused);
}

TEST_F(ChannelLinkTest, StopsWaitingAtTheDeadline) {
  link(hold);
  establish();
  const auto stream = open();
  const auto ready = wait_for(loop_, stream->wait_readable(now()));
  ASSERT_FALSE(ready);
  EXPECT_EQ(ready.error(), StreamError::kTimeout);
}

TEST_F(ChannelLinkTest, HoldsAWriterUpWhileTheOtherEndDoesNotRead) {
  link(hold);
  establish();
  const auto stream = open();
  ASSERT_TRUE(wait_for(loop_, stream->write(Bytes(1))));
  const auto written = wait_for(loop_, stream->write(Bytes(64U << 20U), std::chrono::milliseconds(20)));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error(), StreamError::kTimeout);
  const channel::Limits limits;
  EXPECT_LE(pair_->left->bytes_sent(), limits.max_window + (2U << 20U)) << "at most a window went out";
}

TEST_F(ChannelLinkTest, EndsAHandlerThatIsBlockedWhenTheLinkIsDestroyed) {
  link(hold);
  establish();
  auto stream = open();
  ASSERT_TRUE(wait_for(loop_, stream->write(Bytes(1))));
  pair_->left.reset();
  EXPECT_EQ(wait_for(loop_, pair_->right->closed()), CloseReason::kConnectionLost);
  EXPECT_FALSE(stream->is_usable());
  stream.reset();
}

TEST_F(ChannelLinkTest, MayBeDestroyedWithItsLoopAtAnyMoment) {
  for (int turns = 0; turns < 80; ++turns) {
    asio::io_context loop;
    LinkedPair pair(loop, echo);
    for (int i = 0; i < turns; ++i) {
      loop.poll_one();
      auto stream = pair.left->open(exchange::kProtocol);
      if (stream) asio::co_spawn(loop, send_and_hold(std::move(stream)), asio::detached);
    }
    pair.abandon();
  }
}

TEST(ChannelLink, ReportsThatNobodyAnsweredTheHandshake) {
  asio::io_context loop;
  SeededRandom random(5);
  const crypto::SigningKey key = crypto::SigningKey::generate(random);
  auto [near, far] = make_memory_pipes();
  channel::Config config;
  config.identity = &key;
  config.limits.handshake_timeout = std::chrono::milliseconds(20);
  ChannelLink link(loop.get_executor(), std::move(near), config, random);
  const auto peer = wait_for(loop, link.established());
  ASSERT_FALSE(peer);
  EXPECT_EQ(peer.error(), CloseReason::kHandshakeTimeout);
  EXPECT_EQ(wait_for(loop, link.closed()), CloseReason::kHandshakeTimeout);
}

TEST(ChannelLink, RefusesAPeerThatIsNotTheOneDialled) {
  asio::io_context loop;
  SeededRandom random(5);
  const crypto::SigningKey key = crypto::SigningKey::generate(random);
  const crypto::SigningKey other = crypto::SigningKey::generate(random);
  auto [near, far] = make_memory_pipes();
  channel::Config config;
  config.identity = &key;
  config.expected_peer = identity::PeerId{key.public_key()};
  ChannelLink dialler(loop.get_executor(), std::move(near), config, random);
  config.role = channel::Role::kResponder;
  config.identity = &other;
  config.expected_peer.reset();
  ChannelLink listener(loop.get_executor(), std::move(far), config, random);
  const auto peer = wait_for(loop, dialler.established());
  ASSERT_FALSE(peer);
  EXPECT_EQ(peer.error(), CloseReason::kWrongPeer);
}

}  // namespace
}  // namespace turnpike::io
