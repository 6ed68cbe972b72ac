#include "core/contacts/introduction.h"

#include <gtest/gtest.h>

#include "core/contacts/shelf.h"
#include "core/identity/statement.h"
#include "core/multiaddr/peer_record.h"

namespace turnpike::contacts {
namespace {

using namespace std::chrono_literals;

constexpr Now kNow{Instant(1h), {100ULL * 24 * 60 * 60 * 1000}};
const IpAddress kWorld = IpAddress::v4(8, 8, 8, 8);
const IpAddress kNextDoor = IpAddress::v4(192, 168, 1, 9);

class IntroductionTest : public testing::Test {
 protected:
  struct Somebody {
    crypto::SigningKey key;
    identity::PeerId id{key.public_key()};
  };
  Somebody somebody() { return {crypto::SigningKey::generate(random_)}; }
  static std::vector<multiaddr::Multiaddr> at(std::initializer_list<std::string_view> texts) {
    std::vector<multiaddr::Multiaddr> out;
    for (const std::string_view text : texts) out.push_back(*multiaddr::Multiaddr::parse(text));
    return out;
  }
  Bytes record(const Somebody& who, std::uint64_t ms = kNow.wall.unix_ms,
               std::vector<multiaddr::Multiaddr> addresses = at({"/ip4/9.9.9.9/tcp/4001"})) {
    return multiaddr::sign_record(who.key, ms, addresses);
  }
  Result<std::vector<Introduced>, IntroductionError> read(const std::vector<Bytes>& envelopes,
                                                          const IpAddress& from = kWorld) {
    const Bytes bytes = encode_introductions(envelopes);
    ByteReader in(bytes);
    return read_introductions(in.take(in.varint()), kNow.wall, self_.id, teller_.id, from);
  }
  void put(Shelf& shelf, const Somebody& who, const IpAddress& seen = kWorld,
           std::vector<multiaddr::Multiaddr> addresses = at({"/ip4/9.9.9.9/tcp/4001"})) {
    shelf.handle_record(kNow.mono, who.id, seen, record(who, kNow.wall.unix_ms, addresses), kNow.wall.unix_ms,
                        addresses);
  }

  SeededRandom random_{9};
  Somebody self_ = somebody();
  Somebody teller_ = somebody();
  Somebody other_ = somebody();
};

TEST_F(IntroductionTest, TellsWhoIsWhereInTheirOwnSignedWords) {
  const auto told = read({record(other_)});
  ASSERT_TRUE(told);
  EXPECT_EQ(*told, (std::vector{Introduced{other_.id, {{IpAddress::v4(9, 9, 9, 9), 4001}}}}));
}

TEST_F(IntroductionTest, RefusesTheWholeAnswerForOneRecordThatIsNotSigned) {
  Bytes forged = record(other_);
  forged.back() ^= 1U;
  EXPECT_EQ(read({record(somebody()), forged}).error(), IntroductionError::kBadRecord);
  EXPECT_EQ(read({Bytes(100, 7)}).error(), IntroductionError::kBadRecord);
}

TEST_F(IntroductionTest, RefusesARecordFromTheFutureAndPassesOverAnOldOne) {
  EXPECT_EQ(read({record(other_, kNow.wall.unix_ms + identity::kClockToleranceMs + 1)}).error(),
            IntroductionError::kBadRecord);
  EXPECT_EQ(read({record(other_, kNow.wall.unix_ms - kMaxRecordAgeMs)})->size(), 1U);
  EXPECT_TRUE(read({record(other_, kNow.wall.unix_ms - kMaxRecordAgeMs - 1)})->empty());
}

TEST_F(IntroductionTest, PassesOverOurselvesAndTheTellerAndRepetitions) {
  EXPECT_TRUE(read({record(self_), record(teller_)})->empty());
  EXPECT_EQ(read({record(other_), record(other_)})->size(), 1U);
}

TEST_F(IntroductionTest, BelievesNobodyOfAddressesNearerThanTheTeller) {
  const auto inside = at({"/ip4/192.168.1.1/tcp/80", "/ip4/127.0.0.1/tcp/80", "/ip4/0.0.0.0/tcp/80"});
  EXPECT_TRUE(read({record(other_, kNow.wall.unix_ms, inside)})->empty());
  const auto next_door = read({record(other_, kNow.wall.unix_ms, inside)}, kNextDoor);
  ASSERT_EQ(next_door->size(), 1U);
  EXPECT_EQ((*next_door)[0].tcp.size(), 1U);
}

TEST_F(IntroductionTest, RefusesMoreThanTheLimitAndLongerThanTheLimit) {
  const auto refused = [&](const std::vector<Bytes>& records) {
    Bytes body;  // by hand: our own writer leaves out what is too much
    for (const Bytes& each : records) {
      ByteWriter(body).u8(0x0a);
      ByteWriter(body).varint(each.size());
      body.insert(body.end(), each.begin(), each.end());
    }
    return read_introductions(body, kNow.wall, self_.id, teller_.id, kWorld).error();
  };
  std::vector<Bytes> many;
  for (std::size_t i = 0; i <= kMaxIntroductions; ++i) many.push_back(record(somebody()));
  EXPECT_EQ(refused(many), IntroductionError::kTooMany);
  EXPECT_EQ(read(many)->size(), kMaxIntroductions);
  EXPECT_EQ(refused({Bytes(kMaxEnvelope + 1, 1)}), IntroductionError::kTooLong);
  EXPECT_EQ(refused({Bytes(kMaxAnswer, 1)}), IntroductionError::kTooLong);
  EXPECT_EQ(read_introductions(Bytes{0x0a, 9, 1}, kNow.wall, self_.id, teller_.id, kWorld).error(),
            IntroductionError::kMalformed);
}

TEST_F(IntroductionTest, ShelfTellsOfThoseWhoAreThereOrWereAMomentAgo) {
  Shelf shelf;
  put(shelf, other_);
  EXPECT_EQ(shelf.pick(kNow, teller_.id, kWorld, random_).size(), 1U);
  EXPECT_TRUE(shelf.pick(kNow, other_.id, kWorld, random_).empty()) << "nobody is told of himself";
  shelf.handle_gone(kNow.mono, other_.id);
  Now later = kNow;
  later.mono += kFirstHand - 1s;
  EXPECT_EQ(shelf.pick(later, teller_.id, kWorld, random_).size(), 1U);
  later.mono += 1s;
  EXPECT_TRUE(shelf.pick(later, teller_.id, kWorld, random_).empty());
}

TEST_F(IntroductionTest, ShelfTellsOfNoRecordThatNobodyWouldTake) {
  Shelf shelf;
  put(shelf, other_);
  Now later = kNow;
  later.wall.unix_ms += kMaxRecordAgeMs + 1;
  EXPECT_TRUE(shelf.pick(later, teller_.id, kWorld, random_).empty());
}

TEST_F(IntroductionTest, ShelfTellsStrangersOfNoNeighbour) {
  Shelf shelf;
  put(shelf, other_, kNextDoor, at({"/ip4/9.9.9.9/tcp/4001", "/ip4/192.168.1.7/tcp/4001"}));
  EXPECT_TRUE(shelf.pick(kNow, teller_.id, kWorld, random_).empty());
  EXPECT_EQ(shelf.pick(kNow, teller_.id, kNextDoor, random_).size(), 1U);
  put(shelf, self_, kWorld, at({"/ip4/192.168.1.7/tcp/4001"}));
  EXPECT_EQ(shelf.size(), 1U) << "a stranger's private address is nobody's business";
}

TEST_F(IntroductionTest, ShelfHoldsSoManyAndTellsOfSoMany) {
  Shelf shelf;
  std::vector<Somebody> met;
  for (std::size_t i = 0; i < kMaxShelf; ++i) {
    met.push_back(somebody());
    put(shelf, met.back());
  }
  EXPECT_EQ(shelf.pick(kNow, teller_.id, kWorld, random_).size(), kMaxIntroductions);
  put(shelf, other_);
  EXPECT_EQ(shelf.size(), kMaxShelf);
  shelf.handle_gone(kNow.mono, met[5].id);
  put(shelf, other_);
  EXPECT_EQ(shelf.size(), kMaxShelf);
  shelf.handle_gone(kNow.mono, other_.id);
  EXPECT_EQ(shelf.size(), kMaxShelf);
}

}  // namespace
}  // namespace turnpike::contacts
