#include "io/reach/nonce_sender.h"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "core/stun/message.h"
#include "io/loop/convert.h"
#include "io/loop/deadline.h"

namespace turnpike::io {
namespace {

using asio::ip::tcp;
using asio::ip::udp;
using boost::system::error_code;
using rendezvous::ProbeOutcome;
using rendezvous::ProofNonce;
using rendezvous::Service;
using rendezvous::ServiceKind;
using namespace std::chrono_literals;

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
/// Waits for the answer to each datagram; together within kDialTime. A first one may be lost, or be on its way before
/// a router knows where to.
constexpr std::array<Duration, 4> kDatagramWaits{250ms, 500ms, 750ms, 1000ms};
constexpr std::size_t kEnoughAnswer = 512;

// A multistream-select message: its length, which is below 128 here, then the name and a line feed.
void append_proposal(Bytes& out, std::string_view name) {
  out.push_back(static_cast<std::uint8_t>(name.size() + 1));
  out.insert(out.end(), name.begin(), name.end());
  out.push_back('\n');
}

bool answers(const Service& target, const ProofNonce& nonce, ByteView answer) {
  if (target.kind == ServiceKind::kHttp) return text_of(answer).starts_with("HTTP/1.1 2");
  if (target.kind == ServiceKind::kTcp) return text_of(answer).find("/multistream/1.0.0") != std::string_view::npos;
  const auto message = stun::MessageView::parse(answer);
  return message && message->id() == nonce && message->method() == stun::Method::kBinding;
}

asio::awaitable<ProbeOutcome> send_by_tcp(Service target, ProofNonce nonce, std::optional<IpAddress> from) {
  const auto loop = co_await asio::this_coro::executor;
  const bool v4 = target.endpoint.address.family == IpAddress::Family::kV4;
  tcp::socket socket(loop);
  error_code failed;
  socket.open(v4 ? tcp::v4() : tcp::v6(), failed);
  if (!failed && from) socket.bind(tcp::endpoint(to_asio(*from), 0), failed);
  if (failed) co_return ProbeOutcome::kFailed;
  Deadline deadline(loop, [&socket] {
    error_code ignored;
    socket.close(ignored);
  });
  deadline.arm(rendezvous::kDialTime);
  const auto [not_connected] = co_await socket.async_connect(to_asio_tcp(target.endpoint), kTuple);
  if (not_connected) co_return ProbeOutcome::kFailed;
  const Bytes message = nonce_message(target, nonce);
  const auto [not_written, written] = co_await asio::async_write(socket, asio::buffer(message), kTuple);
  if (not_written) co_return ProbeOutcome::kFailed;
  std::array<std::uint8_t, kEnoughAnswer> buffer{};
  const auto [not_read, got] = co_await socket.async_read_some(asio::buffer(buffer), kTuple);
  const bool good = !not_read && answers(target, nonce, ByteView(buffer).first(got));
  co_return good ? ProbeOutcome::kSent : ProbeOutcome::kFailed;
}

asio::awaitable<ProbeOutcome> send_by_udp(Service target, ProofNonce nonce, std::optional<IpAddress> from) {
  const auto loop = co_await asio::this_coro::executor;
  const bool v4 = target.endpoint.address.family == IpAddress::Family::kV4;
  udp::socket socket(loop);
  error_code failed;
  socket.open(v4 ? udp::v4() : udp::v6(), failed);
  if (!failed && from) socket.bind(udp::endpoint(to_asio(*from), 0), failed);
  if (!failed) socket.connect(to_asio(target.endpoint), failed);
  if (failed) co_return ProbeOutcome::kFailed;
  const Bytes message = nonce_message(target, nonce);
  std::array<std::uint8_t, kEnoughAnswer> buffer{};
  for (const Duration wait : kDatagramWaits) {
    Deadline deadline(loop, [&socket] {
      error_code ignored;
      socket.cancel(ignored);
    });
    deadline.arm(wait);
    socket.send(asio::buffer(message), 0, failed);  // a refusal of the one before shows here, too
    for (bool waiting = true; waiting;) {
      const auto [not_read, got] = co_await socket.async_receive(asio::buffer(buffer), kTuple);
      if (!not_read && answers(target, nonce, ByteView(buffer).first(got))) co_return ProbeOutcome::kSent;
      if (not_read == asio::error::connection_refused) co_return ProbeOutcome::kFailed;
      waiting = !not_read;
    }
  }
  co_return ProbeOutcome::kFailed;
}

}  // namespace

Bytes nonce_message(const Service& target, const ProofNonce& nonce) {
  const std::string text = rendezvous::nonce_text(nonce);
  Bytes out;
  if (target.kind == ServiceKind::kHttp) {
    const std::string request = "GET " + std::string(rendezvous::kProofPath) + text +
                                " HTTP/1.1\r\nHost: " + target.endpoint.to_string() + "\r\nConnection: close\r\n\r\n";
    return copy_of(bytes_of(request));
  }
  if (target.kind == ServiceKind::kTcp) {
    append_proposal(out, "/multistream/1.0.0");
    append_proposal(out, std::string(rendezvous::kProofProtocol) + text);
    return out;
  }
  return stun::MessageWriter(stun::Class::kRequest, stun::Method::kBinding, nonce).take();
}

asio::awaitable<ProbeOutcome> send_nonce(Service target, ProofNonce nonce, std::optional<IpAddress> from) {
  const bool by_udp = rendezvous::is_udp(target.kind);
  if (by_udp) co_return co_await send_by_udp(target, nonce, from);
  co_return co_await send_by_tcp(target, nonce, from);
}

}  // namespace turnpike::io
