#include "core/kad/server.h"

#include <gtest/gtest.h>

#include "core/kad/kad_test_support.h"
#include "core/kad/key.h"

namespace turnpike::kad {
namespace {

constexpr Instant kStart{std::chrono::seconds(10)};
const Digest kStore{42};
const Bytes kKey = provider_key(kStore);

class KadServer : public testing::Test {
 protected:
  KadServer() {
    for (std::uint32_t i = 1; i <= 30; ++i) table_.add(kStart, {peer(i), address_of(i)});
  }

  static Asker asker(std::uint32_t number) { return {peer_id(number), address_of(number)}; }
  std::optional<Message> ask(std::uint32_t who, Type type, Bytes key, std::vector<Peer> providers = {}) {
    return *server_.answer(kStart, asker(who), {type, std::move(key), {}, std::move(providers)});
  }

  Peer self_ = peer(0);
  Table table_{self_.id};
  Providers providers_;
  Offers offers_;
  Server server_{self_, table_, providers_, offers_};
};

TEST_F(KadServer, NamesTheClosestToANodeAndNeverTheAsker) {
  const Bytes key = peer_id(7).to_bytes();
  const auto answer = ask(3, Type::kFindNode, key);
  ASSERT_TRUE(answer);
  ASSERT_EQ(answer->closer.size(), kReplication);
  EXPECT_EQ(answer->closer.front(), peer(7)) << "the one that is looked for is told when it is known";
  EXPECT_EQ(std::ranges::find(answer->closer, peer_id(3), &Peer::id), answer->closer.end());
}

TEST_F(KadServer, RecordsAProviderAndNamesIt) {
  EXPECT_FALSE(ask(3, Type::kAddProvider, kKey, {peer(3)})) << "there is no answer to it";
  const auto answer = ask(5, Type::kGetProviders, kKey);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->providers, std::vector{peer(3)});
  EXPECT_EQ(answer->closer.size(), kReplication);
}

TEST_F(KadServer, RecordsNobodyOnAnothersWord) {
  ask(3, Type::kAddProvider, kKey, {peer(4)});
  EXPECT_EQ(providers_.size(), 0U);
  ask(3, Type::kAddProvider, kKey, {peer(4), peer(3), peer(5)});
  EXPECT_EQ(providers_.of(kStart, kKey), std::vector{peer(3)});
}

TEST_F(KadServer, NamesItselfForAStoreOfItsOwn) {
  offers_.add(kStart, kStore);
  EXPECT_EQ(ask(5, Type::kGetProviders, kKey)->providers, std::vector{peer(0)});
}

TEST_F(KadServer, TellsAStrangerOfNoPrivateAddress) {
  const auto inside = multiaddr::Multiaddr::tcp({IpAddress::v4(192, 168, 1, 7), 4001});
  table_.add(kStart, {{peer_id(40), {inside}}, IpAddress::v4(192, 168, 1, 7)});
  (void)server_.answer(kStart, {peer_id(40), IpAddress::v4(192, 168, 1, 7)},
                       {Type::kAddProvider, kKey, {}, {{peer_id(40), {inside}}}});
  EXPECT_TRUE(ask(5, Type::kGetProviders, kKey)->providers.empty());
  EXPECT_NE(ask(5, Type::kFindNode, peer_id(40).to_bytes())->closer.front().id, peer_id(40));
  const auto next_door =
      server_.answer(kStart, {peer_id(41), IpAddress::v4(192, 168, 1, 8)}, {Type::kGetProviders, kKey, {}, {}});
  EXPECT_EQ((*next_door)->providers.size(), 1U);
}

TEST_F(KadServer, KeepsNoValuesAndSaysSo) {
  const auto put = server_.answer(kStart, asker(3), {Type::kPutValue, kKey, {}, {}});
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error(), Refused::kValue);
  const auto got = ask(3, Type::kGetValue, kKey);
  EXPECT_EQ(got->type, Type::kGetValue);
  EXPECT_EQ(got->closer.size(), kReplication);
}

TEST_F(KadServer, AnswersAPing) { EXPECT_EQ(ask(3, Type::kPing, {}), (Message{Type::kPing, {}, {}, {}})); }

TEST_F(KadServer, RefusesAnEmptyKeyAndProvidersOfNoStore) {
  EXPECT_EQ(server_.answer(kStart, asker(3), {Type::kFindNode, {}, {}, {}}).error(), Refused::kKey);
  EXPECT_EQ(server_.answer(kStart, asker(3), {Type::kAddProvider, Bytes(34, 7), {}, {peer(3)}}).error(), Refused::kKey);
  EXPECT_TRUE(ask(3, Type::kGetProviders, Bytes(20, 7))->providers.empty()) << "others' keys are looked for too";
}

}  // namespace
}  // namespace turnpike::kad
