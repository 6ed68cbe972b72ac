#include "core/multistream/negotiation.h"

#include <gtest/gtest.h>

namespace turnpike::multistream {
namespace {

const std::vector<std::string> kKnown = {"/noise", "/turnpike/store/1"};

Bytes messages(std::initializer_list<std::string_view> texts) {
  Bytes out;
  for (const std::string_view text : texts) append_message(out, text);
  return out;
}

template <class Party>
ByteView feed(Party& party, const Bytes& bytes) {
  ByteView in = bytes;
  party.handle_bytes(in);
  return in;
}

TEST(MultistreamDialer, SendsHeaderAndProposalAtOnce) {
  Dialer dialer({"/noise"});
  EXPECT_EQ(dialer.poll_write(), messages({kHeader, "/noise"}));
  EXPECT_TRUE(dialer.poll_write().empty());
}

TEST(MultistreamDialer, AgreesWithAListenerInOneRoundTrip) {
  Dialer dialer({"/noise"});
  Listener listener(kKnown);
  EXPECT_TRUE(feed(listener, dialer.poll_write()).empty());
  EXPECT_EQ(listener.outcome(), Outcome::kAgreed);
  EXPECT_TRUE(feed(dialer, listener.poll_write()).empty());
  EXPECT_EQ(dialer.outcome(), Outcome::kAgreed);
  EXPECT_EQ(listener.protocol(), "/noise");
  EXPECT_EQ(dialer.protocol(), "/noise");
}

TEST(MultistreamDialer, LeavesWhatFollowsTheAnswerToTheProtocol) {
  Dialer dialer({"/noise"});
  Bytes bytes = messages({kHeader, "/noise"});
  bytes.insert(bytes.end(), {1, 2, 3});
  EXPECT_EQ(feed(dialer, bytes).size(), 3U);
  EXPECT_EQ(dialer.outcome(), Outcome::kAgreed);
}

TEST(MultistreamDialer, ProposesTheNextWhenRefused) {
  Dialer dialer({"/turnpike/store/2", "/turnpike/store/1"});
  Listener listener(kKnown);
  feed(listener, dialer.poll_write());
  feed(dialer, listener.poll_write());
  EXPECT_EQ(dialer.outcome(), Outcome::kPending);
  feed(listener, dialer.poll_write());
  feed(dialer, listener.poll_write());
  EXPECT_EQ(dialer.outcome(), Outcome::kAgreed);
  EXPECT_EQ(dialer.protocol(), "/turnpike/store/1");
}

TEST(MultistreamDialer, IsRefusedWhenNothingIsLeftToPropose) {
  Dialer dialer({"/tls/1.0.0"});
  feed(dialer, messages({kHeader, kNotAvailable}));
  EXPECT_EQ(dialer.outcome(), Outcome::kRefused);
}

TEST(MultistreamDialer, BreaksOnAnEchoOfSomethingElse) {
  Dialer dialer({"/noise"});
  feed(dialer, messages({kHeader, "/tls/1.0.0"}));
  EXPECT_EQ(dialer.outcome(), Outcome::kBroken);
}

TEST(MultistreamDialer, BreaksOnAnAnswerWithoutHeader) {
  Dialer dialer({"/noise"});
  feed(dialer, messages({"/noise"}));
  EXPECT_EQ(dialer.outcome(), Outcome::kBroken);
}

TEST(MultistreamListener, LeavesDataPipelinedBehindTheProposalAlone) {
  Listener listener(kKnown);
  Bytes bytes = messages({kHeader, "/noise"});
  bytes.insert(bytes.end(), {0, 32});
  EXPECT_EQ(feed(listener, bytes).size(), 2U);
  EXPECT_EQ(listener.poll_write(), messages({kHeader, "/noise"}));
}

TEST(MultistreamListener, AnswersNaToWhatItDoesNotKnowAndGoesOn) {
  Listener listener(kKnown);
  feed(listener, messages({kHeader, "ls", "/tls/1.0.0", "/noise"}));
  EXPECT_EQ(listener.poll_write(), messages({kHeader, kNotAvailable, kNotAvailable, "/noise"}));
  EXPECT_EQ(listener.outcome(), Outcome::kAgreed);
}

TEST(MultistreamListener, HearsOnlySoManyProposals) {
  Listener listener(kKnown);
  feed(listener, messages({kHeader}));
  for (std::size_t i = 0; i + 1 < kMaxProposals; ++i) feed(listener, messages({"/other"}));
  EXPECT_EQ(listener.outcome(), Outcome::kPending);
  feed(listener, messages({"/other"}));
  EXPECT_EQ(listener.outcome(), Outcome::kBroken);
}

TEST(MultistreamListener, BreaksOnAStrangerOfAnotherProtocol) {
  Listener listener(kKnown);
  feed(listener,
       copy_of(bytes_of("GET / HTTP/1.1\r\nHost: a.example\r\nAccept: text/html,application/xhtml+xml\r\n\r\n")));
  EXPECT_EQ(listener.outcome(), Outcome::kBroken);
}

}  // namespace
}  // namespace turnpike::multistream
