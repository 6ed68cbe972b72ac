#include "core/portmap/port_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <vector>

namespace turnpike::portmap {
namespace {

using namespace std::chrono_literals;
constexpr Instant kStart{1000s};

struct Fixture {
  explicit Fixture(SetShape shape = SetShape::kGroup) : set(random, 4001, shape) { set.start(); }

  SeededRandom random{5};
  PortSet set;
  std::vector<Ask> asked;

  /// Answers everything that is asked; `port` gives the external port, or a refusal.
  void answer(Instant now, const std::function<std::variant<std::uint16_t, Refusal>(const Ask&)>& port,
              Seconds lease = 7200s) {
    while (const auto ask = set.poll_ask()) {
      asked.push_back(*ask);
      const auto out = ask->is_removal() ? std::variant<std::uint16_t, Refusal>{ask->external_port} : port(*ask);
      if (const auto* granted = std::get_if<std::uint16_t>(&out)) {
        set.handle_granted(
            now, {.ask = *ask, .external_port = *granted, .external = {}, .lease = ask->is_removal() ? 0s : lease});
      } else {
        set.handle_refused(
            now, {.ask = *ask, .why = std::get<Refusal>(out), .again = {}, .external = {}, .detail = "because"});
      }
    }
  }
  void grant_all(Instant now, Seconds lease = 7200s) {
    answer(now, [](const Ask& ask) { return ask.external_port; }, lease);
  }
  [[nodiscard]] std::vector<std::uint16_t> held() const {
    std::vector<std::uint16_t> out;
    for (const auto& entry : set.entries()) {
      if (entry.is_held) out.push_back(entry.external_port);
    }
    return out;
  }
};

TEST(PortSet, MapsTheFivePortsAtTheirUsualPlaces) {
  Fixture f;
  EXPECT_FALSE(f.set.is_settled());
  f.grant_all(kStart);
  EXPECT_TRUE(f.set.is_settled());
  EXPECT_TRUE(f.set.is_group());
  EXPECT_EQ(f.held(), (std::vector<std::uint16_t>{4001, 4001, 5001, 6001, 6001}));
}

TEST(PortSet, AsksOneAtATime) {
  Fixture f;
  const auto first = f.set.poll_ask();
  ASSERT_TRUE(first);
  EXPECT_FALSE(f.set.poll_ask());
  f.set.handle_granted(kStart, {.ask = *first, .external_port = 4001, .external = {}, .lease = 7200s});
  EXPECT_TRUE(f.set.poll_ask());
}

TEST(PortSet, MovesAsOneGroupToTheBaseThatTheRouterChose) {
  Fixture f;
  // The router has given 5001 to somebody else, and offers 5011 instead.
  f.answer(kStart,
           [](const Ask& ask) -> std::uint16_t { return ask.external_port == 5001 ? 5011 : ask.external_port; });
  EXPECT_TRUE(f.set.is_group());
  EXPECT_EQ(f.held(), (std::vector<std::uint16_t>{4011, 4011, 5011, 6011, 6011}));
  const auto removals = std::ranges::count_if(f.asked, [](const Ask& ask) { return ask.is_removal(); });
  EXPECT_EQ(removals, 3);  // both of the first base, and 5011 itself, which is asked for again in its turn
}

TEST(PortSet, MovesToARandomBaseWhereTheRouterOnlySaysThatAPortIsTaken) {
  Fixture f;
  f.answer(kStart, [](const Ask& ask) -> std::variant<std::uint16_t, Refusal> {
    if (ask.external_port == 6001) return Refusal::kTaken;
    return ask.external_port;
  });
  ASSERT_TRUE(f.set.is_group());
  const auto ports = f.held();
  EXPECT_GE(ports[0], 10000);
  EXPECT_LE(ports[0], kMaxBase);
  EXPECT_EQ(ports[2], ports[0] + 1000);
  EXPECT_EQ(ports[4], ports[0] + 2000);
}

TEST(PortSet, TakesNoChoiceThatLeavesNoRoomForTheOthers) {
  Fixture f;
  f.answer(kStart,
           [](const Ask& ask) -> std::uint16_t { return ask.external_port == 4001 ? 65000 : ask.external_port; });
  ASSERT_TRUE(f.set.is_group());
  EXPECT_LE(f.held()[0], kMaxBase);
}

TEST(PortSet, MapsEachByItselfWhenNoBaseIsFree) {
  Fixture f;
  std::size_t first_ports = 0;
  f.answer(kStart, [&](const Ask& ask) -> std::variant<std::uint16_t, Refusal> {
    if (ask.any_port) return ask.internal_port == 4001 ? std::uint16_t{33333} : ask.external_port;
    first_ports += ask.internal_port == 4001 && ask.transport == Transport::kTcp ? 1 : 0;
    return Refusal::kTaken;
  });
  EXPECT_EQ(first_ports, kMaxGroupTries);
  EXPECT_TRUE(f.set.is_settled());
  EXPECT_TRUE(f.set.gave_up_group());
  EXPECT_FALSE(f.set.is_group());
  EXPECT_EQ(f.held(), (std::vector<std::uint16_t>{33333, 33333, 5001, 6001, 6001}));
}

TEST(PortSet, TriesAFewPortsForOneByItself) {
  Fixture f;
  std::size_t tries = 0;
  f.answer(kStart, [&](const Ask& ask) -> std::variant<std::uint16_t, Refusal> {
    if (!ask.any_port) return Refusal::kTaken;
    if (ask.internal_port != 5001) return ask.external_port;
    ++tries;
    return Refusal::kTaken;
  });
  EXPECT_EQ(tries, kMaxSingleTries);
  EXPECT_EQ(f.held().size(), 4U);
}

TEST(PortSet, KeepsWhatItHasWhenTheRouterHasNoRoomForAll) {
  Fixture f;
  f.answer(kStart, [](const Ask& ask) -> std::variant<std::uint16_t, Refusal> {
    if (ask.internal_port == 6001) return Refusal::kOutOfResources;
    return ask.external_port;
  });
  EXPECT_TRUE(f.set.is_settled());
  EXPECT_FALSE(f.set.is_group());
  EXPECT_EQ(f.held(), (std::vector<std::uint16_t>{4001, 4001, 5001}));
}

TEST(PortSet, FailsAtTheFirstRefusalThatConcernsAll) {
  for (const Refusal why : {Refusal::kNotAuthorised, Refusal::kOutOfResources, Refusal::kNoAnswer}) {
    Fixture f;
    f.answer(kStart, [why](const Ask&) -> std::variant<std::uint16_t, Refusal> { return why; });
    EXPECT_EQ(f.asked.size(), 1U);
    EXPECT_EQ(f.set.failure(), why);
    EXPECT_EQ(f.set.detail(), "because");
  }
}

TEST(PortSet, RenewsAllSoonAfterHalfOfTheLease) {
  Fixture f;
  f.grant_all(kStart, 7200s);
  f.asked.clear();
  ASSERT_TRUE(f.set.poll_timeout());
  EXPECT_GE(*f.set.poll_timeout(), kStart + 3600s);
  EXPECT_LE(*f.set.poll_timeout(), kStart + 3600s + 450s);
  f.set.handle_timeout(*f.set.poll_timeout());
  f.grant_all(kStart + 3700s);
  EXPECT_EQ(f.asked.size(), 5U);
  EXPECT_GE(*f.set.poll_timeout(), kStart + 7300s);
}

TEST(PortSet, AsksMoreAndMoreOftenWhenARenewalIsNotAnsweredAndLosesAllWithTheLease) {
  Fixture f;
  f.grant_all(kStart, 100s);
  std::vector<Instant> renewals;
  const auto silent = [](const Ask&) -> std::variant<std::uint16_t, Refusal> { return Refusal::kNoAnswer; };
  while (const auto next = f.set.poll_timeout()) {
    f.set.handle_timeout(*next);
    if (f.set.failure()) break;
    renewals.push_back(*next);
    f.answer(*next, silent);
  }
  EXPECT_EQ(f.set.failure(), Refusal::kNoAnswer);
  EXPECT_TRUE(f.held().empty());
  ASSERT_GE(renewals.size(), 3U);
  EXPECT_LE(renewals.back(), kStart + 100s);
  for (std::size_t i = 1; i < renewals.size(); ++i) EXPECT_GE(renewals[i] - renewals[i - 1], kMinRenewal);
}

TEST(PortSet, TakesALeaseThatIsTooShortToHoldForABrokenRouterAndGivesItBack) {
  for (const Seconds lease : {0s, 1s, kMinLease - 1s}) {
    Fixture f;
    f.grant_all(kStart, lease);
    EXPECT_EQ(f.set.failure(), Refusal::kBroken);
    EXPECT_TRUE(f.held().empty());
    EXPECT_TRUE(f.asked.back().is_removal());
  }
  Fixture f;
  f.grant_all(kStart, kMinLease);
  EXPECT_TRUE(f.set.is_group());
}

TEST(PortSet, DoesNotBelieveInMoreThanADay) {
  Fixture f;
  f.grant_all(kStart, Seconds(0xffffffffU));
  EXPECT_EQ(f.set.entries()[0].expires, kStart + 24h);
}

TEST(PortSet, AsksForTheSamePortsWhenTheRouterHasForgotten) {
  Fixture f;
  f.answer(kStart,
           [](const Ask& ask) -> std::uint16_t { return ask.external_port == 5001 ? 5011 : ask.external_port; });
  f.asked.clear();
  f.set.renew_all();
  f.grant_all(kStart + 10s);
  EXPECT_EQ(f.held(), (std::vector<std::uint16_t>{4011, 4011, 5011, 6011, 6011}));
  EXPECT_EQ(f.asked.size(), 5U);
}

TEST(PortSet, MovesAwayWhenAnotherDeviceTookThePortMeanwhile) {
  Fixture f;
  f.grant_all(kStart);
  f.set.renew_all();
  f.answer(kStart + 10s, [](const Ask& ask) -> std::variant<std::uint16_t, Refusal> {
    if (ask.external_port == 5001) return Refusal::kTaken;
    return ask.external_port;
  });
  EXPECT_TRUE(f.set.is_group());
  EXPECT_NE(f.held()[0], 4001);
}

TEST(PortSet, GivesAllBack) {
  Fixture f;
  f.grant_all(kStart);
  f.asked.clear();
  f.set.remove_all();
  f.grant_all(kStart);
  EXPECT_EQ(f.asked.size(), 5U);
  EXPECT_TRUE(std::ranges::all_of(f.asked, [](const Ask& ask) { return ask.is_removal(); }));
  EXPECT_TRUE(f.held().empty());
  EXPECT_FALSE(f.set.poll_timeout());
}

TEST(PortSet, GivesBackWhatIsGrantedWhileItLeaves) {
  Fixture f;
  const auto open = f.set.poll_ask();
  f.set.remove_all();
  f.set.handle_granted(kStart, {.ask = *open, .external_port = 4001, .external = {}, .lease = 7200s});
  const auto back = f.set.poll_ask();
  ASSERT_TRUE(back);
  EXPECT_TRUE(back->is_removal());
}

TEST(PortSet, TakesAnAnswerToNothingForNothing) {
  Fixture f;
  const Ask ask{.internal_port = 4001, .external_port = 4001};
  f.set.handle_granted(kStart, {.ask = ask, .external_port = 9, .external = {}, .lease = 7200s});
  f.set.handle_refused(kStart, {.ask = ask, .why = Refusal::kNotAuthorised, .again = {}, .external = {}, .detail = {}});
  EXPECT_FALSE(f.set.failure());
  EXPECT_TRUE(f.held().empty());
}

}  // namespace
}  // namespace turnpike::portmap
