#include "bootstrap/turn_service.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "core/stun/binding_client.h"
#include "io/loop/convert.h"

namespace turnpike::bootstrap {
namespace {

const IpAddress kOne = IpAddress::v4(127, 0, 0, 1);
const IpAddress kOther = IpAddress::v4(127, 0, 0, 2);

/// Asks, and keeps what comes.
class Asker final : public io::UdpReceiver {
 public:
  explicit Asker(asio::io_context& loop) : loop_(loop), socket_(*io::UdpSocket::open(loop.get_executor(), {kOne, 0})) {
    socket_->start(*this);
  }

  std::optional<stun::BindingClient::Mapped> ask(const Endpoint& server,
                                                 std::optional<stun::ChangeRequest> change = std::nullopt) {
    client_.emplace(io::now(), server, stun::TransactionId{7},
                    stun::BindingClient::Options{.retransmission = {}, .change = change});
    const auto request = client_->poll_transmit();
    EXPECT_EQ(send(server, request->payload), io::SendStatus::kSent);
    loop_.restart();
    for (;;) {
      const auto event = client_->poll_event();
      const auto* mapped = event ? std::get_if<stun::BindingClient::Mapped>(&*event) : nullptr;
      if (event) return mapped != nullptr ? std::optional(*mapped) : std::nullopt;
      loop_.run_one();
    }
  }
  io::SendStatus send(const Endpoint& to, ByteView bytes) {
    return socket_->send({.remote = to, .local = {}, .bytes = bytes, .segment_size = bytes.size()}).status;
  }
  void on_datagrams(const DatagramBatch& batch) override {
    ++heard;
    for (std::size_t i = 0; i < batch.count(); ++i) client_->handle_datagram(io::now(), batch.remote, batch.segment(i));
  }
  [[nodiscard]] Endpoint local() const { return socket_->local(); }
  unsigned heard = 0;

 private:
  asio::io_context& loop_;
  std::unique_ptr<io::UdpSocket> socket_;
  std::optional<stun::BindingClient> client_;
};

constexpr IpAddress kPublic = IpAddress::v4(198, 51, 100, 1);
constexpr IpAddress kOtherPublic = IpAddress::v4(198, 51, 100, 2);
constexpr IpAddress kPrivate = IpAddress::v4(10, 0, 0, 1);

TEST(BootstrapTurn, RelaysInTheNameOfWhatTheOperatorSaysThenWhatIsListenedOnThenTheMachinesOwn) {
  BootstrapConfig config;
  EXPECT_EQ(external_addresses(config, {}), std::vector{kOne});
  EXPECT_EQ(external_addresses(config, {kPrivate, kPublic}), (std::vector{kPublic, kPrivate}));
  config.stun = {{kOtherPublic, 3478}};
  EXPECT_EQ(external_addresses(config, {kPrivate, kPublic}), std::vector{kOtherPublic});
  config.turn_external = {kPublic};
  EXPECT_EQ(external_addresses(config, {kPrivate}), std::vector{kPublic});
}

class BootstrapStun : public testing::Test {
 protected:
  asio::io_context loop_;
  SeededRandom random_{1};
  BootstrapConfig config_;
  TurnService stun_{loop_.get_executor(), config_, random_};
};

TEST_F(BootstrapStun, TellsWhoAsksHowHeIsSeenAndIsSilentTowardsTheRest) {
  ASSERT_FALSE(stun_.open({{kOne, 0}}));
  Asker asker(loop_);
  asker.send(stun_.local()[0], bytes_of("GET / HTTP/1.1\r\n\r\n"));
  const auto mapped = asker.ask(stun_.local()[0]);
  ASSERT_TRUE(mapped);
  EXPECT_EQ(mapped->address, asker.local());
  EXPECT_FALSE(mapped->other);
  EXPECT_EQ(asker.heard, 1U);
}

TEST_F(BootstrapStun, WithTwoAddressesAnswersFromTheOneThatIsAskedFor) {
  const auto one = io::UdpSocket::open(loop_.get_executor(), {kOne, 0});
  const auto other = io::UdpSocket::open(loop_.get_executor(), {kOther, 0});
  const Endpoint primary = (*one)->local();
  const Endpoint alternate = (*other)->local();
  (*one)->close();
  (*other)->close();
  ASSERT_FALSE(stun_.open({primary, alternate}));
  EXPECT_EQ(stun_.local().size(), 4U);
  Asker asker(loop_);
  EXPECT_EQ(asker.ask(primary)->other, alternate);
  EXPECT_EQ(asker.ask(primary, stun::ChangeRequest{.address = true, .port = true})->from, alternate);
  EXPECT_EQ(asker.ask(primary, stun::ChangeRequest{.address = false, .port = true})->from,
            (Endpoint{kOne, alternate.port}));
}

TEST_F(BootstrapStun, SaysWhatIsWrongWithItsAddresses) {
  EXPECT_TRUE(stun_.open({{kOne, 3478}, {kOne, 3479}}));
  EXPECT_TRUE(stun_.open({{kOne, 3478}, {kOther, 3478}}));
  const auto error = stun_.open({{IpAddress::v4(192, 0, 2, 1), 0}});
  ASSERT_TRUE(error);
  EXPECT_NE(error->find("192.0.2.1"), std::string::npos);
  EXPECT_TRUE(stun_.local().empty());
}

}  // namespace
}  // namespace turnpike::bootstrap
