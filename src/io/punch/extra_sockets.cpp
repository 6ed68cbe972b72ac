#include "io/punch/extra_sockets.h"

#include <algorithm>
#include <utility>

#include "core/stun/message.h"

namespace turnpike::io {

class ExtraSockets::Socket final : public UdpReceiver, public DatagramPath {
 public:
  Socket(std::unique_ptr<UdpSocket> socket, ExtraSockets& owner, punch::SocketNumber number)
      : socket_(std::move(socket)), owner_(owner), number_(number) {
    socket_->start(*this);
  }
  ~Socket() override {
    socket_->close();
    if (carrier_) owner_.quic_.remove_path(*carrier_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  void on_datagrams(const DatagramBatch& batch) override {
    for (std::size_t i = 0; i < batch.count(); ++i) {
      const ByteView datagram = batch.segment(i);
      if (stun::looks_like_stun(datagram)) {
        owner_.on_stun_(number_, batch.remote, datagram);
      } else if (carrier_) {
        owner_.quic_.receive(*carrier_, batch.part(i * batch.segment_size, datagram.size()));
      }
    }
  }
  void send(const DatagramBatch& batch) override {
    DatagramBatch rest = batch;
    rest.local = {};
    while (!rest.bytes.empty()) {
      const SendOutcome outcome = socket_->send(rest);
      rest.bytes = rest.bytes.subspan(outcome.sent);
      if (outcome.status != SendStatus::kTooBig) return;
      rest.bytes = rest.bytes.subspan(std::min(rest.bytes.size(), rest.segment_size));
    }
  }
  quic::CarrierId carry() {
    if (!carrier_) carrier_ = owner_.quic_.add_path(*this);
    return *carrier_;
  }

 private:
  std::unique_ptr<UdpSocket> socket_;
  ExtraSockets& owner_;
  punch::SocketNumber number_;
  std::optional<quic::CarrierId> carrier_;
};

ExtraSockets::ExtraSockets(asio::any_io_executor loop, QuicHost& quic, OnStun on_stun)
    : loop_(std::move(loop)), quic_(quic), on_stun_(std::move(on_stun)) {}

ExtraSockets::~ExtraSockets() = default;

std::size_t ExtraSockets::open(std::size_t count, IpAddress::Family family) {
  while (count-- > 0) {
    // Small buffers: a check or two at a time is all that comes by one of them.
    auto socket = UdpSocket::open(loop_, {{family, {}}, 0}, {.buffer_size = 1 << 16});
    if (!socket) break;
    const auto number = static_cast<punch::SocketNumber>(sockets_.size() + 1);
    sockets_.push_back(std::make_unique<Socket>(std::move(*socket), *this, number));
  }
  return sockets_.size();
}

void ExtraSockets::send(punch::SocketNumber socket, const Endpoint& to, ByteView datagram) {
  if (socket == 0 || socket > sockets_.size() || !sockets_[socket - 1]) return;
  sockets_[socket - 1]->send({.remote = to, .bytes = datagram, .segment_size = datagram.size()});
}

std::optional<quic::CarrierId> ExtraSockets::keep_only(punch::SocketNumber socket) {
  std::optional<quic::CarrierId> kept;
  for (std::size_t i = 0; i < sockets_.size(); ++i) {
    if (!sockets_[i]) continue;
    if (i + 1 == socket) {
      kept = sockets_[i]->carry();
    } else {
      sockets_[i].reset();
    }
  }
  return kept;
}

std::size_t ExtraSockets::size() const {
  std::size_t out = 0;
  for (const auto& socket : sockets_) out += socket ? 1U : 0U;
  return out;
}

}  // namespace turnpike::io
