#include "io/kad/kad_host.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "core/kad/reader.h"
#include "io/loop/convert.h"

namespace turnpike::io {
namespace {

/// Until the other end finishes the stream, or until there is a message. `broke`: it was ended otherwise.
asio::awaitable<std::optional<kad::Message>> receive(LinkStream& stream, kad::Reader& reader, bool& broke) {
  std::optional<kad::Message> message = reader.poll_message();
  while (!message && !reader.error() && !reader.is_ended()) {
    const std::optional<Instant> deadline = reader.poll_timeout();
    const Status<StreamError> ready = co_await stream.wait_readable(deadline);
    if (ready) {
      stream.consume(reader.handle_bytes(now(), stream.readable()));
    } else if (ready.error() == StreamError::kTimeout) {
      reader.handle_timeout(now());
    } else {
      broke = ready.error() != StreamError::kEnd;
      reader.handle_end(now());
    }
    message = reader.poll_message();
  }
  co_return message;
}

}  // namespace

KadHost::KadHost(asio::any_io_executor loop, const identity::PeerId& self, Host& host, Random& random, OnEvent on_event)
    : loop_(loop),
      host_(host),
      on_event_(std::move(on_event)),
      node_(now(), identity::AnyPeerId(self), random),
      timer_(std::move(loop)) {}

void KadHost::start() {
  host_.handle(std::string(kad::kProtocol), {.streams = kKadStreams, .advertised = false},
               [this](std::shared_ptr<HostConnection> connection, std::unique_ptr<LinkStream> stream) {
                 return serve(std::move(connection), std::move(stream));
               });
}

void KadHost::stop() {
  stopped_ = true;
  timer_.cancel();
}

void KadHost::set_serving(bool serving) {
  if (serving == serving_) return;
  serving_ = serving;
  host_.set_advertised(kad::kProtocol, serving);
}

void KadHost::set_addresses(const std::vector<multiaddr::Multiaddr>& addresses) {
  if (addresses == addresses_) return;
  addresses_ = addresses;
  tell([&](kad::Node& node, Instant at) { node.set_addresses(at, addresses); });
}

void KadHost::peer_identified(const HostConnection& connection) {
  if (!connection.info()) return;
  const kad::Peer peer{identity::AnyPeerId(connection.peer()), connection.info()->addresses()};
  const bool serves = connection.info()->speaks(kad::kProtocol);
  tell([&](kad::Node& node, Instant at) { node.handle_peer(at, peer, connection.remote().address, serves); });
}

void KadHost::tell(const std::function<void(kad::Node&, Instant)>& change) {
  if (stopped_) return;
  change(node_, now());
  pump();
}

// Who is told of an event may want more while this is under way: it then only goes in.
void KadHost::pump() {
  if (pumping_) return;
  pumping_ = true;
  for (bool again = true; again;) {
    again = false;
    while (auto next = node_.poll_ask(now())) asio::co_spawn(loop_, ask(*std::move(next)), asio::detached);
    while (const auto event = node_.poll_event()) {
      again = true;
      on_event_(*event);
    }
  }
  pumping_ = false;
  sleep();
}

void KadHost::sleep() {
  const std::optional<Instant> next = node_.poll_timeout();
  if (next == armed_) return;
  armed_ = next;
  timer_.cancel();
  if (!next || stopped_) return;
  timer_.expires_at(to_steady(*next));
  timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (cancelled || stopped_) return;
    armed_.reset();
    tell([](kad::Node& node, Instant at) { node.handle_timeout(at); });
  });
}

asio::awaitable<std::shared_ptr<HostConnection>> KadHost::reach(kad::Peer given) {
  const kad::Peer peer = std::move(given);
  std::shared_ptr<HostConnection> connection;
  const auto id = peer.id.ed25519();
  if (!id) co_return connection;  // the host connects to no others
  connection = host_.find(*id);
  if (!connection) {
    std::vector<Endpoint> tcp;
    std::vector<Endpoint> quic;
    for (const multiaddr::Multiaddr& address : peer.addresses) {
      if (const auto endpoint = address.tcp_endpoint()) tcp.push_back(*endpoint);
      if (const auto endpoint = address.quic_endpoint()) quic.push_back(*endpoint);
    }
    const Duration time = kDialTime;
    auto dialled = co_await host_.dial(*id, std::move(tcp), path::Found::kDht, time, std::move(quic));
    if (dialled) connection = *dialled;
  }
  if (connection) co_await connection->identified();
  co_return connection;
}

asio::awaitable<void> KadHost::ask(kad::Ask given) {
  const kad::Ask ask = std::move(given);
  const std::shared_ptr<HostConnection> connection = co_await reach(ask.peer);
  const bool speaks = connection && connection->info() && connection->info()->speaks(kad::kProtocol);
  const std::unique_ptr<LinkStream> stream = speaks && !stopped_ ? connection->open(kad::kProtocol) : nullptr;
  bool is_sent = stream != nullptr;
  const std::optional<Duration> stall = kad::kQuestionTime;
  for (const kad::Message& message : ask.messages) {
    if (!is_sent) break;
    const Bytes bytes = kad::encode(message);
    const Status<StreamError> written = co_await stream->write(bytes, stall);
    is_sent = static_cast<bool>(written);
  }
  if (!is_sent) {
    tell([&](kad::Node& node, Instant at) { node.handle_failure(at, ask.id); });
    co_return;
  }
  stream->finish();
  kad::Reader reader(now());
  bool broke = false;
  const std::optional<kad::Message> answer = co_await receive(*stream, reader, broke);
  tell([&](kad::Node& node, Instant at) {
    if (!ask.is_answered && !broke) {  // there is nothing to say to it, and not everybody ends the stream then
      node.handle_sent(at, ask.id);
    } else if (answer) {
      node.handle_answer(at, ask.id, connection->remote().address, *answer);
    } else {
      node.handle_failure(at, ask.id);
    }
  });
}

asio::awaitable<void> KadHost::serve(std::shared_ptr<HostConnection> connection, std::unique_ptr<LinkStream> stream) {
  const std::unique_ptr<LinkStream> own = std::move(stream);
  const kad::Asker asker{identity::AnyPeerId(connection->peer()), connection->remote().address};
  const std::optional<Duration> stall = kad::kMessageTime;
  kad::Reader reader(now());
  bool broke = false;
  while (serving_ && !stopped_) {
    const std::optional<kad::Message> request = co_await receive(*own, reader, broke);
    if (!request) break;
    const auto answer = node_.handle_request(now(), asker, *request);
    sleep();
    if (!answer) {
      own->reset();
      co_return;
    }
    if (!*answer) continue;
    const Bytes bytes = kad::encode(**answer);
    const Status<StreamError> written = co_await own->write(bytes, stall);
    if (!written) co_return;
  }
  if (reader.error() || !serving_) {
    own->reset();
  } else {
    own->finish();
  }
}

}  // namespace turnpike::io
