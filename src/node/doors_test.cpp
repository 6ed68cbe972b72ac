#include "node/doors.h"

#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>

#include "core/stun/message.h"
#include "crypto/random.h"
#include "io/http/client.h"
#include "io/loop/run.h"
#include "io/reach/nonce_sender.h"

namespace turnpike::node {
namespace {

using rendezvous::ProbeOutcome;
using rendezvous::ProofNonce;
using rendezvous::Service;
using rendezvous::ServiceKind;
using testing::IsEmpty;
using testing::SizeIs;

const IpAddress kHere = IpAddress::v4(127, 0, 0, 1);
constexpr ProofNonce kNonce{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0xff};

// The doors of a node on loopback, and the sender of nonces that knocks at them.
class NodeDoors : public testing::Test {
 protected:
  NodeDoors() {
    doors_.add_route(server_);
    auto listener = io::TcpListener::open(loop_.get_executor(), {kHere, 0});
    http_ = (*listener)->local().port;
    server_.listen(*std::move(listener));
    EXPECT_THAT(doors_.open_stun(0), IsEmpty());
  }
  ~NodeDoors() override {
    doors_.close();
    io::run(loop_, server_.stop(Duration{}));
  }
  std::uint16_t port(ServiceKind kind) const { return kind == ServiceKind::kHttp ? http_ : doors_.port(kind); }
  ProbeOutcome send(ServiceKind kind, std::uint16_t to, std::optional<IpAddress> from = std::nullopt) {
    return io::run(loop_, io::send_nonce({kind, {kHere, to}}, kNonce, from));
  }
  unsigned status_of(const std::string& target) { return io::run(loop_, get({kHere, http_}, target)); }
  static asio::awaitable<unsigned> get(Endpoint to, std::string target) {
    auto client = co_await io::http::Client::connect(to);
    io::http::ClientRequest request;
    request.target = std::move(target);
    auto head = co_await (*client)->request(std::move(request));
    const unsigned status = head ? head->status : 0;
    co_return status;
  }
  // What the STUN port says to these bytes over TCP, until it closes or has answered.
  Bytes over_tcp(Bytes bytes) { return io::run(loop_, exchange({kHere, doors_.port(ServiceKind::kTurnTcp)}, bytes)); }
  static asio::awaitable<Bytes> exchange(Endpoint to, Bytes bytes) {
    auto pipe = co_await io::connect(to, std::chrono::seconds(5));
    const auto written = co_await (*pipe)->write(bytes);
    Bytes buffer(2048);
    const auto got = co_await (*pipe)->read_some(buffer);
    buffer.resize(written && got ? *got : 0);
    co_return buffer;
  }

  struct Arrival {
    ServiceKind at{};
    ProofNonce nonce{};
    IpAddress from;
  };
  asio::io_context loop_{1};
  crypto::SecureRandom random_;
  std::vector<Arrival> arrivals_;
  io::http::Server server_{loop_.get_executor(), {}};
  Doors doors_{loop_.get_executor(), random_, [this](ServiceKind at, const ProofNonce& nonce, const IpAddress& from) {
                 arrivals_.push_back({at, nonce, from});
               }};
  std::uint16_t http_ = 0;
};

TEST_F(NodeDoors, TakeANonceAtEachPortAndSayAtWhichItCame) {
  for (const ServiceKind kind : {ServiceKind::kHttp, ServiceKind::kTurnUdp, ServiceKind::kTurnTcp}) {
    arrivals_.clear();
    EXPECT_EQ(send(kind, port(kind)), ProbeOutcome::kSent) << name_of(kind);
    ASSERT_THAT(arrivals_, SizeIs(1)) << name_of(kind);
    EXPECT_EQ(arrivals_[0].at, kind);
    EXPECT_EQ(arrivals_[0].nonce, kNonce);
    EXPECT_EQ(arrivals_[0].from, kHere);
  }
}

TEST_F(NodeDoors, SeeTheAddressThatTheSenderWasToldToUse) {
  const IpAddress other = IpAddress::v4(127, 0, 0, 2);
  for (const ServiceKind kind : {ServiceKind::kHttp, ServiceKind::kTurnUdp, ServiceKind::kTurnTcp}) {
    EXPECT_EQ(send(kind, port(kind), other), ProbeOutcome::kSent);
    EXPECT_EQ(arrivals_.back().from, other) << name_of(kind);
  }
}

TEST_F(NodeDoors, AreNotMistakenForEachOther) {
  EXPECT_EQ(send(ServiceKind::kHttp, port(ServiceKind::kTurnTcp)), ProbeOutcome::kFailed);
  EXPECT_EQ(send(ServiceKind::kTurnTcp, port(ServiceKind::kHttp)), ProbeOutcome::kFailed);
  EXPECT_THAT(arrivals_, IsEmpty());
}

TEST_F(NodeDoors, TakeNoNonceThatIsNone) {
  EXPECT_EQ(status_of("/v1/proof/0102030405060708090a0bff"), 204U);
  EXPECT_THAT(arrivals_, SizeIs(1));
  for (const char* text : {"/v1/proof/", "/v1/proof/00", "/v1/proof/0102030405060708090A0BFF", "/v1/proof/../health"}) {
    EXPECT_NE(status_of(text), 204U) << text;
  }
  EXPECT_THAT(arrivals_, SizeIs(1));
}

TEST_F(NodeDoors, AnswerNothingButBindingRequestsOverTcp) {
  EXPECT_THAT(over_tcp(copy_of(bytes_of(std::string_view("GET / HTTP/1.1\r\n\r\n")))), IsEmpty());
  EXPECT_THAT(over_tcp(stun::MessageWriter(stun::Class::kRequest, stun::Method::kAllocate, kNonce).take()), IsEmpty());
  EXPECT_THAT(over_tcp(Bytes(600, 0)), IsEmpty());
  EXPECT_THAT(arrivals_, IsEmpty());
  const Bytes answer = over_tcp(stun::MessageWriter(stun::Class::kRequest, stun::Method::kBinding, kNonce).take());
  const auto message = stun::MessageView::parse(answer);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->message_class(), stun::Class::kSuccess);
  EXPECT_TRUE(message->has(stun::AttributeType::kXorMappedAddress));
}

TEST_F(NodeDoors, RelayOnceTheyAreProvedAndOnlyThen) {
  const turn::PeerId one{crypto::SigningKey::generate(random_).public_key()};
  const turn::PeerId two{crypto::SigningKey::generate(random_).public_key()};
  EXPECT_FALSE(doors_.accepts_sessions());
  EXPECT_EQ(doors_.open_session(one, {}, two).error(), turn::RefusalReason::kNoAddress);
  doors_.set_proved({IpAddress::v4(198, 51, 100, 7)});
  EXPECT_TRUE(doors_.accepts_sessions());
  const Bytes challenge = over_tcp(stun::MessageWriter(stun::Class::kRequest, stun::Method::kAllocate, kNonce).take());
  const auto message = stun::MessageView::parse(challenge);
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->has(stun::AttributeType::kNonce));
  const auto opened = doors_.open_session(one, {}, two);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->grant.requester_relayed.address, IpAddress::v4(198, 51, 100, 7));
}

TEST_F(NodeDoors, RelayNothingWhereTheOwnerGivesNothing) {
  Doors off{loop_.get_executor(), random_, [](ServiceKind, const ProofNonce&, const IpAddress&) {}, {.on = false}};
  off.set_proved({IpAddress::v4(198, 51, 100, 7)});
  EXPECT_FALSE(off.accepts_sessions());
  Doors spent{loop_.get_executor(),
              random_,
              [](ServiceKind, const ProofNonce&, const IpAddress&) {},
              {.caps = {.bytes_per_month = 0}}};
  spent.set_proved({IpAddress::v4(198, 51, 100, 7)});
  EXPECT_FALSE(spent.accepts_sessions());
  Doors full{loop_.get_executor(), random_, [](ServiceKind, const ProofNonce&, const IpAddress&) {}, {.sessions = 0}};
  full.set_proved({IpAddress::v4(198, 51, 100, 7)});
  EXPECT_FALSE(full.accepts_sessions());
}

TEST_F(NodeDoors, AnswerWhatCameToAnotherPortsSocketThereAndSayWhichItWas) {
  const Bytes request = stun::MessageWriter(stun::Class::kRequest, stun::Method::kBinding, kNonce).take();
  Bytes train = request;
  train.insert(train.end(), request.size(), 0x01);  // no STUN, whatever its first byte says
  const Endpoint from{IpAddress::v4(127, 0, 0, 9), 4444};
  std::size_t replies = 0;
  doors_.handle_stun(ServiceKind::kQuic, 4001,
                     {.remote = from, .local = kHere, .bytes = train, .segment_size = request.size()},
                     [&](const DatagramBatch& reply) {
                       ++replies;
                       EXPECT_EQ(reply.remote, from);
                       EXPECT_EQ(reply.local, kHere) << "from the address it was asked at";
                       const auto message = stun::MessageView::parse(reply.bytes);
                       ASSERT_TRUE(message);
                       EXPECT_EQ(message->id(), kNonce);
                     });
  EXPECT_EQ(replies, 1U);
  ASSERT_THAT(arrivals_, SizeIs(1));
  EXPECT_EQ(arrivals_[0].at, ServiceKind::kQuic);
  EXPECT_EQ(arrivals_[0].from, from.address);
}

TEST_F(NodeDoors, TakeNoMoreNoncesThanTheyAnswerBindingRequests) {
  for (int i = 0; i < 400; ++i)
    static_cast<void>(over_tcp(stun::MessageWriter(stun::Class::kRequest, stun::Method::kBinding, kNonce).take()));
  EXPECT_LT(arrivals_.size(), 400U);
}

}  // namespace
}  // namespace turnpike::node
