#include "io/kad/kad_host.h"

#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>

#include "io/loop/convert.h"
#include "io/loop/run.h"

namespace turnpike::io {
namespace {

const Digest kStore{42};

/// One node of the DHT on a loopback port.
class Side final : public HostEvents {
 public:
  Side(asio::io_context& loop, Random& random)
      : key(crypto::SigningKey::generate(random)),
        host(loop.get_executor(), settings(), random, this),
        kad(loop.get_executor(), id(), host, random, [this](const kad::NodeEvent& event) { on(event); }) {
    kad.start();
    at = *host.listen({IpAddress::v4(127, 0, 0, 1), 0});
    host.set_addresses({multiaddr::Multiaddr::tcp(at)});
    kad.set_addresses({multiaddr::Multiaddr::tcp(at)});
  }
  [[nodiscard]] identity::PeerId id() const { return {key.public_key()}; }
  [[nodiscard]] bool knows(const Side& other) const {
    return kad.node().table().contains(identity::AnyPeerId(other.id()));
  }

  void peer_connected(const HostConnection&) override {}
  void peer_identified(const std::shared_ptr<HostConnection>& connection) override { kad.peer_identified(*connection); }
  void peer_disconnected(const identity::PeerId&) override {}

  crypto::SigningKey key;
  Host host;
  KadHost kad;
  Endpoint at;
  std::vector<identity::AnyPeerId> found;
  std::size_t ended = 0;

 private:
  HostSettings settings() {
    HostSettings out;
    out.identity = &key;
    return out;
  }
  void on(const kad::NodeEvent& event) {
    if (const auto* provider = std::get_if<kad::FoundProvider>(&event)) found.push_back(provider->provider.id);
    if (std::holds_alternative<kad::FindEnded>(event)) ++ended;
  }
};

class IoKadHost : public testing::Test {
 protected:
  ~IoKadHost() override {
    for (Side* side : {&a_, &b_, &c_}) {
      side->kad.stop();
      side->host.close_all();
    }
    loop_.restart();
    loop_.run_for(std::chrono::seconds(3));
  }
  void until(const std::function<bool()>& holds) {
    const Instant latest = now() + std::chrono::seconds(8);
    loop_.restart();
    while (!holds() && now() < latest) loop_.run_one_for(std::chrono::milliseconds(50));
    EXPECT_TRUE(holds());
  }
  std::shared_ptr<HostConnection> join(Side& from, Side& to) {
    const auto dialled = run(loop_, from.host.dial(to.id(), {to.at}, path::Found::kKnown));
    EXPECT_TRUE(dialled) << (dialled ? "" : dialled.error().detail);
    run(loop_, (*dialled)->identified());
    return *dialled;
  }
  void look_up(Side& side) {
    side.kad.tell([](kad::Node& node, Instant at) { EXPECT_TRUE(node.find(at, kStore)); });
    until([&] { return side.ended > 0; });
  }

  asio::io_context loop_{1};
  SeededRandom random_{21};
  Side a_{loop_, random_};
  Side b_{loop_, random_};
  Side c_{loop_, random_};
};

TEST_F(IoKadHost, FindsWhoHasAStoreThroughSomebodyBetween) {
  for (Side* side : {&a_, &b_, &c_}) side->kad.set_serving(true);
  join(a_, b_);
  until([&] { return a_.knows(b_); });
  a_.kad.tell([](kad::Node& node, Instant at) { node.offer(at, kStore); });
  until([&] { return b_.kad.node().records() == 1; });
  join(c_, b_);
  look_up(c_);
  EXPECT_THAT(c_.found, testing::ElementsAre(identity::AnyPeerId(a_.id())));
  EXPECT_TRUE(c_.knows(a_)) << "it was asked itself on the way";
}

TEST_F(IoKadHost, IsAClientThatNobodyTakesIntoATableUntilItServes) {
  b_.kad.set_serving(true);
  const auto connection = join(a_, b_);
  until([&] { return a_.knows(b_); });
  EXPECT_FALSE(b_.knows(a_));
  a_.kad.set_serving(true);
  until([&] { return b_.knows(a_); });
  a_.kad.set_serving(false);
  until([&] { return !b_.knows(a_); });
}

TEST_F(IoKadHost, ResetsTheStreamsOfWhoAsksAClient) {
  const auto connection = join(a_, b_);
  const std::unique_ptr<LinkStream> stream = connection->open(kad::kProtocol);
  ASSERT_TRUE(stream);
  const Bytes ping = kad::encode({kad::Type::kPing, {}, {}, {}});
  (void)run(loop_, stream->write(ping));
  const auto answered = run(loop_, stream->wait_readable(now() + std::chrono::seconds(5)));
  ASSERT_FALSE(answered);
  EXPECT_EQ(answered.error(), StreamError::kReset);
}

TEST_F(IoKadHost, EndsALookUpThatNobodyAnswers) {
  b_.kad.set_serving(true);
  join(a_, b_);
  until([&] { return a_.knows(b_); });
  b_.kad.stop();
  b_.host.close_all();
  look_up(a_);
  EXPECT_THAT(a_.found, testing::IsEmpty());
}

}  // namespace
}  // namespace turnpike::io
