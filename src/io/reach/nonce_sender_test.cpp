#include "io/reach/nonce_sender.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>

#include "io/loop/run.h"
#include "io/tcp/tcp.h"

namespace turnpike::io {
namespace {

using rendezvous::ProbeOutcome;
using rendezvous::ServiceKind;

constexpr rendezvous::ProofNonce kNonce{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
const IpAddress kHere = IpAddress::v4(127, 0, 0, 1);

TEST(NonceSender, WritesWhatEachKindReads) {
  const Endpoint at{IpAddress::v4(198, 51, 100, 7), 5001};
  const auto text = [&](ServiceKind kind) { return std::string(text_of(ByteView(nonce_message({kind, at}, kNonce)))); };
  EXPECT_EQ(text(ServiceKind::kHttp),
            "GET /v1/proof/0102030405060708090a0b0c HTTP/1.1\r\nHost: 198.51.100.7:5001\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(text(ServiceKind::kTcp), "\x13/multistream/1.0.0\n\x2b/turnpike/proof/1/0102030405060708090a0b0c\n");
  for (const ServiceKind kind : {ServiceKind::kQuic, ServiceKind::kTurnUdp, ServiceKind::kTurnTcp}) {
    const Bytes message = nonce_message({kind, at}, kNonce);
    ASSERT_EQ(message.size(), 20U) << "a Binding request without attributes";
    EXPECT_TRUE(std::equal(kNonce.begin(), kNonce.end(), message.begin() + 8));
  }
}

TEST(NonceSender, SaysThatNobodyListens) {
  asio::io_context loop{1};
  auto listener = TcpListener::open(loop.get_executor(), {kHere, 0});
  const Endpoint gone = (*listener)->local();
  (*listener)->close();
  listener->reset();
  EXPECT_EQ(run(loop, send_nonce({ServiceKind::kHttp, gone}, kNonce)), ProbeOutcome::kFailed);
  asio::ip::udp::socket taken(loop, {asio::ip::make_address("127.0.0.1"), 0});
  const std::uint16_t port = taken.local_endpoint().port();
  taken.close();
  EXPECT_EQ(run(loop, send_nonce({ServiceKind::kTurnUdp, {kHere, port}}, kNonce)), ProbeOutcome::kFailed);
}

TEST(NonceSender, SaysThatItCannotSendFromAnAddressItHasNot) {
  asio::io_context loop{1};
  const IpAddress foreign = IpAddress::v4(198, 51, 100, 99);
  for (const ServiceKind kind : {ServiceKind::kHttp, ServiceKind::kTurnUdp}) {
    EXPECT_EQ(run(loop, send_nonce({kind, {kHere, 9}}, kNonce, foreign)), ProbeOutcome::kFailed);
  }
}

}  // namespace
}  // namespace turnpike::io
