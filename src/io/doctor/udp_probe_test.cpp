#include "io/doctor/udp_probe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <memory>

#include "core/stun/binding_server.h"
#include "io/doctor/packets.h"
#include "io/loop/convert.h"
#include "io/loop/run.h"
#include "io/udp/udp_socket.h"

namespace turnpike::io {
namespace {

const IpAddress kOne = IpAddress::v4(127, 0, 0, 1);
const IpAddress kOther = IpAddress::v4(127, 0, 0, 2);

/// A STUN server on loopback, with one address or, for RFC 5780, two.
class StunServer {
 public:
  explicit StunServer(asio::io_context& loop) : loop_(loop) {}

  void listen_on_one() {
    server_.emplace(random_);
    open({kOne, 0});
  }
  void listen_on_two() {
    open({kOne, 0});
    open({kOther, 0});
    const Endpoint primary = doors_[0]->socket->local();
    const Endpoint alternate = doors_[1]->socket->local();
    open({kOne, alternate.port});
    open({kOther, primary.port});
    server_.emplace(random_, stun::DiscoveryAddresses{primary, alternate});
  }
  [[nodiscard]] Endpoint at() const { return doors_[0]->socket->local(); }
  bool answers_elsewhere = true;

 private:
  struct Door final : UdpReceiver {
    Door(StunServer& server, std::unique_ptr<UdpSocket> owned) : server(server), socket(std::move(owned)) {
      socket->start(*this);
    }
    void on_datagrams(const DatagramBatch& batch) override { server.answer(socket->local(), batch); }
    StunServer& server;
    std::unique_ptr<UdpSocket> socket;
  };

  void open(const Endpoint& at) {
    auto socket = UdpSocket::open(loop_.get_executor(), at);
    ASSERT_TRUE(socket) << at.to_string();
    doors_.push_back(std::make_unique<Door>(*this, *std::move(socket)));
  }
  void answer(const Endpoint& local, const DatagramBatch& batch) {
    for (std::size_t i = 0; i < batch.count(); ++i) {
      const auto answer = server_->answer(now(), batch.remote, local, batch.segment(i));
      if (!answer || (answer->from != local && !answers_elsewhere)) continue;
      const auto by = std::ranges::find(doors_, answer->from, [](const auto& door) { return door->socket->local(); });
      const DatagramBatch out{
          .remote = answer->to, .local = {}, .bytes = answer->payload, .segment_size = answer->payload.size()};
      EXPECT_EQ((*by)->socket->send(out).status, SendStatus::kSent);
    }
  }

  asio::io_context& loop_;
  SeededRandom random_{1};
  std::optional<stun::BindingServer> server_;
  std::vector<std::unique_ptr<Door>> doors_;
};

class UdpProbe : public testing::Test {
 protected:
  doctor::UdpFacts measure(std::vector<Endpoint> servers) { return run(loop_, measure_udp(std::move(servers))); }
  asio::io_context loop_;
  StunServer server_{loop_};
};

TEST_F(UdpProbe, LearnsFromOneAddressHowItIsSeenAndNoMore) {
  server_.listen_on_one();
  const auto facts = measure({server_.at()});
  EXPECT_TRUE(facts.answered);
  EXPECT_EQ(facts.first, facts.local);
  EXPECT_FALSE(facts.has_second_address);
  EXPECT_FALSE(facts.heard_from_elsewhere);
  EXPECT_EQ(facts.hairpin, true);  // loopback turns everything around
}

TEST_F(UdpProbe, LearnsFromTwoHowANatWouldMapAndFilter) {
  server_.listen_on_two();
  const auto facts = measure({server_.at()});
  EXPECT_TRUE(facts.has_second_address);
  EXPECT_EQ(facts.other_address, facts.first);
  EXPECT_EQ(facts.other_both, facts.first);
  EXPECT_EQ(facts.heard_from_elsewhere, true);
}

TEST_F(UdpProbe, HearsThatAFilterLetsNobodyElseIn) {
  server_.listen_on_two();
  server_.answers_elsewhere = false;
  const auto facts = measure({server_.at()});
  EXPECT_EQ(facts.heard_from_elsewhere, false);
  EXPECT_EQ(facts.heard_from_other_port, false);
}

TEST_F(UdpProbe, UsesTheSecondServerWhereOneHasOneAddressOnly) {
  server_.listen_on_one();
  StunServer second(loop_);
  second.listen_on_two();
  const Endpoint elsewhere{kOther, second.at().port};
  const auto facts = measure({server_.at(), elsewhere});
  EXPECT_TRUE(facts.has_second_address);
  EXPECT_EQ(facts.other_address, facts.first);
}

TEST_F(UdpProbe, SaysThatNobodyAnswers) {
  const auto deaf = *UdpSocket::open(loop_.get_executor(), {kOne, 0});
  const auto facts = measure({deaf->local()});
  EXPECT_TRUE(facts.asked);
  EXPECT_FALSE(facts.answered);
  EXPECT_FALSE(measure({}).asked);
}

TEST_F(UdpProbe, MeasuresHowLargeAPacketMayBe) {
  server_.listen_on_one();
  const auto facts = run(loop_, measure_mtu(server_.at()));
  EXPECT_TRUE(facts.measured);
  EXPECT_TRUE(facts.large_answered);
  EXPECT_GE(facts.path.value_or(0), 1500U);
}

TEST_F(UdpProbe, FindsNoRouterOnTheWayToItself) {
  server_.listen_on_one();
  EXPECT_TRUE(run(loop_, find_hops(server_.at())).empty());
}

}  // namespace
}  // namespace turnpike::io
