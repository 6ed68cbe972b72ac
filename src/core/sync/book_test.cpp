#include "core/sync/book.h"

#include <gmock/gmock.h>

namespace turnpike::sync {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Instant kStart(1000s);

PeerId peer(std::size_t n) {
  PeerId id;
  id.public_key[0] = static_cast<std::uint8_t>(n);
  id.public_key[1] = static_cast<std::uint8_t>(n >> 8U);
  return id;
}

store::StoreId store_id(std::size_t n) {
  store::StoreId id;
  for (std::size_t i = 0; i < 4; ++i) id.bytes[i] = static_cast<std::uint8_t>(n >> (8 * i));
  return id;
}

store::Content content(std::uint8_t tag) { return {.size = 1000U + tag, .root = Digest{tag}}; }

Announcement by(std::size_t n, const store::Content& what, std::uint64_t seq = 1) {
  return {.peer = peer(n),
          .from = IpAddress::v4(203, static_cast<std::uint8_t>(n >> 8U), static_cast<std::uint8_t>(n), 1),
          .content = what,
          .seq = seq};
}

class SyncBook : public testing::Test {
 protected:
  SeededRandom random_{11};
  Book book_{{}, random_};
};

TEST_F(SyncBook, LooksUpInBatchesNoFasterThanItsGap) {
  for (std::size_t i = 0; i < 150; ++i) book_.learn(kStart, store_id(i), content(1));
  EXPECT_THAT(*book_.poll_lookup(kStart), SizeIs(kMaxIdsPerLookup));
  EXPECT_FALSE(book_.poll_lookup(kStart));
  EXPECT_EQ(book_.poll_timeout(), kStart + kLookupBatchGap);
  EXPECT_THAT(*book_.poll_lookup(kStart + kLookupBatchGap), SizeIs(kMaxIdsPerLookup));
  EXPECT_THAT(*book_.poll_lookup(kStart + 2 * kLookupBatchGap), SizeIs(150 - 2 * kMaxIdsPerLookup));
}

TEST_F(SyncBook, AsksForNoStoreMoreOftenThanItsGap) {
  book_.learn(kStart, store_id(1), content(1));
  (void)book_.poll_lookup(kStart);
  book_.learn(kStart + 100ms, store_id(1), content(2));
  EXPECT_FALSE(book_.poll_lookup(kStart + 1s));
  EXPECT_THAT(*book_.poll_lookup(kStart + kMinLookupGap), ElementsAre(store_id(1)));
}

TEST_F(SyncBook, LooksAgainForAStoreNobodyHasWithBackOff) {
  book_.want(kStart, store_id(1));
  Instant at = kStart;
  Duration last{};
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(book_.poll_lookup(at)) << i;
    book_.set_announcers(at, 0, store_id(1), {});
    const Duration delay = *book_.poll_timeout() - at;
    EXPECT_GT(delay, last);
    EXPECT_LE(delay, kLookupPeriod * 5 / 4);
    last = delay;
    at += delay;
  }
}

TEST_F(SyncBook, AsksAgainWhenNoBootstrapCouldBeAsked) {
  book_.learn(kStart, store_id(1), content(1));
  book_.put_back(kStart, *book_.poll_lookup(kStart));
  EXPECT_TRUE(book_.poll_lookup(kStart + kMinLookupGap));
}

TEST_F(SyncBook, LooksUpNothingThatIsHere) {
  book_.set_local(kStart, store_id(1), {.content = content(1)});
  book_.learn(kStart, store_id(1), content(1));
  EXPECT_FALSE(book_.poll_lookup(kStart + 1h));
}

TEST_F(SyncBook, JoinsWhatSeveralBootstrapsTellAndForgetsWhatEachTakesBack) {
  book_.set_announcers(kStart, 0, store_id(1), {by(1, content(1)), by(2, content(1))});
  book_.set_announcers(kStart, 1, store_id(1), {by(2, content(1))});
  EXPECT_EQ(book_.announcers(store_id(1)), 2U);
  book_.set_announcers(kStart, 0, store_id(1), {});
  EXPECT_EQ(book_.announcers(store_id(1)), 1U);
  book_.set_announcers(kStart, 1, store_id(1), {});
  EXPECT_EQ(book_.announcers(store_id(1)), 0U);
  EXPECT_EQ(book_.announcements(), 0U);
}

TEST_F(SyncBook, BelievesThePeersLatestWord) {
  book_.set_announcers(kStart, 0, store_id(1), {by(1, content(1), 5)});
  book_.set_announcers(kStart, 1, store_id(1), {by(1, content(2), 4)});
  EXPECT_EQ(book_.plan(kStart, store_id(1)).start, content(1));
  book_.set_announcers(kStart, 1, store_id(1), {by(1, content(2), 6)});
  EXPECT_EQ(book_.plan(kStart, store_id(1)).start, content(2));
}

TEST_F(SyncBook, KeepsNoMoreAnnouncersOfAStoreThanItsLimit) {
  std::vector<Announcement> many;
  for (std::size_t n = 0; n < kMaxAnnouncersPerStore + 9; ++n) many.push_back(by(n, content(1)));
  book_.set_announcers(kStart, 0, store_id(1), many);
  EXPECT_EQ(book_.announcers(store_id(1)), kMaxAnnouncersPerStore);
  EXPECT_EQ(book_.passed_over(), 9U);
}

TEST_F(SyncBook, KeepsNoMoreAnnouncementsOverallThanItsLimit) {
  std::vector<Announcement> many;
  for (std::size_t n = 0; n < kMaxAnnouncersPerStore; ++n) many.push_back(by(n, content(1)));
  book_.set_mode(kStart, SyncMode::kListed);
  const std::size_t full = kMaxAnnouncements / kMaxAnnouncersPerStore;
  for (std::size_t i = 0; i <= full; ++i) book_.set_announcers(kStart, 0, store_id(i), many);
  EXPECT_EQ(book_.announcements(), kMaxAnnouncements);
  EXPECT_GT(book_.passed_over(), 0U);
}

TEST_F(SyncBook, KnowsNoMoreStoresThanItsLimitButAlwaysTheUsersOwn) {
  for (std::size_t i = 0; i < kMaxStores + 5; ++i) book_.learn(kStart, store_id(i), content(1));
  EXPECT_EQ(book_.size(), kMaxStores);
  EXPECT_EQ(book_.passed_over(), 5U);
  book_.want(kStart, store_id(kMaxStores + 1));
  EXPECT_TRUE(book_.knows(store_id(kMaxStores + 1)));
}

TEST_F(SyncBook, RemembersNoMoreFailedContentsThanItsLimit) {
  // A liar announces ever new bytes and is found out each time.
  for (std::uint8_t i = 1; i <= 3 * kMaxAttempts; ++i) {
    book_.set_announcers(kStart, 0, store_id(1), {by(1, content(i), i)});
    const Target target{store_id(1), content(i)};
    ASSERT_EQ(book_.next_start(), target);
    book_.set_active(kStart, target, true);
    book_.blame(kStart, target, peer(1), "it sent wrong bytes");
    book_.set_active(kStart, target, false);
    EXPECT_FALSE(book_.next_start());
  }
  EXPECT_THAT(book_.history(store_id(1)), SizeIs(testing::Le(kMaxHistory)));
}

TEST_F(SyncBook, RemembersNoMoreTroublesThanItsLimitAndTheBlamedOnesLongest) {
  const Target target{store_id(1), content(1)};
  book_.set_announcers(kStart, 0, store_id(1), {by(1, content(1))});
  book_.blame(kStart, target, peer(1), "it sent wrong bytes");
  for (std::size_t n = 2; n < 3 * kMaxTroubles; ++n) book_.trouble(kStart, target, peer(n), "it is busy", 1s);
  EXPECT_TRUE(book_.is_blamed(target, peer(1)));
}

TEST_F(SyncBook, WaitsLongerAfterEachFailureAndUpToTenMinutes) {
  const Target target{store_id(1), content(1)};
  book_.set_announcers(kStart, 0, store_id(1), {by(1, content(1))});
  Instant at = kStart;
  for (int i = 0; i < 12; ++i) {
    book_.fail(at, target, "no answer", false);
    const Plan plan = book_.plan(at, store_id(1));
    EXPECT_EQ(plan.state, "waiting");
    EXPECT_EQ(plan.reason, "no answer");
    ASSERT_TRUE(plan.next);
    EXPECT_GE(*plan.next - at, kFirstBackoff * 3 / 4);
    EXPECT_LE(*plan.next - at, kBackoffLimit * 5 / 4);
    at = *plan.next;
    book_.handle_timeout(at);
    EXPECT_EQ(book_.next_start(), target);
  }
}

TEST_F(SyncBook, TriesAtOnceWhenSomebodyNewAnnouncesIt) {
  const Target target{store_id(1), content(1)};
  book_.set_announcers(kStart, 0, store_id(1), {by(1, content(1))});
  for (int i = 0; i < 5; ++i) book_.fail(kStart, target, "no answer", false);
  EXPECT_FALSE(book_.next_start());
  book_.set_announcers(kStart, 0, store_id(1), {by(1, content(1)), by(2, content(1))});
  EXPECT_EQ(book_.next_start(), target);
}

TEST_F(SyncBook, TriesAtOnceWhenThePeerRegisteredAnew) {
  const Target target{store_id(1), content(1)};
  book_.set_announcers(kStart, 0, store_id(1), {by(1, content(1), 1)});
  book_.fail(kStart, target, "no answer", false);
  book_.set_announcers(kStart, 0, store_id(1), {by(1, content(1), 2)});
  EXPECT_EQ(book_.next_start(), target);
}

TEST_F(SyncBook, DoesNotCureADiskByNewAnnouncers) {
  const Target target{store_id(1), content(1)};
  book_.set_announcers(kStart, 0, store_id(1), {by(1, content(1))});
  book_.fail(kStart, target, "the disk is full", true);
  book_.set_announcers(kStart, 0, store_id(1), {by(1, content(1)), by(2, content(1))});
  EXPECT_FALSE(book_.next_start());
  EXPECT_EQ(book_.plan(kStart, store_id(1)).state, "paused");
}

TEST_F(SyncBook, DoesNotCountABlamedPeersWord) {
  book_.set_announcers(kStart, 0, store_id(1), {by(1, content(1)), by(2, content(2))});
  EXPECT_FALSE(book_.is_chosen({store_id(1), content(3)}));
  EXPECT_EQ(book_.mark_of({store_id(1), content(1)}), Mark::kContested);
  book_.blame(kStart, {store_id(1), content(1)}, peer(1), "it sent wrong bytes");
  EXPECT_FALSE(book_.is_chosen({store_id(1), content(1)}));
  EXPECT_EQ(book_.mark_of({store_id(1), content(2)}), Mark::kUnconfirmed);
}

TEST_F(SyncBook, SaysWhenOnlyLiarsAnnounceAStore) {
  book_.set_announcers(kStart, 0, store_id(1), {by(1, content(1))});
  book_.blame(kStart, {store_id(1), content(1)}, peer(1), "it sent wrong bytes");
  EXPECT_THAT(book_.plan(kStart, store_id(1)).reason, HasSubstr("wrong bytes"));
}

TEST_F(SyncBook, AsksThoseFirstWhoFailedLeast) {
  const Target target{store_id(1), content(1)};
  book_.set_announcers(kStart, 0, store_id(1), {by(1, content(1)), by(2, content(1)), by(3, content(1))});
  book_.trouble(kStart, target, peer(1), "it is busy", {});
  book_.trouble(kStart, target, peer(3), "it is busy", {});
  book_.trouble(kStart, target, peer(3), "it is busy", {});
  EXPECT_THAT(book_.sources(kStart, target), ElementsAre(peer(2)));
  EXPECT_THAT(book_.sources(kStart + 1h, target), ElementsAre(peer(2), peer(1), peer(3)));
  book_.succeed(target, peer(3));
  EXPECT_THAT(book_.sources(kStart, target), SizeIs(2));
}

TEST_F(SyncBook, RaisesTheMarkOfAStoreThatOthersConfirmLater) {
  book_.set_announcers(kStart, 0, store_id(1), {by(1, content(1))});
  book_.complete(kStart, {store_id(1), content(1)}, Mark::kUnconfirmed);
  EXPECT_EQ(book_.local_mark(store_id(1)), Mark::kUnconfirmed);
  book_.set_announcers(kStart, 0, store_id(1), {by(1, content(1)), by(2, content(1))});
  EXPECT_EQ(book_.local_mark(store_id(1)), Mark::kConfirmed);
}

TEST_F(SyncBook, LooksForTheStoreAgainWhenItsFileIsGone) {
  book_.set_local(kStart, store_id(1), {.content = content(1)});
  EXPECT_FALSE(book_.poll_lookup(kStart));
  book_.clear_local(kStart, store_id(1));
  EXPECT_TRUE(book_.poll_lookup(kStart));
}

TEST_F(SyncBook, WantsNothingByItselfWhileSyncIsOff) {
  book_.set_mode(kStart, SyncMode::kOff);
  book_.learn(kStart, store_id(1), content(1));
  EXPECT_FALSE(book_.poll_lookup(kStart));
  book_.want(kStart, store_id(1));
  EXPECT_TRUE(book_.poll_lookup(kStart));
  book_.set_announcers(kStart, 0, store_id(1), {by(1, content(1))});
  EXPECT_TRUE(book_.next_is_asked_for());
  book_.unwant(kStart, store_id(1));
  EXPECT_FALSE(book_.next_start());
}

TEST_F(SyncBook, ForgetsItsWaitsWhenTheNetworkChanges) {
  const Target target{store_id(1), content(1)};
  book_.set_announcers(kStart, 0, store_id(1), {by(1, content(1))});
  book_.trouble(kStart, target, peer(1), "no answer", 5min);
  EXPECT_FALSE(book_.next_start());
  book_.retry_now(kStart);
  EXPECT_EQ(book_.next_start(), target);
}

TEST_F(SyncBook, ShowsOnlySoManyStoresThatNobodyHereWants) {
  book_.set_mode(kStart, SyncMode::kListed);
  for (std::size_t i = 0; i < kMaxKnown + 10; ++i) {
    EXPECT_EQ(book_.wants_inventory(), i < kMaxKnown);
    book_.learn(kStart, store_id(i), content(1));
  }
  EXPECT_EQ(book_.size(), kMaxKnown);
  EXPECT_EQ(book_.passed_over(), 10U);
  EXPECT_EQ(book_.plan(kStart, store_id(1)).state, "known");
  EXPECT_EQ(book_.content_of(store_id(1)), content(1));
  EXPECT_FALSE(book_.poll_lookup(kStart)) << "nobody is asked for what is not wanted";
  book_.want(kStart, store_id(1));
  EXPECT_TRUE(book_.wants_inventory());
  book_.set_mode(kStart, SyncMode::kAll);
  EXPECT_TRUE(book_.wants_inventory());
  EXPECT_TRUE(book_.poll_lookup(kStart));
}

/// A store was fetched, from several networks, and our disk damaged it.
class SyncBookClaim : public SyncBook {
 protected:
  SyncBookClaim() {
    book_.set_local(kStart, store_id(1), {.content = content(1), .mark = Mark::kConfirmed, .brought = true});
    book_.set_claim(kStart, store_id(1), {.content = content(1), .mark = Mark::kConfirmed});
  }
  void announce(const std::vector<Announcement>& what) { book_.set_announcers(kStart, 0, store_id(1), what); }
  std::optional<store::Content> next() {
    const auto target = book_.next_start();
    return target ? std::optional(target->content) : std::nullopt;
  }
};

TEST_F(SyncBookClaim, IsLookedUpAndFetchedAgain) {
  EXPECT_FALSE(book_.local(store_id(1)));
  EXPECT_THAT(*book_.poll_lookup(kStart), ElementsAre(store_id(1)));
  announce({by(1, content(1))});
  EXPECT_EQ(next(), content(1));
  EXPECT_THAT(book_.history(store_id(1)).front(), HasSubstr("damaged"));
}

TEST_F(SyncBookClaim, IsPreferredToOtherBytesThatAreNoSurer) {
  announce({by(1, content(2)), by(2, content(2)), by(3, content(1))});
  EXPECT_EQ(next(), content(1));
}

TEST_F(SyncBookClaim, IsNotReplacedByLessSureBytes) {
  announce({by(1, content(2))});
  EXPECT_EQ(next(), std::nullopt);
  EXPECT_THAT(book_.plan(kStart, store_id(1)).reason, HasSubstr("less sure"));
}

TEST_F(SyncBookClaim, YieldsToSurerBytes) {
  Announcement trusted = by(1, content(2));
  trusted.trusted = true;
  announce({trusted, by(3, content(1))});
  EXPECT_EQ(next(), content(2));
}

TEST_F(SyncBookClaim, IsOverWhenTheStoreIsHereAgain) {
  book_.set_local(kStart, store_id(1), {.content = content(1), .mark = Mark::kConfirmed, .brought = true});
  book_.clear_local(kStart, store_id(1));
  announce({by(1, content(2))});
  EXPECT_EQ(next(), content(2));
}

TEST_F(SyncBook, TellsNobodyOfAPrivateStoreAndAsksNobodyForIt) {
  book_.set_private(kStart, store_id(1), true);
  book_.set_local(kStart, store_id(1), {.content = content(1), .mark = Mark::kUnconfirmed});
  ASSERT_THAT(book_.locals(), SizeIs(1));
  EXPECT_FALSE(book_.locals()[0].second.shared);
  EXPECT_FALSE(book_.poll_lookup(kStart + 2h)) << "a question would tell that it is known here";
  book_.set_private(kStart, store_id(1), false);
  EXPECT_TRUE(book_.locals()[0].second.shared);
}

TEST_F(SyncBook, KeepsAStorePrivateThatIsFetchedOrReplaced) {
  book_.want(kStart, store_id(1));
  book_.set_private(kStart, store_id(1), true);
  book_.set_announcers(kStart, 0, store_id(1), {by(1, content(1))});
  book_.complete(kStart, {store_id(1), content(1)}, Mark::kUnconfirmed);
  EXPECT_FALSE(book_.locals()[0].second.shared);
  book_.set_local(kStart, store_id(1), {.content = content(2)});
  EXPECT_FALSE(book_.locals()[0].second.shared);
}

}  // namespace
}  // namespace turnpike::sync
