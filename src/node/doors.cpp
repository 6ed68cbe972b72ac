#include "node/doors.h"

#include "io/loop/convert.h"

namespace turnpike::node {
namespace {

using io::http::Request;
using io::http::Response;
using rendezvous::ServiceKind;

asio::awaitable<Response> ready(Response response) {
  Response out = std::move(response);
  co_return out;
}

turn::ServerConfig server_config(const Donor& donor) {
  turn::ServerConfig out;
  out.sessions.max_sessions = donor.sessions;
  out.donation = donor.caps;
  out.donated = donor.given;
  out.tells_bindings = true;
  return out;
}

}  // namespace

Doors::Doors(const asio::any_io_executor& loop, Random& random, Sink sink, const Donor& donor)
    : donor_(donor), sink_(std::move(sink)), binding_(random), server_(loop, server_config(donor), random) {
  // What is above the limits of an answer is above those of a proof, too: only what was answered is told.
  server_.on_binding([this](const turn::Server::Bound& bound) {
    const bool is_udp = bound.from.transport == turn::Transport::kUdp;
    sink_(is_udp ? ServiceKind::kTurnUdp : ServiceKind::kTurnTcp, bound.id, bound.from.client.address);
  });
}

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
  const asio::any_io_executor loop = server_.loop();
  const Endpoint all{{IpAddress::Family::kV6, {}}, port};
  const Endpoint all_v4{IpAddress{}, port};
  auto udp = io::UdpSocket::open(loop, all);
  if (!udp) udp = io::UdpSocket::open(loop, all_v4);
  if (udp) {
    udp_port_ = (*udp)->local().port;
    server_.serve(*std::move(udp));
    open_.push_back(ServiceKind::kTurnUdp);
  } else {
    failures.push_back("UDP port " + std::to_string(port) + ": " + std::string(io::to_string(udp.error())));
  }
  auto tcp = io::TcpListener::open(loop, all);
  if (!tcp) tcp = io::TcpListener::open(loop, all_v4);
  if (tcp) {
    tcp_port_ = (*tcp)->local().port;
    server_.serve(*std::move(tcp));
    open_.push_back(ServiceKind::kTurnTcp);
  } else {
    failures.push_back("TCP port " + std::to_string(port) + ": " + std::string(io::to_string(tcp.error())));
  }
  return failures;
}

std::uint16_t Doors::port(ServiceKind kind) const {
  if (kind == ServiceKind::kTurnUdp) return udp_port_;
  return kind == ServiceKind::kTurnTcp ? tcp_port_ : std::uint16_t{0};
}

void Doors::close() { server_.close(); }

void Doors::set_proved(const std::vector<IpAddress>& addresses) {
  server_.core().set_external(donor_.on ? addresses : std::vector<IpAddress>());
}

Result<turn::Opened, turn::RefusalReason> Doors::open_session(const turn::PeerId& requester, const IpAddress& from,
                                                              const turn::PeerId& responder) {
  const bool v4 = server_.core().relays_family(IpAddress::Family::kV4);
  const auto family = v4 ? IpAddress::Family::kV4 : IpAddress::Family::kV6;
  auto opened = server_.core().open_session(io::both_now(), requester, from, responder, family);
  server_.pump();
  return opened;
}

bool Doors::accepts_sessions() { return server_.core().accepts_sessions(io::wall_now()); }

void Doors::handle_stun(ServiceKind at, std::uint16_t port, const DatagramBatch& batch,
                        const std::function<void(const DatagramBatch&)>& send) {
  for (std::size_t i = 0; i < batch.count(); ++i) {
    const ByteView bytes = batch.segment(i);
    if (bytes.size() > kMaxStunRequest) continue;
    const auto request = stun::MessageView::parse(bytes);
    if (!request) continue;
    const auto answer = binding_.answer(io::now(), batch.remote, {batch.local, port}, *request);
    if (!answer) continue;
    sink_(at, request->id(), batch.remote.address);
    const DatagramBatch reply{
        .remote = batch.remote, .local = batch.local, .bytes = answer->payload, .segment_size = answer->payload.size()};
    send(reply);
  }
}

turn::DonationRecord Doors::given() { return server_.core().donation()->record(); }

}  // namespace turnpike::node
