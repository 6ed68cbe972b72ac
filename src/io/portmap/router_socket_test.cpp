#include "io/portmap/router_socket.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <vector>

#include "io/loop/convert.h"

namespace turnpike::io {
namespace {

using asio::ip::udp;
const IpAddress kLoopback = IpAddress::v4(127, 0, 0, 1);

struct World {
  asio::io_context loop;
  udp::socket router{loop, udp::endpoint(to_asio(kLoopback), 0)};
  std::vector<std::pair<Endpoint, Bytes>> got;
  std::shared_ptr<RouterSocket> socket = RouterSocket::open(
      loop.get_executor(), kLoopback, 0,
      [this](const Endpoint& from, ByteView datagram) { got.emplace_back(from, copy_of(datagram)); });

  Endpoint router_at() { return from_asio(router.local_endpoint()); }
  udp::endpoint sender() {
    std::array<std::uint8_t, 64> buffer{};
    udp::endpoint from;
    router.receive_from(asio::buffer(buffer), from);
    return from;
  }
};

TEST(RouterSocket, SendsToTheRouterAndTellsFromWhereAnAnswerCame) {
  World world;
  world.socket->send(world.router_at(), bytes_of("ask"));
  const udp::endpoint from = world.sender();
  world.router.send_to(asio::buffer("answer", 6), from);
  while (world.got.empty()) world.loop.run_one();
  EXPECT_EQ(world.got[0].first, world.router_at());
  EXPECT_EQ(text_of(world.got[0].second), "answer");
}

TEST(RouterSocket, CutsWhatIsLongerThanAnyAnswer) {
  World world;
  world.socket->send(world.router_at(), bytes_of("ask"));
  const Bytes longer(kMaxRouterDatagram + 100);
  world.router.send_to(asio::buffer(longer), world.sender());
  while (world.got.empty()) world.loop.run_one();
  EXPECT_EQ(world.got[0].second.size(), kMaxRouterDatagram);  // which no parser takes: RFC 6887 §7 ends at 1100
}

TEST(RouterSocket, IsSilentOnceClosed) {
  World world;
  world.socket->send(world.router_at(), bytes_of("ask"));
  world.router.send_to(asio::buffer("answer", 6), world.sender());
  world.socket->close();
  world.loop.run();
  EXPECT_TRUE(world.got.empty());
}

TEST(RouterSocket, IsNoneForAnAddressThatIsNotOurs) {
  asio::io_context loop;
  EXPECT_EQ(RouterSocket::open(loop.get_executor(), IpAddress::v4(192, 0, 2, 1), 0, [](const Endpoint&, ByteView) {}),
            nullptr);
}

}  // namespace
}  // namespace turnpike::io
