#include "core/contacts/contacts.h"

#include <gtest/gtest.h>

#include "crypto/sign.h"

namespace turnpike::contacts {
namespace {

using namespace std::chrono_literals;
using path::Found;

constexpr Instant kStart{1h};

class ContactsTest : public testing::Test {
 protected:
  PeerId some_peer() { return {crypto::SigningKey::generate(random_).public_key()}; }
  PeerId learn(Found found) {
    const PeerId peer = some_peer();
    contacts_.learn(kStart, peer, found, {{IpAddress::v4(192, 0, 2, 1), 4001}});
    return peer;
  }
  std::vector<PeerId> dialled(Instant now, bool well) {
    std::vector<PeerId> out;
    while (const auto dial = contacts_.poll_dial(now)) {
      out.push_back(dial->peer);
      contacts_.handle_dialled(now, dial->peer, well);
      if (well) contacts_.handle_connected(now, dial->peer);
    }
    return out;
  }

  SeededRandom random_{5};
  PeerId self_ = some_peer();
  Contacts contacts_{self_, random_};
};

TEST_F(ContactsTest, TriesThoseOfTheNearerWayFirst) {
  const PeerId bootstrap = learn(Found::kBootstrap);
  const PeerId exchange = learn(Found::kExchange);
  const PeerId dht = learn(Found::kDht);
  const PeerId known = learn(Found::kKnown);
  const PeerId lan = learn(Found::kLan);
  EXPECT_EQ(dialled(kStart, true), (std::vector{lan, known, dht, exchange, bootstrap}));
}

TEST_F(ContactsTest, CountsTheNearestWayThatAPeerWasHeardOf) {
  const PeerId peer = learn(Found::kBootstrap);
  learn(Found::kDht);
  contacts_.learn(kStart, peer, Found::kLan, {{IpAddress::v4(10, 0, 0, 1), 4001}});
  const auto dial = contacts_.poll_dial(kStart);
  EXPECT_EQ(dial->peer, peer);
  EXPECT_EQ(dial->found, Found::kLan);
  EXPECT_EQ(dial->tcp.size(), 2U) << "what was told before may still be right";
}

TEST_F(ContactsTest, TriesThoseMetLastFirst) {
  const PeerId old = some_peer();
  const PeerId recent = some_peer();
  contacts_.remember(
      {{old, {{IpAddress::v4(192, 0, 2, 1), 1}}, 100}, {recent, {{IpAddress::v4(192, 0, 2, 2), 1}}, 200}});
  EXPECT_EQ(dialled(kStart, true), (std::vector{recent, old}));
}

TEST_F(ContactsTest, DialsSoManyAtOnceAndNoMore) {
  for (std::size_t i = 0; i < kEnough; ++i) learn(Found::kDht);
  for (std::size_t i = 0; i < kMaxDials; ++i) EXPECT_TRUE(contacts_.poll_dial(kStart));
  EXPECT_FALSE(contacts_.poll_dial(kStart));
}

TEST_F(ContactsTest, SeeksNoMoreCompanyThanItNeeds) {
  for (std::size_t i = 0; i < kEnough + 5; ++i) learn(Found::kDht);
  EXPECT_EQ(dialled(kStart, true).size(), kEnough);
  EXPECT_FALSE(contacts_.wants_company());
  EXPECT_FALSE(contacts_.poll_timeout());
}

TEST_F(ContactsTest, SeeksAnotherWhenOneHasGone) {
  for (std::size_t i = 0; i < kEnough + 1; ++i) learn(Found::kDht);
  const auto first = dialled(kStart, true);
  contacts_.handle_disconnected(kStart, first[0]);
  const auto next = dialled(kStart, true);
  ASSERT_EQ(next.size(), 1U);
  EXPECT_EQ(std::ranges::find(first, next[0]), first.end());
}

TEST_F(ContactsTest, LeavesAFailedOneAloneForEverLonger) {
  const PeerId peer = learn(Found::kDht);
  EXPECT_EQ(dialled(kStart, false), std::vector{peer});
  EXPECT_FALSE(contacts_.poll_dial(kStart));
  Instant last = kStart;
  Duration gap{};
  for (int i = 0; i < 12; ++i) {
    const auto next = contacts_.poll_timeout();
    ASSERT_TRUE(next && *next > last);
    gap = *next - last;
    EXPECT_LE(gap, kRetryLimit * 3 / 2);
    last = *next;
    EXPECT_EQ(dialled(last, false), std::vector{peer});
  }
  EXPECT_GT(gap, kRetryLimit / 3);
  contacts_.learn(last, peer, Found::kDht, {{IpAddress::v4(192, 0, 2, 9), 4001}});
  EXPECT_EQ(dialled(last, false), std::vector{peer}) << "a new address is tried at once";
  contacts_.retry_now();
  EXPECT_EQ(dialled(last, false), std::vector{peer}) << "and everybody when the network changes";
}

TEST_F(ContactsTest, NeverDialsItselfNorWhoHasNoAddress) {
  contacts_.learn(kStart, self_, Found::kLan, {{IpAddress::v4(192, 0, 2, 1), 4001}});
  contacts_.learn(kStart, some_peer(), Found::kLan, {});
  EXPECT_FALSE(contacts_.poll_dial(kStart));
  EXPECT_FALSE(contacts_.poll_timeout());
}

TEST_F(ContactsTest, KeepsSoManyAndTheSurerOnes) {
  for (std::size_t i = 0; i < kMaxContacts + 10; ++i) learn(Found::kExchange);
  EXPECT_EQ(contacts_.size(), kMaxContacts);
  const PeerId known = learn(Found::kKnown);
  EXPECT_EQ(contacts_.size(), kMaxContacts);
  EXPECT_EQ(contacts_.poll_dial(kStart)->peer, known);
}

TEST_F(ContactsTest, RemembersWhomItMetAndNotWhomItOnlyHeardOf) {
  learn(Found::kDht);
  const PeerId met = some_peer();
  const Endpoint there{IpAddress::v4(192, 0, 2, 7), 4001};
  contacts_.handle_connected(kStart, met);
  contacts_.handle_met({kStart, {5000}}, met, {there});
  EXPECT_EQ(contacts_.remembered(), (std::vector{Remembered{met, {there}, 5000}}));
}

TEST_F(ContactsTest, RemembersThoseMetLast) {
  for (std::uint64_t i = 1; i <= kMaxRemembered + 5; ++i) {
    contacts_.handle_met({kStart, {i}}, some_peer(), {{IpAddress::v4(192, 0, 2, 7), 4001}});
  }
  EXPECT_EQ(contacts_.remembered().size(), kMaxRemembered);
  EXPECT_EQ(contacts_.remembered().back().met, 6U);
}

}  // namespace
}  // namespace turnpike::contacts
