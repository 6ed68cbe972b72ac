#include "core/channel/secure_channel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/machine.h"
#include "core/channel/channel_pair.h"

namespace turnpike::channel {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;
using testing::SizeIs;

static_assert(StreamMachine<SecureChannel>);

const Instant kStart{1h};
constexpr std::string_view kEcho = "/echo/1";

Bytes pattern(std::size_t size, std::uint8_t salt = 0) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>((i * 131 >> 3U) + salt);
  return out;
}

class Channel : public testing::Test {
 protected:
  Config config(Role role) const {
    Config config;
    config.role = role;
    config.identity = role == Role::kInitiator ? &alice_key_ : &bob_key_;
    config.protocols = {std::string(kEcho), "/wide/1"};
    config.wide_protocols = {"/wide/1"};
    return config;
  }
  ChannelPair pair() { return pair(config(Role::kInitiator), config(Role::kResponder)); }
  ChannelPair pair(Config alice, Config bob) { return {std::move(alice), std::move(bob), random_, kStart}; }
  /// Established, and its events out of the way.
  ChannelPair ready() { return ready(config(Role::kInitiator), config(Role::kResponder)); }
  ChannelPair ready(Config alice, Config bob) {
    ChannelPair both = pair(std::move(alice), std::move(bob));
    both.settle();
    EXPECT_THAT(events_of<Established>(both.alice), SizeIs(1));
    EXPECT_THAT(events_of<Established>(both.bob), SizeIs(1));
    return both;
  }
  /// Bob's side of the only stream there is.
  static StreamId accepted(ChannelPair& both) {
    const auto opened = events_of<StreamOpened>(both.bob);
    EXPECT_THAT(opened, SizeIs(1));
    return opened.empty() ? StreamId{} : opened.front().id;
  }

  SeededRandom random_{42};
  crypto::SigningKey alice_key_ = crypto::SigningKey::generate(random_);
  crypto::SigningKey bob_key_ = crypto::SigningKey::generate(random_);
};

// Establishing

TEST_F(Channel, TellsBothWhoTheOtherIs) {
  ChannelPair both = pair();
  both.settle(7);
  const auto at_alice = events_of<Established>(both.alice);
  const auto at_bob = events_of<Established>(both.bob);
  ASSERT_THAT(at_alice, SizeIs(1));
  ASSERT_THAT(at_bob, SizeIs(1));
  EXPECT_EQ(at_alice[0].peer.public_key, bob_key_.public_key());
  EXPECT_EQ(at_bob[0].peer.public_key, alice_key_.public_key());
  EXPECT_EQ(both.alice.peer(), at_alice[0].peer);
}

TEST_F(Channel, CarriesTheFirstRequestInTheSecondRoundTrip) {
  ChannelPair both = pair();
  const auto fly = [&both](SecureChannel& from, SecureChannel& to) {
    while (const auto bytes = from.poll_write()) to.handle_bytes(both.now, *bytes);
  };
  fly(both.alice, both.bob);
  fly(both.bob, both.alice);
  ASSERT_TRUE(both.alice.is_established());
  const auto id = both.alice.open_stream(kEcho);
  both.alice.write(*id, bytes_of("request"));
  fly(both.alice, both.bob);
  EXPECT_EQ(text_of(both.bob.readable(accepted(both))), "request");
}

TEST_F(Channel, RefusesAnyoneButTheExpectedPeer) {
  Config alice = config(Role::kInitiator);
  alice.expected_peer = identity::PeerId{alice_key_.public_key()};
  ChannelPair both = pair(std::move(alice), config(Role::kResponder));
  both.settle();
  EXPECT_EQ(both.alice.closed(), CloseReason::kWrongPeer);
  EXPECT_FALSE(both.bob.is_established());
  EXPECT_THAT(events_of<Established>(both.alice), IsEmpty());
}

TEST_F(Channel, GivesUpAHandshakeThatTakesTooLong) {
  ChannelPair both = pair();
  EXPECT_EQ(both.bob.poll_timeout(), kStart + 10s);
  both.bob.handle_timeout(kStart + 10s - 1us);
  EXPECT_FALSE(both.bob.closed());
  both.bob.handle_timeout(kStart + 10s);
  EXPECT_EQ(both.bob.closed(), CloseReason::kHandshakeTimeout);
  EXPECT_FALSE(both.bob.poll_timeout());
}

TEST_F(Channel, NoticesBytesChangedInTheHandshake) {
  for (std::size_t at = 0; at < 300; at += 13) {
    ChannelPair both = pair();
    both.move();
    while (both.to_alice.size() == 0 && both.move()) {
    }
    const auto held = both.to_alice.held();
    if (at >= held.size()) continue;
    held[at] ^= 0x40U;
    both.settle();
    EXPECT_FALSE(both.alice.is_established()) << "at byte " << at;
  }
}

TEST_F(Channel, NoticesABitChangedOnTheWay) {
  ChannelPair both = ready();
  const auto id = both.alice.open_stream(kEcho);
  both.alice.write(*id, pattern(1000));
  while (auto bytes = both.alice.poll_write()) both.to_bob.write(*bytes);
  both.to_bob.held()[500] ^= 1U;
  both.settle();
  EXPECT_EQ(both.bob.closed(), CloseReason::kBadCiphertext);
  EXPECT_THAT(events_of<StreamOpened>(both.bob), IsEmpty());
}

TEST_F(Channel, SaysWhenThePipeBreaks) {
  ChannelPair both = ready();
  both.alice.handle_closed(both.now);
  EXPECT_EQ(both.alice.closed(), CloseReason::kConnectionLost);
  both.alice.handle_closed(both.now);
  EXPECT_THAT(events_of<Closed>(both.alice), SizeIs(1));
  EXPECT_FALSE(both.alice.open_stream(kEcho));
}

// Streams

TEST_F(Channel, OpensAStreamAndTalksBothWays) {
  ChannelPair both = ready();
  const auto id = both.alice.open_stream(kEcho);
  ASSERT_TRUE(id);
  EXPECT_EQ(both.alice.write(*id, bytes_of("ping")), 4U);
  both.settle(3);
  const StreamId at_bob = accepted(both);
  EXPECT_EQ(read_all(both.bob, at_bob, both.now), copy_of(bytes_of("ping")));
  both.bob.write(at_bob, bytes_of("pong"));
  both.settle(3);
  const auto events = events_of(both.alice);
  ASSERT_THAT(events, SizeIs(2));
  EXPECT_EQ(std::get<StreamOpened>(events[0]).protocol, kEcho);
  EXPECT_FALSE(std::get<StreamOpened>(events[0]).inbound);
  EXPECT_EQ(std::get<StreamReadable>(events[1]).id, *id);
  EXPECT_EQ(read_all(both.alice, *id, both.now), copy_of(bytes_of("pong")));
}

TEST_F(Channel, LetsTheResponderOpenStreamsToo) {
  ChannelPair both = ready();
  const auto id = both.bob.open_stream(kEcho);
  both.bob.write(*id, bytes_of("hello"));
  both.settle();
  const auto opened = events_of<StreamOpened>(both.alice);
  ASSERT_THAT(opened, SizeIs(1));
  EXPECT_TRUE(opened[0].inbound);
  EXPECT_EQ(text_of(both.alice.readable(opened[0].id)), "hello");
}

TEST_F(Channel, NeverShowsTheNegotiationAsData) {
  ChannelPair both = ready();
  const auto id = both.alice.open_stream(kEcho);
  both.settle();
  EXPECT_EQ(both.alice.unread(*id), 0U);
  EXPECT_TRUE(both.alice.readable(*id).empty());
  EXPECT_EQ(both.bob.unread(accepted(both)), 0U);
}

TEST_F(Channel, IsToldThatAProtocolIsNotSpoken) {
  ChannelPair both = ready();
  const auto id = both.alice.open_stream("/unheard-of/1");
  both.alice.write(*id, bytes_of("early words"));
  both.settle();
  EXPECT_THAT(events_of<StreamRefused>(both.alice), SizeIs(1));
  EXPECT_FALSE(both.alice.is_open(*id));
  EXPECT_EQ(both.bob.streams(), 0U);
  EXPECT_THAT(events_of(both.bob), IsEmpty());
  EXPECT_FALSE(both.alice.closed() || both.bob.closed());
}

TEST_F(Channel, EndsAStreamWhenBothHaveFinished) {
  ChannelPair both = ready();
  const auto id = both.alice.open_stream(kEcho);
  both.alice.write(*id, bytes_of("question"));
  both.alice.finish(*id);
  both.settle();
  const StreamId at_bob = accepted(both);
  EXPECT_FALSE(both.bob.at_end(at_bob));
  read_all(both.bob, at_bob, both.now);
  EXPECT_TRUE(both.bob.at_end(at_bob));
  both.bob.write(at_bob, bytes_of("answer"));
  both.bob.finish(at_bob);
  both.settle();
  EXPECT_FALSE(both.bob.is_open(at_bob));
  EXPECT_EQ(read_all(both.alice, *id, both.now), copy_of(bytes_of("answer")));
  EXPECT_FALSE(both.alice.is_open(*id));
  EXPECT_EQ(both.alice.streams() + both.bob.streams(), 0U);
}

TEST_F(Channel, HearsOfAnAgreementThatIsAlsoTheEnd) {
  ChannelPair both = ready();
  const auto id = both.alice.open_stream(kEcho);
  both.alice.finish(*id);
  while (auto bytes = both.alice.poll_write()) both.bob.handle_bytes(both.now, *bytes);
  both.bob.finish(accepted(both));
  both.settle();
  const auto events = events_of(both.alice);
  ASSERT_THAT(events, SizeIs(2));
  EXPECT_TRUE(std::holds_alternative<StreamOpened>(events[0]));
  EXPECT_TRUE(std::holds_alternative<StreamFinished>(events[1]));
  EXPECT_FALSE(both.alice.is_open(*id));
}

TEST_F(Channel, PassesAResetOn) {
  ChannelPair both = ready();
  const auto id = both.alice.open_stream(kEcho);
  both.alice.write(*id, pattern(5000));
  both.settle();
  const StreamId at_bob = accepted(both);
  both.bob.reset(at_bob);
  EXPECT_FALSE(both.bob.is_open(at_bob));
  EXPECT_THAT(events_of<StreamReset>(both.bob), IsEmpty());
  both.settle();
  EXPECT_THAT(events_of<StreamReset>(both.alice), SizeIs(1));
  EXPECT_FALSE(both.alice.is_open(*id));
}

TEST_F(Channel, ResetsAStreamWhoseProtocolIsNotAgreedInTime) {
  ChannelPair both = ready();
  const auto id = both.alice.open_stream(kEcho);
  both.alice.handle_timeout(kStart + 10s);
  EXPECT_THAT(events_of<StreamReset>(both.alice), SizeIs(1));
  EXPECT_FALSE(both.alice.is_open(*id));
}

TEST_F(Channel, IgnoresStreamsThatAreGone) {
  ChannelPair both = ready();
  const StreamId gone{77};
  EXPECT_EQ(both.alice.write(gone, bytes_of("x")), 0U);
  both.alice.finish(gone);
  both.alice.reset(gone);
  both.alice.consume(both.now, gone, 10);
  EXPECT_TRUE(both.alice.readable(gone).empty());
  EXPECT_EQ(both.alice.writable(gone), 0U);
  EXPECT_FALSE(both.alice.poll_write() && both.alice.closed());
}

TEST_F(Channel, HoldsAPeerToItsNumberOfStreams) {
  Config bob = config(Role::kResponder);
  bob.limits.inbound_streams = 4;
  ChannelPair both = ready(config(Role::kInitiator), std::move(bob));
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(both.alice.open_stream(kEcho));
  both.settle();
  EXPECT_THAT(events_of<StreamOpened>(both.bob), SizeIs(4));
  EXPECT_THAT(events_of<StreamReset>(both.alice), SizeIs(2));
}

TEST_F(Channel, OpensNoMoreStreamsThanItMay) {
  Config alice = config(Role::kInitiator);
  alice.limits.outbound_streams = 2;
  ChannelPair both = ready(std::move(alice), config(Role::kResponder));
  EXPECT_TRUE(both.alice.open_stream(kEcho));
  EXPECT_TRUE(both.alice.open_stream(kEcho));
  EXPECT_FALSE(both.alice.open_stream(kEcho));
}

TEST_F(Channel, OpensNoStreamBeforeItIsEstablished) {
  ChannelPair both = pair();
  EXPECT_FALSE(both.alice.open_stream(kEcho));
}

// Flow

TEST_F(Channel, CarriesManyMegabytesInPiecesOfAnySize) {
  for (const std::size_t piece : {std::size_t{1000}, std::size_t{70000}, std::size_t{1} << 20U}) {
    ChannelPair both = ready();
    const auto id = both.alice.open_stream("/wide/1");
    const Bytes sent = pattern(5U << 20U);
    ByteView rest = sent;
    Bytes received;
    std::optional<StreamId> at_bob;
    while (received.size() < sent.size()) {
      rest = rest.subspan(both.alice.write(*id, rest));
      both.move(piece);
      if (const auto opened = events_of<StreamOpened>(both.bob); !opened.empty()) at_bob = opened[0].id;
      if (!at_bob) continue;
      const Bytes part = read_all(both.bob, *at_bob, both.now);
      received.insert(received.end(), part.begin(), part.end());
    }
    EXPECT_EQ(received, sent) << "in pieces of " << piece;
  }
}

TEST_F(Channel, StopsAtTheWindowOfAReaderThatDoesNotRead) {
  ChannelPair both = ready();
  const auto narrow = both.alice.open_stream(kEcho);
  const auto wide = both.alice.open_stream("/wide/1");
  both.settle();
  const Bytes bytes = pattern(8U << 20U);
  constexpr std::size_t kNegotiation = 20 + 9;  // it came out of the window too
  std::size_t sent_narrow = 0;
  std::size_t sent_wide = 0;
  for (int round = 0; round < 20; ++round) {
    sent_narrow += both.alice.write(*narrow, bytes);
    sent_wide += both.alice.write(*wide, bytes);
    both.settle();
  }
  EXPECT_EQ(sent_narrow + kNegotiation, 256U << 10U);
  EXPECT_EQ(sent_wide + kNegotiation, 4U << 20U);
  EXPECT_FALSE(both.bob.closed());
}

TEST_F(Channel, WakesAWriterWhenTheReaderReads) {
  ChannelPair both = ready();
  const auto id = both.alice.open_stream(kEcho);
  const Bytes bytes = pattern(1U << 20U);
  both.alice.write(*id, bytes);
  both.settle();
  events_of(both.alice);
  const StreamId at_bob = accepted(both);
  EXPECT_EQ(both.alice.writable(*id), 0U);
  read_all(both.bob, at_bob, both.now);
  both.settle();
  EXPECT_THAT(events_of<StreamWritable>(both.alice), SizeIs(1));
  EXPECT_GT(both.alice.writable(*id), 100000U);
}

TEST_F(Channel, AnnouncesNewBytesOnceUntilAllAreRead) {
  ChannelPair both = ready();
  const auto id = both.alice.open_stream(kEcho);
  both.alice.write(*id, pattern(10));
  both.settle();
  const auto first = events_of(both.bob);
  ASSERT_THAT(first, SizeIs(2));
  const StreamId at_bob = std::get<StreamOpened>(first[0]).id;
  both.alice.write(*id, pattern(10));
  both.settle();
  EXPECT_THAT(events_of(both.bob), IsEmpty());
  read_all(both.bob, at_bob, both.now);
  both.alice.write(*id, pattern(10));
  both.settle();
  EXPECT_THAT(events_of<StreamReadable>(both.bob), SizeIs(1));
}

TEST_F(Channel, QueuesNoMoreThanItsLimits) {
  Config alice = config(Role::kInitiator);
  alice.limits.max_queued = 300000;
  alice.limits.max_queued_per_stream = 100000;
  ChannelPair both = ready(std::move(alice), config(Role::kResponder));
  std::size_t accepted_bytes = 0;
  for (int i = 0; i < 5; ++i) {
    const auto id = both.alice.open_stream(kEcho);
    ASSERT_TRUE(id);
    const std::size_t taken = both.alice.write(*id, pattern(200000));
    EXPECT_LE(taken, 100000U);
    accepted_bytes += taken;
  }
  EXPECT_LE(accepted_bytes, 300000U);
  EXPECT_LE(both.alice.queued(), 300000U + 5 * 64);
}

TEST_F(Channel, OpensAStreamAlthoughItsQueueIsFullOfBulk) {
  Config alice = config(Role::kInitiator);
  alice.limits.max_queued = 100000;
  ChannelPair both = ready(std::move(alice), config(Role::kResponder));
  const auto bulk = both.alice.open_stream(kEcho);
  both.alice.write(*bulk, pattern(200000));
  const auto second = both.alice.open_stream(kEcho);
  ASSERT_TRUE(second);
  both.settle();
  EXPECT_THAT(events_of<StreamOpened>(both.bob), SizeIs(2));
}

TEST_F(Channel, KeepsRequestsFlowingBesideBulk) {
  ChannelPair both = ready();
  const auto bulk = both.alice.open_stream("/wide/1");
  const auto small = both.alice.open_stream(kEcho);
  both.settle();
  const auto opened = events_of<StreamOpened>(both.bob);
  both.alice.write(*bulk, pattern(1U << 20U));
  both.alice.write(*small, bytes_of("me too"));
  for (int i = 0; i < 2; ++i) {  // the second message at the latest
    if (const auto bytes = both.alice.poll_write()) both.bob.handle_bytes(both.now, *bytes);
  }
  EXPECT_EQ(text_of(both.bob.readable(opened[1].id)), "me too");
}

// Ending and living

TEST_F(Channel, SendsAnUrgentStreamsBytesBeforeManyOthersBulk) {
  Config alice = config(Role::kInitiator);
  Config bob = config(Role::kResponder);
  alice.urgent_protocols = bob.urgent_protocols = {"/wide/1"};
  alice.limits.max_queued = 1U << 20U;
  ChannelPair both = ready(alice, bob);
  for (int i = 0; i < 16; ++i) both.alice.write(*both.alice.open_stream(kEcho), pattern(100'000));
  ASSERT_GE(both.alice.queued(), alice.limits.max_queued) << "the queue is full";
  const auto urgent = both.alice.open_stream("/wide/1");
  ASSERT_TRUE(urgent);
  EXPECT_EQ(both.alice.write(*urgent, pattern(32)), 32U) << "though the others have filled the queue";
  // The sixteen streams' openings and the urgent bytes are in the first message; with one more of bulk they are over.
  for (int i = 0; i < 2; ++i) both.to_bob.write(*both.alice.poll_write());
  while (both.to_bob.size() > 0) both.bob.handle_bytes(both.now, both.to_bob.read(100'000));
  bool came = false;
  for (const auto& event : events_of(both.bob)) {
    const auto* readable = std::get_if<StreamReadable>(&event);
    came |= readable != nullptr && readable->id == StreamId{static_cast<std::uint32_t>(*urgent)};
  }
  EXPECT_TRUE(came);
}

TEST_F(Channel, PutsWhatFollowsAFramesEndIntoAFrameOfItsOwn) {
  ChannelPair both = ready();
  const auto id = both.alice.open_stream(kEcho);
  both.settle();
  both.alice.write(*id, pattern(10));
  both.alice.end_frame(*id);
  both.alice.write(*id, pattern(20, 1));
  both.settle();
  const StreamId there = accepted(both);
  EXPECT_EQ(both.bob.unread(there), 30U);
  // Small frames are gathered by the reader; a frame's head, twelve bytes, is what a second frame costs on the wire.
  const auto bytes_for = [&](bool cut) {
    both.alice.write(*id, pattern(10));
    if (cut) both.alice.end_frame(*id);
    both.alice.write(*id, pattern(20));
    std::size_t size = 0;
    while (const auto out = both.alice.poll_write()) {
      size += out->size();
      both.to_bob.write(*out);
    }
    both.settle();
    return size;
  };
  EXPECT_EQ(bytes_for(true), bytes_for(false) + 12);
}

TEST_F(Channel, SaysGoodbye) {
  ChannelPair both = ready();
  const auto id = both.alice.open_stream(kEcho);
  both.alice.close();
  EXPECT_FALSE(both.alice.closed());
  EXPECT_FALSE(both.alice.is_open(*id));
  both.settle();
  EXPECT_EQ(both.alice.closed(), CloseReason::kClosedByUs);
  EXPECT_EQ(both.bob.closed(), CloseReason::kClosedByPeer);
  EXPECT_THAT(events_of<Closed>(both.alice), SizeIs(1));
  EXPECT_THAT(events_of<Closed>(both.bob), SizeIs(1));
}

TEST_F(Channel, ClosesAtOnceWhenItWasNeverEstablished) {
  ChannelPair both = pair();
  both.alice.close();
  EXPECT_EQ(both.alice.closed(), CloseReason::kClosedByUs);
  EXPECT_FALSE(both.alice.poll_write());
}

TEST_F(Channel, PingsAPeerThatIsIdleAndStaysAlive) {
  ChannelPair both = ready();
  for (int i = 0; i < 10; ++i) both.wait_until(std::min(*both.alice.poll_timeout(), *both.bob.poll_timeout()));
  EXPECT_GE(both.now, kStart + 150s);
  EXPECT_FALSE(both.alice.closed() || both.bob.closed());
  EXPECT_EQ(both.alice.round_trip(), 0s);
}

TEST_F(Channel, GivesUpAPeerThatFellSilent) {
  ChannelPair both = ready();
  both.alice.handle_timeout(kStart + 30s);
  while (both.alice.poll_write()) {
  }
  EXPECT_EQ(both.alice.poll_timeout(), kStart + 50s);
  both.alice.handle_timeout(kStart + 50s);
  EXPECT_EQ(both.alice.closed(), CloseReason::kLivenessTimeout);
}

TEST_F(Channel, AnswersAPingBeforeItsOwnBulk) {
  ChannelPair both = ready();
  const auto id = both.bob.open_stream("/wide/1");
  both.settle();
  both.bob.write(*id, pattern(1U << 20U));
  both.now += 30s;
  both.alice.handle_timeout(both.now);
  const auto ping = both.alice.poll_write();
  both.bob.handle_bytes(both.now, *ping);
  const auto first = both.bob.poll_write();
  ASSERT_TRUE(first);
  both.alice.handle_bytes(both.now + 40ms, *first);
  EXPECT_EQ(both.alice.round_trip(), 40ms);
}

TEST_F(Channel, StaysClosed) {
  ChannelPair both = ready();
  const Bytes garbage(2 + 100, 0);
  both.bob.handle_bytes(both.now, Bytes{0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20});
  EXPECT_EQ(both.bob.closed(), CloseReason::kBadCiphertext);
  both.bob.handle_bytes(both.now, garbage);
  both.bob.handle_timeout(both.now + 1h);
  both.bob.handle_closed(both.now);
  both.bob.close();
  EXPECT_THAT(events_of<Closed>(both.bob), SizeIs(1));
}

}  // namespace
}  // namespace turnpike::channel
