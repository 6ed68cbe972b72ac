#include "core/signal/message.h"

#include <gtest/gtest.h>

#include "core/identity/seal.h"
#include "core/identity/statement.h"

namespace turnpike::signal {
namespace {

constexpr WallTime kNow{1'795'000'000'000};

struct Signal : testing::Test {
  SeededRandom random{1};
  crypto::SigningKey alice = crypto::SigningKey::generate(random);
  crypto::SigningKey bob = crypto::SigningKey::generate(random);
  identity::ReplayWindow seen;
  std::uint64_t seq = kNow.unix_ms;

  RelayOffer offer() const {
    return {.bootstrap = {{9, 8, 7}},
            .bootstrap_url = "https://bootstrap.example",
            .session = {{1, 2, 3}},
            .credential = {{4, 5, 6}},
            .quote = {1U << 30U, 1'000'000, WallTime{kNow.unix_ms + 3'600'000}}};
  }
  static PeerId id(const crypto::SigningKey& key) { return {key.public_key()}; }
  Bytes from_alice_to_bob() { return seal_message(random, alice, id(bob), ++seq, kNow, offer()); }
  Bytes sealed(const crypto::SigningKey& signer, const identity::Statement& statement) {
    return identity::seal(random, id(bob), identity::sign_statement(signer, statement));
  }
  identity::Statement statement() const {
    return {.type = std::string(kStatementType),
            .audience = id(bob),
            .seq = kNow.unix_ms,
            .expires = WallTime{kNow.unix_ms + kLifetimeMs},
            .body = encode_body(offer())};
  }
  SignalError error_of(ByteView sealed, WallTime now = kNow) {
    const auto received = open_message(bob, seen, now, sealed);
    EXPECT_FALSE(received);
    return received ? SignalError{} : received.error();
  }
};

TEST_F(Signal, TellsTheRecipientWhoOffersWhat) {
  const auto received = open_message(bob, seen, kNow, from_alice_to_bob());
  ASSERT_TRUE(received);
  EXPECT_EQ(received->from, id(alice));
  EXPECT_EQ(std::get<RelayOffer>(received->message), offer());
}

TEST_F(Signal, TellsTheCarrierNothing) {
  const Bytes sealed = from_alice_to_bob();
  const auto holds = [&](ByteView part) {
    return std::search(sealed.begin(), sealed.end(), part.begin(), part.end()) != sealed.end();
  };
  EXPECT_FALSE(holds(ByteView(offer().credential.bytes).first(3)));
  EXPECT_FALSE(holds(bytes_of(offer().bootstrap_url)));
  EXPECT_FALSE(holds(alice.public_key()));
}

TEST_F(Signal, IsRefusedTheSecondTime) {
  const Bytes sealed = from_alice_to_bob();
  ASSERT_TRUE(open_message(bob, seen, kNow, sealed));
  EXPECT_EQ(error_of(sealed), SignalError::kReplayed);
}

TEST_F(Signal, IsForItsRecipientOnly) {
  const Bytes sealed = from_alice_to_bob();
  EXPECT_EQ(open_message(alice, seen, kNow, sealed).error(), SignalError::kNotForUs);
}

TEST_F(Signal, CannotBePassedOnToSomebodyElse) {  // bob re-seals what alice signed for him
  auto statement_for_alice = statement();
  statement_for_alice.audience = id(alice);
  EXPECT_EQ(error_of(sealed(alice, statement_for_alice)), SignalError::kBadStatement);
}

TEST_F(Signal, OfAnotherTypeIsRefused) {
  auto registration = statement();
  registration.type = "registration";
  EXPECT_EQ(error_of(sealed(alice, registration)), SignalError::kBadStatement);
}

TEST_F(Signal, IsRefusedWhenItIsLate) {
  const Bytes late = from_alice_to_bob();
  EXPECT_EQ(error_of(late, WallTime{kNow.unix_ms + kLifetimeMs + identity::kClockToleranceMs + 1}),
            SignalError::kStale);
}

TEST_F(Signal, IsRefusedUnopenedAboveTheLimit) {
  EXPECT_EQ(error_of(Bytes(kMaxSealedSize + 1)), SignalError::kTooLarge);
  EXPECT_EQ(error_of(Bytes(kMaxSealedSize)), SignalError::kNotForUs);
}

TEST_F(Signal, FitsTheLimitAtItsLargest) {
  RelayOffer largest = offer();
  largest.bootstrap_url = std::string(kMaxUrlSize, 'x');
  largest.quote = {~std::uint64_t{0}, ~std::uint64_t{0}, WallTime{~std::uint64_t{0}}};
  EXPECT_LE(seal_message(random, alice, id(bob), ~std::uint64_t{0}, kNow, largest).size(), kMaxSealedSize);
}

TEST_F(Signal, OfANewerKindIsToldApartFromNonsense) {
  auto newer = statement();
  newer.body = {0xfa, 0x01, 0x01, 0x00};  // field 31, one byte long
  EXPECT_EQ(error_of(sealed(alice, newer)), SignalError::kUnknownKind);
  auto nonsense = statement();
  nonsense.seq += 1;
  nonsense.body = {0x0a, 0xff};
  EXPECT_EQ(error_of(sealed(alice, nonsense)), SignalError::kMalformed);
}

TEST_F(Signal, RefusesFieldsOfAnyOtherLength) {
  const Bytes body = encode_body(offer());
  for (std::size_t size = 0; size < body.size(); ++size) {
    const auto read = decode_body(ByteView(body).first(size));
    EXPECT_TRUE(!read || size > 0) << "at " << size;
  }
  EXPECT_EQ(decode_body(Bytes{0x0a, 0x00}).error(), SignalError::kMalformed);  // an offer of nothing
  RelayOffer long_url = offer();
  long_url.bootstrap_url = std::string(kMaxUrlSize + 9, 'x');
  EXPECT_EQ(std::get<RelayOffer>(*decode_body(encode_body(long_url))).bootstrap_url.size(), kMaxUrlSize);
}

TEST_F(Signal, CarriesWhatServersAndTheirClientsAgreeOn) {
  const Endpoint v4{IpAddress::v4(198, 51, 100, 7), 4001};
  const Endpoint v6{*IpAddress::parse("2001:db8::7"), 4001};
  const std::vector<Message> all{
      TurnQuery{7},
      TurnDistances{7, {{id(alice), Duration(12'345)}, {id(bob), Duration(0)}}},
      TurnRequest{8, id(bob)},
      TurnGranted{8, Bytes(300, 1), {"1795000000:00:12D3", "secret"}, Bytes(700, 2)},
      TurnRefused{8, turn::RefusalReason::kSpent, std::chrono::milliseconds(60'000)},
      TurnOffer{Bytes(700, 2)},
      DialMe{{v4, v6}, {v4}},
  };
  for (const Message& each : all) {
    const auto read = decode_body(encode_body(each));
    ASSERT_TRUE(read) << each.index();
    EXPECT_EQ(*read, each) << each.index();
  }
}

TEST_F(Signal, RefusesWhatIsAboveALimit) {
  const auto refused = [](const Message& message) {
    const auto read = decode_body(encode_body(message));
    return !read && read.error() == SignalError::kMalformed;
  };
  EXPECT_TRUE(refused(TurnDistances{1, std::vector<Distance>(kMaxDistances + 1, Distance{id(bob), {}})}));
  EXPECT_TRUE(refused(TurnDistances{1, {{id(bob), std::chrono::minutes(2)}}}));
  EXPECT_TRUE(refused(TurnGranted{1, Bytes(kMaxGrantSize + 1), {"a", "b"}, {}}));
  EXPECT_TRUE(refused(TurnGranted{1, {}, {"", "b"}, {}}));
  EXPECT_TRUE(refused(TurnGranted{1, {}, {"a", std::string(kMaxCredentialText + 1, 'x')}, {}}));
  EXPECT_TRUE(refused(TurnGranted{1, {}, {"a\n", "b"}, {}}));
  EXPECT_TRUE(refused(TurnRefused{1, static_cast<turn::RefusalReason>(99), {}}));
  const std::vector<Endpoint> many(kMaxDialled + 1, Endpoint{IpAddress::v4(192, 0, 2, 1), 1});
  EXPECT_TRUE(refused(DialMe{many, {}}));
  EXPECT_TRUE(refused(DialMe{{}, many}));
  EXPECT_TRUE(refused(DialMe{{{IpAddress::v4(192, 0, 2, 1), 0}}, {}}));
}

PunchEnd punch_end() {
  return {.number = 7,
          .credentials = {"abcdefgh", "abcdefghijklmnopqrstuvwx"},
          .candidates = {{{IpAddress::v4(203, 0, 113, 9), 4001}, punch::CandidateKind::kReflexive},
                         {*Endpoint::parse("[2001:db8::9]:4001"), punch::CandidateKind::kHost}},
          .behaviour = {.mapping = punch::Mapping::kAddressAndPortDependent,
                        .allocation = punch::PortAllocation::kSequential,
                        .stride = -2,
                        .last_port = 40'000}};
}

TEST_F(Signal, AnEndOfAPunchComesBackAsItWent) {
  const Message offer = PunchOffer{punch_end()};
  const Message answer = PunchAnswer{punch_end()};
  EXPECT_EQ(*decode_body(encode_body(offer)), offer);
  EXPECT_EQ(*decode_body(encode_body(answer)), answer);
}

TEST_F(Signal, RefusesAnEndOfAPunchThatCannotBe) {
  const auto refused = [](const auto& spoil) {
    PunchEnd end = punch_end();
    spoil(end);
    const auto read = decode_body(encode_body(PunchOffer{end}));
    return !read && read.error() == SignalError::kMalformed;
  };
  EXPECT_TRUE(refused([](PunchEnd& end) { end.candidates.resize(punch::kMaxCandidates + 1, end.candidates[0]); }));
  EXPECT_TRUE(refused([](PunchEnd& end) { end.credentials.password = "short"; }));
  EXPECT_TRUE(refused([](PunchEnd& end) { end.credentials.ufrag = "a:b:c"; }));
  EXPECT_TRUE(refused([](PunchEnd& end) { end.behaviour.stride = punch::kMaxStride + 1; }));
  EXPECT_TRUE(refused([](PunchEnd& end) { end.behaviour.stride = 0; }));
  EXPECT_TRUE(refused([](PunchEnd& end) { end.behaviour.mapping = static_cast<punch::Mapping>(9); }));
  EXPECT_TRUE(refused([](PunchEnd& end) { end.behaviour.allocation = static_cast<punch::PortAllocation>(9); }));
  EXPECT_TRUE(refused([](PunchEnd& end) { end.candidates[0].kind = static_cast<punch::CandidateKind>(9); }));
}

TEST_F(Signal, RefusesUrlsThatWouldUpsetATerminal) {
  RelayOffer odd = offer();
  odd.bootstrap_url = "https://x/\x1b[2J";
  EXPECT_EQ(decode_body(encode_body(odd)).error(), SignalError::kMalformed);
}

}  // namespace
}  // namespace turnpike::signal
