#include "core/host/transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace turnpike::host {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

constexpr Instant kStart{1000s};
const Endpoint kA{IpAddress::v4(192, 0, 2, 1), 4001};
const Endpoint kB{IpAddress::v4(192, 0, 2, 2), 4001};
constexpr identity::PeerId kPeer{{1}};

std::vector<Transport> transports(const std::vector<DialAddress>& addresses) {
  std::vector<Transport> out;
  for (const DialAddress& address : addresses) out.push_back(address.transport);
  return out;
}

TEST(TransportMemory, TriesQuicFirstWhereNothingIsKnownAndTakesTurns) {
  const TransportMemory memory;
  const std::vector<DialAddress> expected = {
      {Transport::kQuic, kA}, {Transport::kTcp, kA}, {Transport::kQuic, kB}, {Transport::kTcp, kB}};
  EXPECT_EQ(memory.order(kStart, kPeer, {kA, kB}, {kA, kB}), expected);
  EXPECT_EQ(memory.order(kStart, std::nullopt, {kA, kB}, {kA, kB}), expected);
}

TEST(TransportMemory, LosesNoAddressWhateverTheNumbers) {
  const TransportMemory memory;
  EXPECT_THAT(transports(memory.order(kStart, kPeer, {kA, kB}, {})), ElementsAre(Transport::kTcp, Transport::kTcp));
  EXPECT_THAT(transports(memory.order(kStart, kPeer, {kA}, {kA, kB})),
              ElementsAre(Transport::kQuic, Transport::kTcp, Transport::kQuic));
  EXPECT_TRUE(memory.order(kStart, kPeer, {}, {}).empty());
}

Transport first(const TransportMemory& memory, Instant now, const identity::PeerId& peer = kPeer) {
  return memory.order(now, peer, {kA}, {kA}).front().transport;
}

TEST(TransportMemory, StartsWithTcpForAWhileWhereQuicLostTheRace) {
  TransportMemory memory;
  memory.handle_worked(kStart, kPeer, Transport::kTcp, true);
  EXPECT_EQ(first(memory, kStart), Transport::kTcp);
  EXPECT_EQ(first(memory, kStart, identity::PeerId{{2}}), Transport::kQuic);
  EXPECT_EQ(first(memory, kStart + kQuicRest), Transport::kQuic) << "it may have been a busy moment";
  memory.handle_worked(kStart, kPeer, Transport::kTcp, true);
  memory.handle_worked(kStart, kPeer, Transport::kQuic, true);
  EXPECT_EQ(first(memory, kStart), Transport::kQuic);
}

TEST(TransportMemory, DoesNotHoldTheLackOfAnAddressAgainstQuic) {
  TransportMemory memory;
  memory.handle_worked(kStart, kPeer, Transport::kTcp, false);
  EXPECT_EQ(first(memory, kStart), Transport::kQuic);
  EXPECT_EQ(memory.size(), 0U);
}

TEST(TransportMemory, LetsQuicRestWhereItDiedInUse) {
  TransportMemory memory;
  memory.handle_worked(kStart, kPeer, Transport::kQuic, true);
  memory.handle_died(kStart, kPeer, Transport::kQuic);
  EXPECT_EQ(first(memory, kStart + kQuicRest - 1s), Transport::kTcp);
  EXPECT_EQ(first(memory, kStart + kQuicRest), Transport::kQuic);
  memory.handle_died(kStart, kPeer, Transport::kQuic);
  memory.forget();
  EXPECT_EQ(first(memory, kStart), Transport::kQuic);
}

TEST(TransportMemory, RemembersSoManyPeersAndForgetsTheOldest) {
  TransportMemory memory;
  for (std::size_t i = 0; i <= kMaxRemembered; ++i) {
    identity::PeerId peer;
    peer.public_key[0] = static_cast<std::uint8_t>(i);
    peer.public_key[1] = static_cast<std::uint8_t>(i >> 8U);
    memory.handle_worked(kStart + Duration(static_cast<Duration::rep>(i)), peer, Transport::kTcp, true);
  }
  EXPECT_EQ(memory.size(), kMaxRemembered);
  EXPECT_EQ(first(memory, kStart, identity::PeerId{}), Transport::kQuic);
}

}  // namespace
}  // namespace turnpike::host
