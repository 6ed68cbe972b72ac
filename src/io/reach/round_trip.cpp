#include "io/reach/round_trip.h"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "core/stun/message.h"
#include "io/loop/convert.h"
#include "io/loop/deadline.h"

namespace turnpike::io {
namespace {

using asio::ip::udp;
using boost::system::error_code;

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr int kTries = 3;
constexpr std::size_t kEnoughAnswer = 512;

}  // namespace

asio::awaitable<std::optional<Duration>> stun_round_trip(Endpoint server, Duration limit, Random& random) {
  const auto loop = co_await asio::this_coro::executor;
  const bool v4 = server.address.family == IpAddress::Family::kV4;
  udp::socket socket(loop);
  error_code failed;
  socket.open(v4 ? udp::v4() : udp::v6(), failed);
  if (!failed) socket.connect(to_asio(server), failed);
  if (failed) co_return std::nullopt;
  std::array<std::uint8_t, kEnoughAnswer> buffer{};
  for (int i = 0; i < kTries; ++i) {
    Deadline deadline(loop, [&socket] {
      error_code ignored;
      socket.cancel(ignored);
    });
    deadline.arm(limit / kTries);
    const stun::TransactionId id = random.array<12>();
    const Bytes request = stun::MessageWriter(stun::Class::kRequest, stun::Method::kBinding, id).take();
    const Instant asked = now();
    socket.send(asio::buffer(request), 0, failed);
    for (bool waiting = true; waiting;) {
      const auto [not_read, got] = co_await socket.async_receive(asio::buffer(buffer), kTuple);
      if (not_read) break;
      const auto message = stun::MessageView::parse(ByteView(buffer).first(got));
      if (message && message->id() == id && message->message_class() == stun::Class::kSuccess) co_return now() - asked;
    }
  }
  co_return std::nullopt;
}

}  // namespace turnpike::io
