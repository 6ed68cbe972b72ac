#include "core/peer/peer.h"

#include <gmock/gmock.h>

#include "core/rendezvous/server.h"

namespace turnpike::peer {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::uint64_t kMib = store::kPieceSize;

store::StoreId store_id(std::uint8_t n) {
  store::StoreId id;
  id.bytes[0] = n;
  return id;
}

store::Content content(std::uint64_t size) { return {.size = size, .root = Digest{7}}; }

// Two brains and a real bootstrap; messages between them arrive at once, and time passes by hand.
class PeerPeer : public testing::Test {
 protected:
  struct Side {
    Side(std::uint64_t seed, Now now, IpAddress from, Config config)
        : random(seed), key(crypto::SigningKey::generate(random)), address(from), brain(now, with(config), random) {}
    Config with(Config config) {
      config.identity = &key;
      config.bootstraps = {"wss://bootstrap"};
      return config;
    }
    SeededRandom random;
    crypto::SigningKey key;
    IpAddress address;
    Peer brain;
    std::optional<rendezvous::ConnectionId> connection;
    std::vector<Command> commands;  // those that are not about the bootstrap
  };

  Now now() const {
    return {Instant(1000s) + elapsed_, {1'700'000'000'000 + static_cast<std::uint64_t>(elapsed_ / 1ms)}};
  }

  Side& add(std::uint8_t n, const Config& config = {}) {
    sides_.push_back(std::make_unique<Side>(n, now(), IpAddress::v4(198, 51, n, 1), config));
    return *sides_.back();
  }
  void settle() {
    for (bool again = true; again;) {
      again = false;
      for (const auto& side : sides_) {
        while (std::optional<Command> command = side->brain.poll_command()) {
          again = true;
          if (std::holds_alternative<ConnectBootstrap>(*command)) {
            side->connection = server_.handle_connected(now(), {side->address, 1234});
            side->brain.handle_link_up(now(), 0);
          } else if (const auto* send = std::get_if<SendToBootstrap>(&*command)) {
            server_.handle_message(now(), *side->connection, send->message);
          } else if (const auto* probe = std::get_if<Probe>(&*command)) {
            for (const auto& other : sides_) {
              if (other->address != probe->target.endpoint.address) continue;
              other->brain.handle_nonce(now(), probe->target.kind, probe->nonce, side->address);
            }
            side->brain.handle_probed(now(), probe->id, rendezvous::ProbeOutcome::kSent);
          } else {
            side->commands.push_back(std::move(*command));
          }
        }
      }
      while (auto out = server_.poll_command()) {
        again = true;
        const auto* send = std::get_if<rendezvous::Send>(&*out);
        if (send == nullptr) continue;
        for (const auto& side : sides_) {
          if (side->connection == send->connection) side->brain.handle_link_message(now(), 0, send->frame);
        }
      }
    }
  }
  void wait(Duration time) {
    const Duration until = elapsed_ + time;
    while (elapsed_ < until) {
      elapsed_ += 50ms;
      server_.handle_timeout(now());
      for (const auto& side : sides_) side->brain.handle_timeout(now());
      settle();
    }
  }
  void ready(Side& side) {
    side.brain.handle_catalogue_ready(now());
    settle();
  }
  template <class T>
  static std::vector<T> all(const Side& side) {
    std::vector<T> out;
    for (const Command& command : side.commands) {
      if (const T* one = std::get_if<T>(&command)) out.push_back(*one);
    }
    return out;
  }

  static std::optional<OpenPath> http_path(const Side& side) {
    for (const OpenPath& each : all<OpenPath>(side)) {
      if (std::holds_alternative<path::HttpTarget>(each.target)) return each;
    }
    return std::nullopt;
  }

  Duration elapsed_{};
  SeededRandom random_{99};
  rendezvous::Server server_{{.id = {crypto::SigningKey::generate(random_).public_key()}, .relay = {}}, random_};
  std::vector<std::unique_ptr<Side>> sides_;
};

TEST_F(PeerPeer, HasItsStoresLookedForElsewhereToo) {
  Side& side = add(1);
  ready(side);
  side.brain.want(now(), store_id(9));
  wait(1s);
  const auto asked = all<LookUp>(side);
  ASSERT_THAT(asked, SizeIs(testing::Ge(1U)));
  EXPECT_THAT(asked[0].stores, Contains(store_id(9)));
}

TEST_F(PeerPeer, KnowsAPeerThatIsFoundElsewhereAndByWhichMeans) {
  Side& side = add(1);
  ready(side);
  const identity::PeerId peer{Digest{5}};
  side.brain.handle_found(now(), peer, path::Found::kDht, {{IpAddress::v4(203, 0, 113, 5), 4001}});
  side.brain.handle_found(now(), side.brain.id(), path::Found::kDht, {{IpAddress::v4(203, 0, 113, 5), 4001}});
  ASSERT_THAT(side.brain.peers(), SizeIs(1)) << "itself it does not need to find";
  EXPECT_TRUE(side.brain.peers()[0].found.has(path::Found::kDht));
  EXPECT_THAT(side.brain.peers()[0].tcp, SizeIs(1));
}

TEST_F(PeerPeer, RegistersWhatItHasOnceTheCatalogueIsRead) {
  Side& side = add(1);
  side.brain.handle_local_store(now(), store_id(1), content(10));
  wait(2s);
  EXPECT_EQ(server_.stats().entries, 0U);
  ready(side);
  wait(2s);
  EXPECT_EQ(server_.stats().entries, 1U);
  EXPECT_TRUE(side.brain.bootstraps()[0].connected);
  EXPECT_TRUE(side.brain.bootstraps()[0].registered);
}

TEST_F(PeerPeer, NeverTellsOfAPrivateStore) {
  Side& side = add(1);
  side.brain.handle_local_store(now(), store_id(1), content(10), sync::Mark::kOwn, false);
  side.brain.handle_local_store(now(), store_id(2), content(11));
  ready(side);
  wait(2s);
  EXPECT_EQ(server_.stats().entries, 1U);
}

TEST_F(PeerPeer, NeverTellsAnAddressThatLeadsNowhere) {
  Side& side = add(1);
  side.brain.handle_local_store(now(), store_id(1), content(10));
  side.brain.handle_listening(
      now(), {{IpAddress::v4(127, 0, 0, 1), 5001}, {IpAddress(), 5001}, {side.address, 0}, {side.address, 5001}});
  ready(side);
  ready(add(2));  // who can prove it
  wait(2s);
  const auto found = server_.lookup(now(), {side.address, 9}, store_id(1));
  ASSERT_TRUE(found);
  EXPECT_THAT(found->announcers[0].http, testing::ElementsAre(Endpoint{side.address, 5001}));
}

TEST_F(PeerPeer, RegistersNoGlobalAddressThatNobodyCouldProve) {
  Side& side = add(1);
  side.brain.handle_local_store(now(), store_id(1), content(10));
  const Endpoint inside{IpAddress::v4(192, 168, 1, 2), 5001};
  side.brain.handle_listening(now(), {{side.address, 5001}, inside});
  ready(side);
  wait(1min);
  EXPECT_THAT(side.brain.services(), testing::ElementsAre(rendezvous::Service{rendezvous::ServiceKind::kHttp, inside}));
  EXPECT_EQ(side.brain.reachability()[0].verdict, reach::Verdict::kNoProber);
  ready(add(2));
  wait(1s);
  EXPECT_THAT(side.brain.services(), SizeIs(2));
  EXPECT_EQ(side.brain.reachability()[0].verdict, reach::Verdict::kProved);
}

TEST_F(PeerPeer, FindsAnothersStoreAndOpensAPathToIt) {
  Side& source = add(1);
  source.brain.handle_local_store(now(), store_id(1), content(3 * kMib));
  source.brain.handle_listening(now(), {{source.address, 5001}});
  ready(source);
  Side& sink = add(2);
  ready(sink);
  wait(5s);
  const auto opened = http_path(sink);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->peer, source.brain.id());
  EXPECT_EQ(std::get<path::HttpTarget>(opened->target).endpoint, (Endpoint{source.address, 5001}));
  EXPECT_THAT(all<OpenPartial>(sink), SizeIs(1));
}

TEST_F(PeerPeer, MeetsAPeerWithoutAnAddressAtTheRelayAndIsServedByIt) {
  Side& source = add(1);
  source.brain.handle_local_store(now(), store_id(1), content(3 * kMib));
  ready(source);
  Side& sink = add(2);
  ready(sink);
  wait(3s);
  const auto dialled = all<OpenPath>(sink);
  const auto answered = all<OpenPath>(source);
  ASSERT_THAT(dialled, SizeIs(1));
  ASSERT_THAT(answered, SizeIs(1));
  const auto& mine = std::get<path::RelayTarget>(dialled[0].target);
  const auto& theirs = std::get<path::RelayTarget>(answered[0].target);
  EXPECT_EQ(mine.role, path::Role::kInitiator);
  EXPECT_EQ(theirs.role, path::Role::kResponder);
  EXPECT_EQ(mine.session, theirs.session);
  EXPECT_NE(mine.credential, theirs.credential);
  EXPECT_EQ(answered[0].peer, sink.brain.id());
  EXPECT_EQ(source.brain.peers().size(), 0U) << "whom we serve is no source of ours";
}

TEST_F(PeerPeer, FetchesCommitsAndThenAnnouncesAStore) {
  Side& source = add(1);
  source.brain.handle_local_store(now(), store_id(1), content(2 * kMib));
  source.brain.handle_listening(now(), {{source.address, 5001}});
  ready(source);
  Side& sink = add(2);
  ready(sink);
  wait(2s);
  const sync::Target target{store_id(1), content(2 * kMib)};
  const auto opened = http_path(sink);
  ASSERT_TRUE(opened);
  sink.brain.handle_path_open(now(), opened->path, 10ms);
  sink.brain.handle_partial_open(now(), target, {false, false});
  settle();
  ASSERT_THAT(all<StartFetch>(sink), SizeIs(1));
  const StartFetch fetch = all<StartFetch>(sink)[0];
  sink.brain.handle_piece(now(), fetch.fetch, 0, kMib);
  sink.brain.handle_piece(now(), fetch.fetch, 1, kMib);
  sink.brain.handle_fetch_ended(now(), fetch.fetch, {});
  settle();
  ASSERT_THAT(all<Commit>(sink), SizeIs(1));
  EXPECT_EQ(server_.stats().entries, 1U) << "nothing is announced before it is in its place";
  sink.brain.handle_committed(now(), target);
  wait(3s);
  EXPECT_EQ(server_.stats().entries, 2U);
  EXPECT_EQ(sink.brain.bytes_by_rung()[path::index_of(path::Rung::kHttp)], 2 * kMib);
  EXPECT_EQ(sink.brain.store(store_id(1))->state, "complete");
  EXPECT_EQ(sink.brain.peers()[0].state, "idle");
  EXPECT_EQ(sink.brain.transfers()[0].peers, std::vector{source.brain.id()});
}

TEST_F(PeerPeer, ConnectsAgainWhenTheLinkIsLost) {
  Side& side = add(1);
  ready(side);
  EXPECT_TRUE(side.brain.bootstraps()[0].connected);
  side.brain.handle_link_down(now(), 0, "connection reset");
  EXPECT_FALSE(side.brain.bootstraps()[0].connected);
  EXPECT_EQ(side.brain.bootstraps()[0].reason, "connection reset");
  wait(3s);
  EXPECT_TRUE(side.brain.bootstraps()[0].connected);
}

TEST_F(PeerPeer, ShowsWhatOthersAnnounceAndFetchesOnlyWhatSyncWants) {
  Side& source = add(1);
  source.brain.handle_local_store(now(), store_id(1), content(kMib));
  ready(source);
  Config listed;
  listed.sync = SyncMode::kListed;
  Side& sink = add(2, listed);
  ready(sink);
  wait(5s);
  ASSERT_TRUE(sink.brain.store(store_id(1)));
  EXPECT_EQ(sink.brain.store(store_id(1))->state, "known");
  EXPECT_EQ(sink.brain.store(store_id(1))->content, content(kMib));
  EXPECT_THAT(all<OpenPartial>(sink), IsEmpty());
  sink.brain.want(now(), store_id(1));
  settle();
  EXPECT_THAT(all<OpenPartial>(sink), SizeIs(1));
}

TEST_F(PeerPeer, IgnoresBootstrapsThatWereNotConfigured) {
  Side& side = add(1);
  side.brain.handle_link_up(now(), 7);
  side.brain.handle_link_message(now(), 7, Bytes{1, 2, 3});
  side.brain.handle_link_down(now(), 7, "x");
  EXPECT_THAT(side.brain.bootstraps(), SizeIs(1));
}

TEST_F(PeerPeer, UsesNoMoreBootstrapsThanItsLimit) {
  Config config;
  crypto::SigningKey key = crypto::SigningKey::generate(random_);
  config.identity = &key;
  config.bootstraps.assign(kMaxBootstraps + 3, "wss://b");
  Peer brain(now(), config, random_);
  EXPECT_THAT(brain.bootstraps(), SizeIs(kMaxBootstraps));
}

TEST_F(PeerPeer, GoesOnFromThePersistedSequence) {
  Config config;
  config.last_sequence = now().wall.unix_ms + 5000;
  Side& side = add(1, config);
  ready(side);
  EXPECT_GT(side.brain.last_sequence(), now().wall.unix_ms + 5000);
}

TEST_F(PeerPeer, BehindACaptivePortalHoldsNothingAgainstAPeerAndGoesOnWhenItOpens) {
  Side& source = add(1);
  source.brain.handle_local_store(now(), store_id(1), content(3 * kMib));
  source.brain.handle_listening(now(), {{source.address, 5001}});
  ready(source);
  Side& sink = add(2);
  ready(sink);
  while (!http_path(sink)) wait(50ms);
  const auto before = all<OpenPath>(sink);
  server_.handle_disconnected(now(), *sink.connection);
  sink.brain.handle_link_down(now(), 0, "TLS failed");
  sink.brain.handle_link_judged(now(), 0, true, "this network has a captive portal");
  sink.brain.handle_path_closed(now(), http_path(sink)->path,
                                {path::PathEnd::kWrongPeer, "somebody else answers there"});
  EXPECT_TRUE(sink.brain.bootstraps()[0].captive);
  const auto rungs = sink.brain.peers().at(0).rungs;
  EXPECT_THAT(rungs, Contains(testing::Field(&path::RungView::reason, testing::HasSubstr("captive portal"))));
  wait(8s);  // the next attempt gets through
  EXPECT_TRUE(sink.brain.bootstraps()[0].connected);
  EXPECT_FALSE(sink.brain.bootstraps()[0].captive);
  EXPECT_GT(all<OpenPath>(sink).size(), before.size());
}

}  // namespace
}  // namespace turnpike::peer
