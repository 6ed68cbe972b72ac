#include "core/autonat/server.h"

#include <gtest/gtest.h>

namespace turnpike::autonat {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{1000s};
const IpAddress kAsker = IpAddress::v4(203, 0, 113, 7);
const IpAddress kUs = IpAddress::v4(198, 51, 100, 1);
const Endpoint kDoor{kAsker, 4001};
const Endpoint kElsewhere{IpAddress::v4(192, 0, 2, 9), 4001};

Bytes request(const std::vector<Endpoint>& addresses, std::uint64_t nonce = 42) {
  std::vector<multiaddr::Multiaddr> out;
  for (const Endpoint& each : addresses) out.push_back(multiaddr::Multiaddr::tcp(each));
  return encode_request(out, nonce);
}

struct AutonatServer : testing::Test {
  SeededRandom random{5};
  Server server{kStart, kAsker, {kUs}, true, random};

  std::optional<Message> said() {
    const auto bytes = server.poll_write();
    if (!bytes) return std::nullopt;
    ByteReader in(*bytes);
    const auto size = static_cast<std::size_t>(in.varint());
    return decode(in.take(size));
  }
  DialResponse response() { return std::get<DialResponse>(*said()); }
};

TEST_F(AutonatServer, DialsTheAskersOwnAddressAtOnce) {
  server.handle_bytes(kStart, request({kDoor}));
  const auto order = server.poll_event();
  ASSERT_TRUE(order);
  EXPECT_EQ(order->to, kDoor);
  EXPECT_EQ(order->nonce, 42U);
  EXPECT_FALSE(server.poll_write());
  server.handle_dialled(DialStatus::kOk);
  EXPECT_EQ(response(), (DialResponse{ResponseStatus::kOk, 0, DialStatus::kOk}));
  EXPECT_TRUE(server.is_over());
  EXPECT_FALSE(server.is_broken());
}

TEST_F(AutonatServer, HasTheAskerSpendMoreThanItsDialCostsAnAddressThatMayBeSomebodyElses) {
  server.handle_bytes(kStart, request({kElsewhere}));
  EXPECT_FALSE(server.poll_event());
  const auto wish = std::get<DialDataRequest>(*said());
  EXPECT_GE(wish.bytes, kMinData);
  EXPECT_LE(wish.bytes, kMaxData);
  std::uint64_t given = 0;
  for (; given + kMaxDataPiece < wish.bytes; given += kMaxDataPiece) {
    server.handle_bytes(kStart, encode_data(kMaxDataPiece));
    ASSERT_FALSE(server.poll_event()) << "after " << given;
  }
  server.handle_bytes(kStart, encode_data(static_cast<std::size_t>(wish.bytes - given)));
  EXPECT_EQ(server.poll_event()->to, kElsewhere);
}

TEST_F(AutonatServer, DialsNeitherPrivateAddressesNorItselfNorWhatItCannotRead) {
  auto addresses = std::vector{multiaddr::Multiaddr::tcp({IpAddress::v4(192, 168, 1, 1), 80}),
                               multiaddr::Multiaddr::tcp({IpAddress::v4(127, 0, 0, 1), 80}),
                               multiaddr::Multiaddr::tcp({kUs, 22}), *multiaddr::Multiaddr::parse("/dns4/x/tcp/80")};
  server.handle_bytes(kStart, encode_request(addresses, 1));
  EXPECT_FALSE(server.poll_event());
  EXPECT_EQ(response().status, ResponseStatus::kDialRefused);
}

TEST_F(AutonatServer, DialsTheFirstThatCanBeDialledAndSaysWhich) {
  server.handle_bytes(kStart, request({{IpAddress::v4(10, 0, 0, 1), 1}, kDoor, kElsewhere}));
  EXPECT_EQ(server.poll_event()->to, kDoor);
  server.handle_dialled(DialStatus::kDialError);
  EXPECT_EQ(response(), (DialResponse{ResponseStatus::kOk, 1, DialStatus::kDialError}));
}

TEST_F(AutonatServer, RejectsWhatIsAboveItsLimits) {
  Server busy(kStart, kAsker, {}, false, random);
  busy.handle_bytes(kStart, request({kDoor}));
  EXPECT_FALSE(busy.poll_event());
  const Bytes answer = *busy.poll_write();
  EXPECT_EQ(std::get<DialResponse>(*decode(ByteView(answer).subspan(1))).status, ResponseStatus::kRejected);
}

TEST_F(AutonatServer, EndsAnAskerThatSaysNothingOrHalfAThing) {
  EXPECT_EQ(server.poll_timeout(), kStart + kRequestTime);
  server.handle_timeout(kStart + kRequestTime);
  EXPECT_TRUE(server.is_broken());
  Server ended(kStart, kAsker, {}, true, random);
  ended.handle_bytes(kStart, ByteView(request({kDoor})).first(5));
  ended.handle_end();
  EXPECT_TRUE(ended.is_broken());
}

TEST_F(AutonatServer, EndsAnAskerThatOwesDataAndGivesNone) {
  server.handle_bytes(kStart, request({kElsewhere}));
  server.handle_timeout(kStart + kDataTime);
  EXPECT_TRUE(server.is_broken());
  EXPECT_FALSE(server.poll_event());
}

TEST_F(AutonatServer, TakesNoDataPieceOfNothing) {
  server.handle_bytes(kStart, request({kElsewhere}));
  server.handle_bytes(kStart, encode_data(0));
  EXPECT_TRUE(server.is_broken());
}

TEST_F(AutonatServer, RefusesMoreAddressesThanItsLimitAndOversizeMessages) {
  server.handle_bytes(kStart, request(std::vector(kMaxAddresses + 1, kDoor)));
  EXPECT_TRUE(server.is_broken());
  Server other(kStart, kAsker, {}, true, random);
  Bytes length;
  ByteWriter(length).varint(kMaxMessage + 1);
  other.handle_bytes(kStart, length);
  EXPECT_TRUE(other.is_broken());
}

identity::PeerId peer(std::uint8_t number) {
  identity::PeerId out;
  out.public_key[0] = number;
  return out;
}

TEST(AutonatDialLimiter, HoldsOnePeerAndOneNetworkToTheirShare) {
  DialLimiter limiter;
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(limiter.begin(kStart, peer(1), kAsker));
    limiter.end();
  }
  EXPECT_FALSE(limiter.begin(kStart, peer(1), kElsewhere.address)) << "the peer's share, wherever it is";
  EXPECT_FALSE(limiter.begin(kStart, peer(2), kAsker)) << "its network's share, whoever it is";
  EXPECT_TRUE(limiter.begin(kStart, peer(3), kElsewhere.address));
  EXPECT_TRUE(limiter.begin(kStart + 1s, peer(1), IpAddress::v4(203, 0, 112, 1)));
}

TEST(AutonatDialLimiter, DialsForSoManyAtOnce) {
  DialLimiter limiter;
  for (std::uint8_t i = 0; i < kMaxDialling; ++i)
    EXPECT_TRUE(limiter.begin(kStart, peer(i), IpAddress::v4(9, i, 0, 1)));
  EXPECT_FALSE(limiter.begin(kStart, peer(99), IpAddress::v4(9, 99, 0, 1)));
  limiter.end();
  EXPECT_TRUE(limiter.begin(kStart, peer(100), IpAddress::v4(9, 100, 0, 1)));
}

}  // namespace
}  // namespace turnpike::autonat
