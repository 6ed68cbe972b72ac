#include "core/portmap/upnp_client.h"

#include <gtest/gtest.h>

namespace turnpike::portmap {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{1000s};
const IpAddress kOwn = IpAddress::v4(192, 168, 1, 2);
const IpAddress kExternal = IpAddress::v4(203, 0, 113, 7);
const Ask kAsk{.transport = Transport::kTcp, .internal_port = 5001, .external_port = 5001};

struct Fixture {
  UpnpClient client{kOwn, 100};

  template <class T>
  std::pair<std::uint64_t, T> command() {
    const auto out = client.poll_command();
    EXPECT_TRUE(out && std::holds_alternative<T>(out->what));
    return {out->id, std::get<T>(out->what)};
  }
  void found(bool v2) {
    client.probe(kStart);
    client.handle_answer(kStart, {command<upnp::Find>().first, upnp::Found{kExternal, v2, true}});
    EXPECT_TRUE(event_of<Present>());
  }
  template <class T>
  std::optional<T> event_of() {
    const auto event = client.poll_event();
    if (!event || !std::holds_alternative<T>(*event)) return std::nullopt;
    return std::get<T>(*event);
  }
};

TEST(UpnpClient, AsksAnIgd2ForTheLeaseAndTakesAnotherPort) {
  Fixture f;
  f.found(true);
  f.client.ask(kStart, kAsk);
  const auto [id, add] = f.command<upnp::Add>();
  EXPECT_TRUE(add.any);
  EXPECT_EQ(add.lease, kWantedLease);
  f.client.handle_answer(kStart, {id, upnp::Added{6001, {}}});
  EXPECT_EQ(f.event_of<Granted>()->external_port, 6001);
}

TEST(UpnpClient, LooksBeforeItAsksAnIgd1WhichWouldTakeAnotherDevicesPortAway) {
  Fixture f;
  f.found(false);
  f.client.ask(kStart, kAsk);
  f.client.handle_answer(kStart, {f.command<upnp::Query>().first, upnp::Owner{IpAddress::v4(192, 168, 1, 9), false}});
  EXPECT_EQ(f.event_of<Refused>()->why, Refusal::kTaken);
  f.client.ask(kStart, kAsk);
  f.client.handle_answer(kStart, {f.command<upnp::Query>().first, upnp::Owner{kOwn, true}});
  EXPECT_FALSE(f.command<upnp::Add>().second.any);
}

TEST(UpnpClient, AsksForEverWhereARouterRefusesLeases) {
  Fixture f;
  f.found(true);
  f.client.ask(kStart, kAsk);
  f.client.handle_answer(kStart, {f.command<upnp::Add>().first, upnp::Failed{upnp::kOnlyPermanentLeases, ""}});
  const auto [id, add] = f.command<upnp::Add>();
  EXPECT_EQ(add.lease, Seconds(0));
  f.client.handle_answer(kStart, {id, upnp::Added{5001, {}}});
  EXPECT_EQ(f.event_of<Granted>()->lease, kMaxLease);
  f.client.ask(kStart, kAsk);
  EXPECT_EQ(f.command<upnp::Add>().second.lease, Seconds(0));  // it is not asked twice
}

TEST(UpnpClient, GoesBackToTheOldActionWhereTheNewOneIsUnknown) {
  Fixture f;
  f.found(true);
  f.client.ask(kStart, kAsk);
  f.client.handle_answer(kStart, {f.command<upnp::Add>().first, upnp::Failed{upnp::kInvalidAction, ""}});
  f.client.handle_answer(kStart, {f.command<upnp::Query>().first, upnp::Owner{}});
  EXPECT_FALSE(f.command<upnp::Add>().second.any);
}

TEST(UpnpClient, TakesLateAndRepeatedAnswersForNothing) {
  Fixture f;
  f.client.probe(kStart);
  const auto id = f.command<upnp::Find>().first;
  f.client.handle_timeout(kStart + kUpnpPatience);
  EXPECT_EQ(f.event_of<Refused>()->why, Refusal::kNoAnswer);
  f.client.handle_answer(kStart + 21s, {id, upnp::Found{kExternal, true, true}});
  EXPECT_FALSE(f.client.poll_event());
  f.found(true);
  f.client.ask(kStart, kAsk);
  const auto add = f.command<upnp::Add>().first;
  f.client.handle_answer(kStart, {add, upnp::Added{5001, {}}});
  f.client.handle_answer(kStart, {add, upnp::Added{5001, {}}});
  EXPECT_TRUE(f.event_of<Granted>());
  EXPECT_FALSE(f.client.poll_event());
}

TEST(UpnpClient, TakesAMappingAwayThatWasGrantedTooLate) {
  Fixture f;
  f.found(true);
  f.client.ask(kStart, kAsk);
  const auto id = f.command<upnp::Add>().first;
  f.client.handle_timeout(kStart + kUpnpPatience);
  EXPECT_EQ(f.event_of<Refused>()->why, Refusal::kNoAnswer);
  f.client.handle_answer(kStart + 30s, {id, upnp::Added{6001, {}}});
  EXPECT_EQ(f.command<upnp::Remove>().second.ask.external_port, 6001);
}

TEST(UpnpClient, RemembersOnlySoManyLateOnes) {
  Fixture f;
  f.found(true);
  std::vector<std::uint64_t> ids;
  for (std::size_t i = 0; i <= kMaxLeftovers; ++i) {
    f.client.ask(kStart, kAsk);
    ids.push_back(f.command<upnp::Add>().first);
    f.client.handle_timeout(kStart + kUpnpPatience);
  }
  for (const auto id : ids) f.client.handle_answer(kStart, {id, upnp::Added{6001, {}}});
  std::size_t removals = 0;
  while (f.client.poll_command()) ++removals;
  EXPECT_EQ(removals, kMaxLeftovers);
}

TEST(UpnpClient, NoticesThatTheRouterHasForgotten) {
  Fixture f;
  f.found(true);
  f.client.ask(kStart, kAsk);
  f.client.handle_answer(kStart, {f.command<upnp::Add>().first, upnp::Added{5001, {}}});
  EXPECT_TRUE(f.event_of<Granted>());
  f.client.probe(kStart);
  const auto [id, check] = f.command<upnp::Check>();
  EXPECT_EQ(check.witness, kAsk);
  f.client.handle_answer(kStart, {id, upnp::Found{kExternal, true, false}});
  EXPECT_TRUE(f.event_of<Restarted>());
  EXPECT_TRUE(f.event_of<Present>());
}

TEST(UpnpClient, LooksForADeviceAnewThatIsNotWhereItWasAndAsksWhetherItRemembers) {
  Fixture f;
  f.found(true);
  f.client.ask(kStart, kAsk);
  f.client.handle_answer(kStart, {f.command<upnp::Add>().first, upnp::Added{5001, {}}});
  EXPECT_TRUE(f.event_of<Granted>());
  f.client.probe(kStart);
  f.client.handle_answer(kStart, {f.command<upnp::Check>().first, upnp::Failed{0, "gone"}});
  f.client.handle_answer(kStart, {f.command<upnp::Find>().first, upnp::Found{kExternal, true, true}});
  f.client.handle_answer(kStart, {f.command<upnp::Check>().first, upnp::Found{kExternal, true, false}});
  EXPECT_TRUE(f.event_of<Restarted>());
  EXPECT_TRUE(f.event_of<Present>());
}

TEST(UpnpClient, TakesAFailureWithoutAnExternalAddressForARouterThatHasNone) {
  Fixture f;
  f.client.probe(kStart);
  f.client.handle_answer(kStart, {f.command<upnp::Find>().first, upnp::Found{{}, true, true}});
  EXPECT_TRUE(f.event_of<Present>());
  f.client.ask(kStart, kAsk);
  f.client.handle_answer(kStart, {f.command<upnp::Add>().first, upnp::Failed{upnp::kActionFailed, "ActionFailed"}});
  EXPECT_EQ(f.event_of<Refused>()->why, Refusal::kNoAddress);
}

TEST(UpnpClient, SaysWhyTheRouterRefuses) {
  for (const auto& [code, why] :
       {std::pair{0, Refusal::kNoAnswer}, std::pair{upnp::kConflict, Refusal::kTaken},
        std::pair{upnp::kNoPortMapsAvailable, Refusal::kOutOfResources},
        std::pair{upnp::kActionFailed, Refusal::kBroken}, std::pair{upnp::kInvalidArguments, Refusal::kUnsupported}}) {
    Fixture f;
    f.found(true);
    f.client.ask(kStart, kAsk);
    f.client.handle_answer(kStart, {f.command<upnp::Add>().first, upnp::Failed{code, "words"}});
    const auto refused = f.event_of<Refused>();
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->why, why);
    EXPECT_EQ(refused->detail, "words");
  }
}

TEST(UpnpClient, UpdatesAPinholeAndMakesItAnewWhereItIsGone) {
  Fixture f;
  f.client = UpnpClient(*IpAddress::parse("2001:db8:1::2"), 101);
  f.found(true);
  f.client.ask(kStart, kAsk);
  const auto [id, add] = f.command<upnp::Add>();
  EXPECT_FALSE(add.any);
  EXPECT_FALSE(add.pinhole);
  f.client.handle_answer(kStart, {id, upnp::Added{5001, std::uint16_t{77}}});
  EXPECT_TRUE(f.event_of<Granted>());
  f.client.ask(kStart, kAsk);
  const auto [update, again] = f.command<upnp::Add>();
  EXPECT_EQ(again.pinhole, 77);
  f.client.handle_answer(kStart, {update, upnp::Failed{upnp::kNoSuchEntry, "NoSuchEntry"}});
  EXPECT_FALSE(f.command<upnp::Add>().second.pinhole);
}

}  // namespace
}  // namespace turnpike::portmap
