// Real multicast, in a network namespace of this process alone: two ends of one cable, eth0 and eth1.
#include "io/mdns/neighbours.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <fstream>

namespace turnpike::io {
namespace {

using namespace std::chrono_literals;

bool write_file(const char* path, const std::string& text) {
  std::ofstream out(path);
  return static_cast<bool>(out << text << std::flush);
}

/// Once a process.
bool enter_namespace() {
  static const bool kEntered = [] {
    const auto user = std::to_string(::getuid());
    const auto group = std::to_string(::getgid());
    const bool is_root = ::getuid() == 0;
    if (::unshare(is_root ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET) != 0) return false;
    if (!is_root) {
      (void)write_file("/proc/self/setgroups", "deny");
      if (!write_file("/proc/self/uid_map", "0 " + user + " 1")) return false;
      if (!write_file("/proc/self/gid_map", "0 " + group + " 1")) return false;
    }
    return std::system(
               "ip link set lo up && ip link add eth0 type veth peer name eth1 &&"
               "ip addr add 192.168.7.2/24 dev eth0 && ip addr add 192.168.8.2/24 dev eth1 &&"
               "ip -6 addr add fd07::2/64 dev eth0 nodad; ip -6 addr add fe80::2/64 dev eth0 nodad;"
               "ip link set eth0 up && ip link set eth1 up") == 0;
  }();
  return kEntered;
}

identity::AnyPeerId id(std::uint8_t number) {
  Bytes multihash{0x12, 0x20};
  multihash.resize(34);
  multihash[2] = number;
  return *identity::AnyPeerId::from_bytes(multihash);
}

Interface eth(const std::string& name) {
  for (Interface& interface : multicast_interfaces()) {
    if (interface.name == name) return std::move(interface);
  }
  return {};
}

struct Node {
  Node(asio::io_context& loop, std::uint8_t number)
      : neighbours(loop.get_executor(), id(number), random, [this](const mdns::Found& one) { found.push_back(one); }) {}

  SeededRandom random{7};
  std::vector<mdns::Found> found;
  Neighbours neighbours;
};

struct IoMdnsNeighbours : testing::Test {
  void SetUp() override {
    if (enter_namespace()) return;
    ASSERT_EQ(std::getenv("CI"), nullptr) << "neither root nor a user namespace: nothing of this is tested";
    GTEST_SKIP() << "needs root or user namespaces";
  }
  void TearDown() override {
    a.neighbours.stop();
    b.neighbours.stop();
    loop.run_for(100ms);
  }
  template <class Condition>
  bool wait(Condition condition, std::chrono::milliseconds patience = 5s) {
    const auto until = std::chrono::steady_clock::now() + patience;
    while (!condition() && std::chrono::steady_clock::now() < until) loop.run_one_for(20ms);
    return condition();
  }

  asio::io_context loop;
  Node a{loop, 1};
  Node b{loop, 2};
};

TEST_F(IoMdnsNeighbours, FindEachOtherOnOneInterface) {
  a.neighbours.set_interfaces({eth("eth0")}, 4001);
  b.neighbours.set_interfaces({eth("eth0")}, 4002, true);
  ASSERT_TRUE(wait([&] { return !a.found.empty() && !b.found.empty(); }));
  EXPECT_EQ(a.found.front().peer, id(2));
  EXPECT_EQ(b.found.front().peer, id(1));
  EXPECT_EQ(a.found.front().tcp.front().port, 4002);
  EXPECT_EQ(a.found.front().quic, a.found.front().tcp) << "the same addresses, over UDP";
  EXPECT_TRUE(b.found.front().quic.empty());
}

TEST_F(IoMdnsNeighbours, FindEachOtherOverIpv6Alone) {
  Interface only6 = eth("eth0");
  std::erase_if(only6.networks, [](const IpNetwork& net) { return net.address.family == IpAddress::Family::kV4; });
  ASSERT_FALSE(only6.networks.empty());
  a.neighbours.set_interfaces({only6}, 4001);
  b.neighbours.set_interfaces({only6}, 4002);
  ASSERT_TRUE(wait([&] { return !a.found.empty(); }));
  EXPECT_EQ(a.found.front().tcp, (std::vector{Endpoint{*IpAddress::parse("fd07::2"), 4002}}))
      << "a link-local address is of no use without its zone";
}

TEST_F(IoMdnsNeighbours, LeaveWhatIsGoneAndJoinWhatIsNew) {
  a.neighbours.set_interfaces({eth("eth0")}, 4001);
  const std::size_t both = a.neighbours.joined();
  EXPECT_EQ(both, 2U) << "IPv4 and IPv6";
  a.neighbours.set_interfaces({eth("eth0"), eth("eth1")}, 4001);
  EXPECT_GT(a.neighbours.joined(), both);
  a.neighbours.set_interfaces({}, 4001);
  EXPECT_EQ(a.neighbours.joined(), 0U);
  b.neighbours.set_interfaces({eth("eth0")}, 4002);
  EXPECT_FALSE(wait([&] { return !b.found.empty(); }, 1500ms)) << "nobody answers on an interface that was left";
}

TEST_F(IoMdnsNeighbours, AskAnewWhereAnAddressHasChanged) {
  a.neighbours.set_interfaces({eth("eth0")}, 4001);
  b.neighbours.set_interfaces({eth("eth0")}, 4002);
  ASSERT_TRUE(wait([&] { return !a.found.empty() && !b.found.empty(); }));
  Interface moved = eth("eth0");
  moved.networks.push_back({IpAddress::v4(10, 1, 1, 1), 24});
  a.found.clear();
  a.neighbours.set_interfaces({moved}, 4001);
  EXPECT_TRUE(wait([&] { return !a.found.empty(); })) << "the next question would have been a minute away";
}

/// Sends to the group by eth0, from port 5353 of that address of ours.
bool send_from(std::uint32_t address, int hops, ByteView datagram) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
  const int yes = 1;
  ip_mreqn out{};
  out.imr_ifindex = static_cast<int>(eth("eth0").index);
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes);
  ::setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof out);
  ::setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &hops, sizeof hops);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(mdns::kPort);
  at.sin_addr.s_addr = htonl(address);
  const bool bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
  at.sin_addr.s_addr = htonl(0xe00000fb);
  const ssize_t sent =
      ::sendto(fd, datagram.data(), datagram.size(), 0, reinterpret_cast<const sockaddr*>(&at), sizeof at);
  ::close(fd);
  return bound && sent == static_cast<ssize_t>(datagram.size());
}

constexpr std::uint32_t kHere = 0xc0a80702;   // 192.168.7.2
constexpr std::uint32_t kOther = 0xc0a80802;  // 192.168.8.2

Bytes answer_of(std::uint8_t peer) {
  return mdns::make_response("i", {"dnsaddr=/ip4/192.168.7.9/tcp/1/p2p/" + id(peer).to_string()});
}

TEST_F(IoMdnsNeighbours, HearNobodyOfAnotherNetworkOnTheSameCable) {
  a.neighbours.set_interfaces({eth("eth0")}, 4001);
  ASSERT_TRUE(send_from(kOther, 255, answer_of(8)));
  EXPECT_FALSE(wait([&] { return !a.found.empty(); }, 300ms));
  ASSERT_TRUE(send_from(kHere, 255, answer_of(9)));
  ASSERT_TRUE(wait([&] { return !a.found.empty(); }));
  EXPECT_EQ(a.found.front().peer, id(9));
}

TEST_F(IoMdnsNeighbours, TakeNoDatagramThatMayHaveCrossedARouter) {
  a.neighbours.set_interfaces({eth("eth0")}, 4001);
  ASSERT_TRUE(send_from(kHere, 254, answer_of(8)));
  EXPECT_FALSE(wait([&] { return !a.found.empty(); }, 300ms));
  ASSERT_TRUE(send_from(kHere, 255, answer_of(9)));
  ASSERT_TRUE(wait([&] { return !a.found.empty(); }));
  EXPECT_EQ(a.found.front().peer, id(9));
}

}  // namespace
}  // namespace turnpike::io
