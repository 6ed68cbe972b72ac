#include "node/doors.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "core/stun/framing.h"
#include "io/loop/convert.h"
#include "io/loop/deadline.h"

namespace turnpike::node {
namespace {

using io::http::Request;
using io::http::Response;
using rendezvous::ServiceKind;

asio::awaitable<Response> ready(Response response) {
  Response out = std::move(response);
  co_return out;
}

}  // namespace

Doors::Doors(asio::any_io_executor loop, Random& random, Sink sink)
    : loop_(std::move(loop)), sink_(std::move(sink)), binding_(random) {}

void Doors::add_route(io::http::Server& server) {
  server.route(io::http::Method::kGet, std::string(rendezvous::kProofPath), [this](const Request& request) {
    Response response;
    const auto nonce = rendezvous::parse_nonce(request.path().substr(rendezvous::kProofPath.size()));
    response.status = nonce ? 204 : 400;
    if (nonce) sink_(ServiceKind::kHttp, *nonce, request.remote.address);
    return ready(std::move(response));
  });
}

std::vector<std::string> Doors::open_stun(std::uint16_t port) {
  std::vector<std::string> failures;
  const Endpoint all{{IpAddress::Family::kV6, {}}, port};
  const Endpoint all_v4{IpAddress{}, port};
  auto udp = io::UdpSocket::open(loop_, all);
  if (!udp) udp = io::UdpSocket::open(loop_, all_v4);
  if (udp) {
    udp_ = *std::move(udp);
    udp_->start(*this);
    open_.push_back(ServiceKind::kTurnUdp);
  } else {
    failures.push_back("UDP port " + std::to_string(port) + ": " + std::string(io::to_string(udp.error())));
  }
  auto tcp = io::TcpListener::open(loop_, all);
  if (!tcp) tcp = io::TcpListener::open(loop_, all_v4);
  if (tcp) {
    tcp_ = *std::move(tcp);
    asio::co_spawn(loop_, accept(), asio::detached);
    open_.push_back(ServiceKind::kTurnTcp);
  } else {
    failures.push_back("TCP port " + std::to_string(port) + ": " + std::string(io::to_string(tcp.error())));
  }
  return failures;
}

std::uint16_t Doors::port(ServiceKind kind) const {
  if (kind == ServiceKind::kTurnUdp && udp_) return udp_->local().port;
  if (kind == ServiceKind::kTurnTcp && tcp_) return tcp_->local().port;
  return 0;
}

void Doors::close() {
  if (udp_) udp_->close();
  if (tcp_) tcp_->close();
}

std::optional<Bytes> Doors::answer(ServiceKind at, const Endpoint& from, const Endpoint& local, ByteView bytes) {
  const auto request = stun::MessageView::parse(bytes);
  if (!request || request->message_class() != stun::Class::kRequest || request->method() != stun::Method::kBinding) {
    return std::nullopt;
  }
  auto out = binding_.answer(io::now(), from, local, *request);
  // What is above the limits of an answer is above those of a proof, too.
  if (!out) return std::nullopt;
  sink_(at, request->id(), from.address);
  return std::move(out->payload);
}

void Doors::on_datagrams(const DatagramBatch& batch) {
  handle_stun(ServiceKind::kTurnUdp, udp_->local().port, batch, [this](const DatagramBatch& reply) {
    static_cast<void>(udp_->send(reply));  // one that is lost is asked for again
  });
}

void Doors::handle_stun(ServiceKind at, std::uint16_t port, const DatagramBatch& batch,
                        const std::function<void(const DatagramBatch&)>& send) {
  for (std::size_t i = 0; i < batch.count(); ++i) {
    const ByteView request = batch.segment(i);
    if (request.size() > kMaxStunRequest) continue;
    const Endpoint local{batch.local, port};
    const auto payload = answer(at, batch.remote, local, request);
    if (!payload) continue;
    const DatagramBatch reply{
        .remote = batch.remote, .local = batch.local, .bytes = *payload, .segment_size = payload->size()};
    send(reply);
  }
}

asio::awaitable<void> Doors::accept() {
  io::TcpListener& listener = *tcp_;
  for (;;) {
    auto accepted = co_await listener.accept();
    if (!accepted) co_return;
    std::shared_ptr<io::BytePipe> pipe = *std::move(accepted);
    if (connections_ < kMaxStunConnections) asio::co_spawn(loop_, serve(std::move(pipe)), asio::detached);
  }
}

asio::awaitable<void> Doors::serve(std::shared_ptr<io::BytePipe> given) {
  const std::shared_ptr<io::BytePipe> pipe = std::move(given);
  ++connections_;
  io::Deadline deadline(loop_, [pipe] { pipe->close(); });
  deadline.arm(kStunConnectionTime);
  Bytes held;
  std::array<std::uint8_t, kMaxStunRequest> buffer{};
  for (bool open = true; open;) {
    const auto got = co_await pipe->read_some(buffer);
    if (!got) break;
    held.insert(held.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*got));
    while (open && !held.empty()) {
      const auto frame = stun::next_frame(held);
      open = frame && (!*frame || ((**frame).kind == stun::FrameKind::kStun && (**frame).size <= kMaxStunRequest));
      if (!open || !*frame || held.size() < (**frame).wire_size) break;
      const auto payload =
          answer(ServiceKind::kTurnTcp, pipe->remote(), pipe->remote(), ByteView(held).first((**frame).size));
      held.erase(held.begin(), held.begin() + static_cast<std::ptrdiff_t>((**frame).wire_size));
      open = payload.has_value();
      if (!open) break;
      const auto written = co_await pipe->write(*payload);
      open = static_cast<bool>(written);
    }
  }
  pipe->close();
  --connections_;
}

}  // namespace turnpike::node
