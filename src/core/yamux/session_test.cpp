#include "core/yamux/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace turnpike::yamux {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

using Kind = Event::Kind;

const Instant kStart{1h};

struct Frame {
  FrameHeader header;
  Bytes body;
};

std::vector<Event> events_of(Session& session) {
  std::vector<Event> events;
  while (const auto event = session.poll_event()) events.push_back(*event);
  return events;
}

std::vector<Frame> frames_of(Session& session) {
  std::vector<Frame> frames;
  while (const auto out = session.poll_frames()) {
    ByteReader in(*out);
    while (in.remaining() > 0) {
      const auto header = read_header(in.take(kHeaderSize));
      frames.push_back({*header, {}});
      if (header->type == FrameType::kData) frames.back().body = copy_of(in.take(header->length));
      EXPECT_FALSE(in.failed());
    }
  }
  return frames;
}

std::vector<FrameHeader> headers_of(Session& session) {
  std::vector<FrameHeader> headers;
  for (const Frame& frame : frames_of(session)) headers.push_back(frame.header);
  return headers;
}

void feed(Session& session, const FrameHeader& header, ByteView body = {}, Instant now = kStart) {
  Bytes bytes;
  append_header(bytes, header);
  bytes.insert(bytes.end(), body.begin(), body.end());
  const std::size_t size = bytes.size();
  session.handle_bytes(now, std::move(bytes), 0, size);
}

void feed_data(Session& session, std::uint32_t stream, std::size_t size, std::uint16_t flags = 0) {
  feed(session, {FrameType::kData, flags, stream, static_cast<std::uint32_t>(size)}, Bytes(size, 0x77));
}

/// A listener facing hand-made frames; the ping of its start is out of the way.
Session listener(SessionConfig config = {}) {
  config.side = Side::kListener;
  Session session(kStart, config);
  (void)session.poll_frames();
  return session;
}

Session dialer(SessionConfig config = {}) {
  Session session(kStart, config);
  (void)session.poll_frames();
  return session;
}

const FrameHeader kOpen1{FrameType::kWindowUpdate, kSyn, 1, 0};

/// Two sessions joined by a perfect pipe.
struct Pair {
  Session a;
  Session b;

  explicit Pair(SessionConfig config = {})
      : a(kStart, with(config, Side::kDialer)), b(kStart, with(config, Side::kListener)) {}
  static SessionConfig with(SessionConfig config, Side side) {
    config.side = side;
    return config;
  }
  static bool pass(Session& from, Session& to, Instant now) {
    bool moved = false;
    while (auto out = from.poll_frames()) {
      const std::size_t size = out->size();
      to.handle_bytes(now, std::move(*out), 0, size);
      moved = true;
    }
    return moved;
  }
  void settle(Instant now = kStart) {
    for (bool moved = true; moved;) {
      const bool forth = pass(a, b, now);
      const bool back = pass(b, a, now);
      moved = forth || back;
    }
  }
};

Bytes read_all(Session& session, std::uint32_t stream) {
  Bytes out;
  while (session.unread(stream) > 0) {
    const ByteView piece = session.readable(stream);
    out.insert(out.end(), piece.begin(), piece.end());
    session.consume(kStart, stream, piece.size());
  }
  return out;
}

// Opening

TEST(YamuxSession, OpensOddStreamsAsDialerAndEvenOnesAsListener) {
  Pair pair;
  EXPECT_EQ(pair.a.open(), 1U);
  EXPECT_EQ(pair.a.open(), 3U);
  EXPECT_EQ(pair.b.open(), 2U);
  pair.settle();
  EXPECT_THAT(events_of(pair.b), ElementsAre(Event{Kind::kOpened, 1}, Event{Kind::kOpened, 3}));
  EXPECT_THAT(events_of(pair.a), ElementsAre(Event{Kind::kOpened, 2}));
}

TEST(YamuxSession, SendsDataRightBehindTheOpening) {
  Pair pair;
  const auto id = pair.a.open();
  EXPECT_EQ(pair.a.write(*id, bytes_of("hello")), 5U);
  Pair::pass(pair.a, pair.b, kStart);
  EXPECT_EQ(text_of(pair.b.readable(*id)), "hello");
}

TEST(YamuxSession, TakesAnOpeningInADataFrameWithEverythingAtOnce) {
  Session session = listener();
  feed(session, {FrameType::kData, kSyn | kFin, 1, 2}, bytes_of("hi"));
  EXPECT_THAT(events_of(session),
              ElementsAre(Event{Kind::kOpened, 1}, Event{Kind::kReadable, 1}, Event{Kind::kFinished, 1}));
  EXPECT_EQ(text_of(session.readable(1)), "hi");
}

TEST(YamuxSession, AcknowledgesAnOpenedStream) {
  Session session = listener();
  feed(session, kOpen1);
  EXPECT_THAT(headers_of(session), ElementsAre(FrameHeader{FrameType::kWindowUpdate, kAck, 1, 0}));
}

TEST(YamuxSession, ResetsInboundStreamsBeyondTheLimitOnly) {
  Session session = listener({.inbound_streams = 2});
  for (const std::uint32_t id : {1U, 3U, 5U}) feed(session, {FrameType::kWindowUpdate, kSyn, id, 0});
  EXPECT_EQ(session.streams(), 2U);
  EXPECT_EQ(headers_of(session).back(), (FrameHeader{FrameType::kWindowUpdate, kRst, 5, 0}));
  feed_data(session, 5, 100);  // already under way when the reset was sent
  EXPECT_FALSE(session.failure());
  session.reset(1);
  feed(session, {FrameType::kWindowUpdate, kSyn, 7, 0});
  EXPECT_TRUE(session.has(7));
}

TEST(YamuxSession, OpensNoMoreStreamsThanItsLimitAndTheAckBacklogAllow) {
  Session few = dialer({.outbound_streams = 1});
  EXPECT_TRUE(few.open());
  EXPECT_FALSE(few.open());

  Session many = dialer({.outbound_streams = 2 * kAckBacklog, .receive_cap = std::size_t{1} << 30U});
  for (std::size_t i = 0; i < kAckBacklog; ++i) ASSERT_TRUE(many.open());
  EXPECT_FALSE(many.open());
  feed(many, {FrameType::kWindowUpdate, kAck, 1, 0});
  EXPECT_TRUE(many.open());
  many.reset(3);
  EXPECT_TRUE(many.open());
}

TEST(YamuxSession, RefusesStreamsThatItsReceiveCapCannotCarry) {
  Session session = listener({.receive_cap = 2 * kInitialWindow});
  feed(session, {FrameType::kWindowUpdate, kSyn, 1, 0});
  EXPECT_TRUE(session.open());
  EXPECT_FALSE(session.open());
  (void)frames_of(session);
  feed(session, {FrameType::kWindowUpdate, kSyn, 3, 0});
  EXPECT_THAT(headers_of(session), ElementsAre(FrameHeader{FrameType::kWindowUpdate, kRst, 3, 0}));
}

TEST(YamuxSession, EndsWhenThePeerOpensAStreamThatIsNotItsToOpen) {
  for (const FrameHeader& header :
       {FrameHeader{FrameType::kWindowUpdate, kSyn, 2, 0}, FrameHeader{FrameType::kData, kSyn, 0, 0}}) {
    Session session = listener();
    feed(session, header);
    EXPECT_EQ(session.failure(), Failure::kBadFrame);
  }
  Session twice = listener();
  feed(twice, kOpen1);
  feed(twice, kOpen1);
  EXPECT_EQ(twice.failure(), Failure::kBadFrame);
}

// Flow control

TEST(YamuxSession, RefusesDataBeyondTheWindow) {
  Session session = listener();
  feed(session, kOpen1);
  feed_data(session, 1, kInitialWindow);
  EXPECT_FALSE(session.failure());
  feed_data(session, 1, 1);
  EXPECT_EQ(session.failure(), Failure::kWindowExceeded);
  EXPECT_EQ(session.unread(), 0U);
  EXPECT_THAT(headers_of(session), Contains(FrameHeader{FrameType::kGoAway, 0, 0, 1}));
}

TEST(YamuxSession, RefusesAFrameThatAnnouncesTooMuchBeforeItComes) {
  Session session = listener();
  feed(session, {FrameType::kData, kSyn, 1, kInitialWindow + 1});
  EXPECT_EQ(session.failure(), Failure::kWindowExceeded);
}

TEST(YamuxSession, CreditsWhatWasConsumedAndNothingBefore) {
  Session session = listener();
  feed(session, kOpen1);
  feed_data(session, 1, kInitialWindow);
  (void)frames_of(session);
  session.consume(kStart + 1h, 1, kInitialWindow / 2 - 1);
  EXPECT_THAT(headers_of(session), IsEmpty());
  session.consume(kStart + 1h, 1, 1);
  EXPECT_THAT(headers_of(session), ElementsAre(FrameHeader{FrameType::kWindowUpdate, 0, 1, kInitialWindow / 2}));
}

TEST(YamuxSession, CountsWhatIsAnnouncedAndStillUnderWayAgainstTheWindow) {
  Session session = listener();
  feed(session, kOpen1);
  feed(session, {FrameType::kData, 0, 1, kInitialWindow}, Bytes(kInitialWindow / 2));
  (void)frames_of(session);
  session.consume(kStart + 1h, 1, kInitialWindow / 2 - 1);
  EXPECT_THAT(headers_of(session), IsEmpty());
  session.consume(kStart + 1h, 1, 1);
  EXPECT_THAT(headers_of(session), ElementsAre(FrameHeader{FrameType::kWindowUpdate, 0, 1, kInitialWindow / 2}));
}

TEST(YamuxSession, CountsCreditOnTopOfTheInitialWindow) {
  Session session = dialer();
  const auto id = session.open();
  (void)frames_of(session);
  feed(session, {FrameType::kWindowUpdate, kAck, *id, 1000});
  EXPECT_EQ(session.writable(*id), kInitialWindow + 1000);
}

TEST(YamuxSession, NeverSendsPastThePeersWindow) {
  Session session = dialer({.max_queued_per_stream = 4U << 20U});
  const auto id = session.open();
  const Bytes bytes(2U << 20U, 1);
  EXPECT_EQ(session.write(*id, bytes), kInitialWindow);
  std::size_t sent = 0;
  for (const Frame& frame : frames_of(session)) sent += frame.body.size();
  EXPECT_EQ(sent, kInitialWindow);
  EXPECT_EQ(session.writable(*id), 0U);
  EXPECT_EQ(session.write(*id, bytes), 0U);
}

TEST(YamuxSession, OpensWideWhenAskedAndTheBudgetAllows) {
  Session session = dialer({.receive_cap = 8U << 20U});
  const auto id = session.open(4U << 20U);
  EXPECT_THAT(headers_of(session),
              ElementsAre(FrameHeader{FrameType::kWindowUpdate, kSyn, *id, (4U << 20U) - kInitialWindow}));
  feed_data(session, *id, 4U << 20U, kAck);
  EXPECT_FALSE(session.failure());
  const auto second = session.open(16U << 20U);
  EXPECT_THAT(headers_of(session),
              ElementsAre(FrameHeader{FrameType::kWindowUpdate, kSyn, *second, (4U << 20U) - kInitialWindow}));
}

TEST(YamuxSession, WidensAStreamThePeerOpened) {
  Session session = listener();
  feed(session, kOpen1);
  (void)frames_of(session);
  session.widen(1, 4U << 20U);
  EXPECT_THAT(headers_of(session),
              ElementsAre(FrameHeader{FrameType::kWindowUpdate, 0, 1, (4U << 20U) - kInitialWindow}));
}

TEST(YamuxSession, ClampsCreditThatNoFrameCouldCount) {
  Session session = dialer();
  const auto id = session.open();
  for (int i = 0; i < 3; ++i) feed(session, {FrameType::kWindowUpdate, 0, *id, 0xffffffff});
  EXPECT_FALSE(session.failure());
  EXPECT_EQ(session.writable(*id), SessionConfig{}.max_queued_per_stream);
}

TEST(YamuxSession, GivesTheBudgetOfAClosedStreamBack) {
  Session session = listener({.receive_cap = kInitialWindow});
  for (std::uint32_t id = 1; id < 100; id += 2) {
    feed(session, {FrameType::kData, kSyn, id, 10}, Bytes(10));
    EXPECT_TRUE(session.has(id));
    feed(session, {FrameType::kWindowUpdate, kRst, id, 0});
  }
  EXPECT_EQ(session.unread(), 0U);
}

// Ending

TEST(YamuxSession, HalfClosesAndEndsWhenBothHaveFinishedAndAllIsRead) {
  Pair pair;
  const auto id = pair.a.open();
  pair.a.write(*id, bytes_of("question"));
  pair.a.finish(*id);
  pair.settle();
  EXPECT_THAT(events_of(pair.b),
              ElementsAre(Event{Kind::kOpened, 1}, Event{Kind::kReadable, 1}, Event{Kind::kFinished, 1}));
  EXPECT_EQ(text_of(read_all(pair.b, *id)), "question");
  EXPECT_TRUE(pair.b.at_end(*id));

  pair.b.write(*id, bytes_of("answer"));
  pair.b.finish(*id);
  pair.settle();
  EXPECT_THAT(events_of(pair.b), ElementsAre(Event{Kind::kEnded, 1}));
  EXPECT_TRUE(pair.a.has(*id));
  EXPECT_EQ(text_of(read_all(pair.a, *id)), "answer");
  EXPECT_FALSE(pair.a.has(*id));
}

TEST(YamuxSession, FinishesAfterEverythingWritten) {
  Session session = dialer();
  const auto id = session.open();
  session.write(*id, Bytes(200000, 3));
  session.finish(*id);
  EXPECT_EQ(session.write(*id, bytes_of("late")), 0U);
  const auto headers = headers_of(session);
  EXPECT_EQ(headers.back(), (FrameHeader{FrameType::kWindowUpdate, kFin, *id, 0}));
  EXPECT_EQ(std::count(headers.begin(), headers.end(), headers.back()), 1);
}

TEST(YamuxSession, EndsWhenDataComesAfterTheEnd) {
  Session session = listener();
  feed(session, kOpen1);
  feed(session, {FrameType::kWindowUpdate, kFin, 1, 0});
  feed_data(session, 1, 1);
  EXPECT_EQ(session.failure(), Failure::kBadFrame);
}

TEST(YamuxSession, TakesAResetInEveryState) {
  const FrameHeader reset{FrameType::kWindowUpdate, kRst, 1, 0};
  for (int state = 0; state < 4; ++state) {
    Session session = listener();
    feed(session, kOpen1);
    if (state == 1) feed_data(session, 1, 5000);
    if (state == 2) feed(session, {FrameType::kWindowUpdate, kFin, 1, 0});
    if (state == 3) session.finish(1);
    feed(session, reset);
    EXPECT_THAT(events_of(session), Contains(Event{Kind::kReset, 1})) << "state " << state;
    EXPECT_FALSE(session.has(1));
    feed(session, reset);
    EXPECT_FALSE(session.failure());
  }
}

TEST(YamuxSession, TakesAResetWithABodyAndSkipsTheBody) {
  Session session = listener();
  feed(session, kOpen1);
  feed_data(session, 1, 100, kRst);
  EXPECT_THAT(events_of(session), ElementsAre(Event{Kind::kOpened, 1}, Event{Kind::kReset, 1}));
  feed(session, {FrameType::kWindowUpdate, kSyn, 3, 0});
  EXPECT_TRUE(session.has(3));
}

TEST(YamuxSession, SurvivesItsOwnResetInTheMiddleOfABody) {
  Session session = listener();
  feed(session, kOpen1);
  feed(session, {FrameType::kData, kFin, 1, 50000}, Bytes(20000, 1));
  session.reset(1);
  session.handle_bytes(kStart, Bytes(30000, 1), 0, 30000);
  feed(session, {FrameType::kWindowUpdate, kSyn, 3, 0});
  EXPECT_TRUE(session.has(3));
  EXPECT_EQ(session.unread(), 0U);
}

TEST(YamuxSession, IgnoresFramesForStreamsItDoesNotKnow) {
  Session session = listener();
  feed_data(session, 9, 70000);
  feed(session, {FrameType::kWindowUpdate, kFin, 9, 0});
  feed(session, {FrameType::kWindowUpdate, kRst, 4, 0});
  feed(session, {FrameType::kWindowUpdate, 0, 4, 5});
  EXPECT_FALSE(session.failure());
  EXPECT_THAT(headers_of(session), IsEmpty());
}

TEST(YamuxSession, DropsWhatWasQueuedWhenItResets) {
  Session session = dialer();
  const auto id = session.open();
  session.write(*id, Bytes(100000, 3));
  session.reset(*id);
  EXPECT_EQ(session.queued(), 0U);
  EXPECT_THAT(headers_of(session), ElementsAre(kOpen1, FrameHeader{FrameType::kWindowUpdate, kRst, 1, 0}));
}

// Going away

TEST(YamuxSession, TellsAGoodbyeFromAnAccusation) {
  Session normal = listener();
  feed(normal, {FrameType::kGoAway, 0, 0, 0});
  EXPECT_EQ(normal.failure(), Failure::kPeerClosed);
  Session error = listener();
  feed(error, {FrameType::kGoAway, 0, 0, 1});
  EXPECT_EQ(error.failure(), Failure::kPeerError);
  EXPECT_THAT(headers_of(error), IsEmpty());
}

TEST(YamuxSession, SaysGoodbyeAndThenNothing) {
  Session session = dialer();
  const auto id = session.open();
  session.write(*id, bytes_of("x"));
  session.go_away();
  EXPECT_THAT(headers_of(session), ElementsAre(FrameHeader{FrameType::kGoAway, 0, 0, 0}));
  EXPECT_FALSE(session.open());
  feed(session, {FrameType::kPing, kSyn, 0, 1});
  EXPECT_FALSE(session.poll_frames());
  EXPECT_FALSE(session.poll_timeout());
}

TEST(YamuxSession, EndsOnGarbage) {
  Session session = listener();
  session.handle_bytes(kStart, Bytes(100, 0xff), 0, 100);
  EXPECT_EQ(session.failure(), Failure::kBadFrame);
}

// Pings

TEST(YamuxSession, AnswersAPingWithItsValueBeforeAnyBulk) {
  Session session = listener();
  feed(session, kOpen1);
  session.write(1, Bytes(200000, 1));
  ASSERT_TRUE(session.poll_frames());
  feed(session, {FrameType::kPing, kSyn, 0, 0xabcd});
  const auto headers = headers_of(session);
  EXPECT_EQ(headers.front(), (FrameHeader{FrameType::kPing, kAck, 0, 0xabcd}));
}

TEST(YamuxSession, RefusesPingsWithOtherFlagsOrOnAStream) {
  for (const FrameHeader& header :
       {FrameHeader{FrameType::kPing, 0, 0, 1}, FrameHeader{FrameType::kPing, kSyn | kAck, 0, 1},
        FrameHeader{FrameType::kPing, kSyn, 1, 1}, FrameHeader{FrameType::kGoAway, 0, 1, 0}}) {
    Session session = listener();
    feed(session, header);
    EXPECT_EQ(session.failure(), Failure::kBadFrame);
  }
}

TEST(YamuxSession, EndsWithAPeerThatPingsWithoutReading) {
  Session session = listener();
  for (std::uint32_t i = 0; i < kMaxControlFrames; ++i) feed(session, {FrameType::kPing, kSyn, 0, i});
  EXPECT_FALSE(session.failure());
  feed(session, {FrameType::kPing, kSyn, 0, 0});
  EXPECT_EQ(session.failure(), Failure::kFlooded);
}

TEST(YamuxSession, MeasuresTheRoundTrip) {
  Session session(kStart, {});
  const auto headers = headers_of(session);
  ASSERT_THAT(headers, Not(IsEmpty()));
  EXPECT_EQ(headers.front().flags, kSyn);
  feed(session, {FrameType::kPing, kAck, 0, headers.front().length}, {}, kStart + 25ms);
  EXPECT_EQ(session.round_trip(), 25ms);
}

TEST(YamuxSession, GivesASilentPeerUp) {
  Session session(kStart, {});
  EXPECT_EQ(session.poll_timeout(), kStart + 20s);
  session.handle_timeout(kStart + 20s);
  EXPECT_EQ(session.failure(), Failure::kSilent);
}

// Sending

TEST(YamuxSession, LetsStreamsTakeTurns) {
  Session session = dialer();
  const auto first = session.open();
  const auto second = session.open();
  session.write(*first, Bytes(200000, 1));
  session.write(*second, Bytes(200000, 2));
  std::vector<std::uint32_t> order;
  for (const FrameHeader& header : headers_of(session)) {
    if (header.type == FrameType::kData) order.push_back(header.stream);
  }
  EXPECT_THAT(order, ElementsAre(1, 3, 1, 3, 1, 3, 1, 3));
}

TEST(YamuxSession, SendsSmallWritesTogether) {
  Session session = dialer();
  for (int i = 0; i < 5; ++i) {
    const auto id = session.open();
    session.write(*id, bytes_of("request "));
    session.write(*id, bytes_of("continued"));
  }
  const auto out = session.poll_frames();
  ASSERT_TRUE(out);
  EXPECT_EQ(out->size(), 5 * kHeaderSize + 5 * (kHeaderSize + 17));
  EXPECT_FALSE(session.poll_frames());
}

TEST(YamuxSession, NeverSendsMoreThanTheLayerBelowTakes) {
  const Framing framing{.headroom = 2, .tailroom = 16, .max_plain = 65519};
  Session session = dialer({.framing = framing});
  for (int i = 0; i < 20; ++i) {
    const auto id = session.open();
    session.write(*id, Bytes(static_cast<std::size_t>(7000 + 10000 * (i % 3)), 1));
  }
  while (const auto out = session.poll_frames()) EXPECT_LE(out->size(), 2 + 65519 + 16);
}

TEST(YamuxSession, HandsOutAFullFrameInTheBufferItWasWrittenTo) {
  const Framing framing{.headroom = 2, .tailroom = 16, .max_plain = 65519};
  Session session = dialer({.framing = framing});
  const auto id = session.open();
  (void)session.poll_frames();
  session.write(*id, Bytes(framing.max_body(), 1));
  auto out = session.poll_frames();
  ASSERT_TRUE(out);
  const std::uint8_t* const memory = out->data();
  session.recycle(std::move(*out));
  session.write(*id, Bytes(framing.max_body(), 2));
  out = session.poll_frames();
  ASSERT_TRUE(out);
  EXPECT_EQ(out->data(), memory);
}

TEST(YamuxSession, KeepsNoBuffersOnceItIsIdle) {
  Session session = dialer();
  const auto id = session.open();
  session.write(*id, Bytes(50000, 1));
  while (auto out = session.poll_frames()) session.recycle(std::move(*out));
  feed(session, {FrameType::kPing, kSyn, 0, 1});
  EXPECT_EQ(session.kept_buffers(), 1U);
  session.handle_timeout(kStart + 30s);
  EXPECT_EQ(session.kept_buffers(), 0U);
}

TEST(YamuxSession, QueuesOnlySoMuchInAllAndPerStream) {
  Session session = dialer({.max_queued = 250000, .max_queued_per_stream = 200000});
  const auto first = session.open();
  const auto second = session.open();
  EXPECT_EQ(session.write(*first, Bytes(300000)), 200000U);
  EXPECT_EQ(session.write(*second, Bytes(300000)), 50000U);
  EXPECT_EQ(session.queued(), 250000U);
}

TEST(YamuxSession, SaysWhenThereIsRoomAgainAndOnlyToThoseWhoFellShort) {
  Session session = dialer({.max_queued_per_stream = 100000});
  const auto id = session.open();
  session.write(*id, Bytes(100000));
  EXPECT_THAT(events_of(session), IsEmpty());
  session.write(*id, bytes_of("more"));
  (void)frames_of(session);
  EXPECT_THAT(events_of(session), ElementsAre(Event{Kind::kWritable, *id}));
}

TEST(YamuxSession, WakesAWriterThatWaitedForTheWindow) {
  Session session = dialer();
  const auto id = session.open();
  session.write(*id, Bytes(kInitialWindow + 1));
  (void)frames_of(session);
  EXPECT_THAT(events_of(session), IsEmpty());
  feed(session, {FrameType::kWindowUpdate, 0, *id, 10});
  EXPECT_THAT(events_of(session), ElementsAre(Event{Kind::kWritable, *id}));
  EXPECT_EQ(session.writable(*id), 10U);
}

TEST(YamuxSession, WakesAWriterWhenAnotherStreamLeavesTheSharedQueue) {
  Session session = dialer({.max_queued = 1000});
  const auto first = session.open();
  const auto second = session.open();
  session.write(*first, Bytes(1000));
  EXPECT_EQ(session.write(*second, Bytes(1000)), 0U);
  session.reset(*first);
  EXPECT_THAT(events_of(session), ElementsAre(Event{Kind::kWritable, *second}));
}

TEST(YamuxSession, MovesAMegabyteThroughAPairWhateverTheWindow) {
  Pair pair({.framing = {.headroom = 0, .tailroom = 0, .max_plain = 3000}});
  const auto id = pair.a.open();
  Bytes sent(1U << 20U);
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<std::uint8_t>(i * 31 >> 4U);
  Bytes received;
  for (ByteView rest = sent; received.size() < sent.size();) {
    pair.settle();
    rest = rest.subspan(pair.a.write(*id, rest));
    pair.settle();
    const Bytes piece = read_all(pair.b, *id);
    ASSERT_FALSE(piece.empty());
    received.insert(received.end(), piece.begin(), piece.end());
  }
  EXPECT_EQ(received, sent);
  EXPECT_FALSE(pair.a.failure() || pair.b.failure());
}

}  // namespace
}  // namespace turnpike::yamux
