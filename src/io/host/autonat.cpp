#include "io/host/autonat.h"

#include "core/exchange/frame.h"
#include "io/host/services.h"
#include "io/loop/convert.h"

namespace turnpike::io {

void Autonat::serve() {
  host_.handle(std::string(autonat::kDialRequestProtocol), {.streams = kAutonatStreams},
               [this](std::shared_ptr<HostConnection> connection, std::unique_ptr<LinkStream> stream) {
                 return answer(std::move(connection), std::move(stream));
               });
  host_.handle(std::string(autonat::kDialBackProtocol), {.streams = kAutonatStreams},
               [this](std::shared_ptr<HostConnection> connection, std::unique_ptr<LinkStream> stream) {
                 return hear_dial_back(std::move(connection), std::move(stream));
               });
}

asio::awaitable<void> Autonat::answer(std::shared_ptr<HostConnection> connection, std::unique_ptr<LinkStream> stream) {
  const std::unique_ptr<LinkStream> own = std::move(stream);
  const bool allowed = limiter_.begin(now(), connection->peer(), connection->remote().address);
  co_await run_server(*connection, *own, allowed);
  if (allowed) limiter_.end();
}

asio::awaitable<void> Autonat::run_server(HostConnection& connection, LinkStream& stream, bool allowed) {
  autonat::Server server(now(), connection.remote().address, own_(), allowed, random_);
  const std::optional<Duration> stall = kSmallAnswerTime;
  while (true) {
    while (const auto out = server.poll_write()) {
      const Status<StreamError> written = co_await stream.write(*out, stall);
      if (!written) co_return;
    }
    if (server.is_broken()) {
      stream.reset();
      co_return;
    }
    if (server.is_over()) break;
    if (const auto order = server.poll_event()) {
      const identity::PeerId peer = connection.peer();
      const autonat::DialStatus status = co_await dial_back(peer, *order);
      server.handle_dialled(status);
      continue;
    }
    const std::optional<Instant> deadline = server.poll_timeout();
    const Status<StreamError> ready = co_await stream.wait_readable(deadline);
    if (ready) {
      const ByteView came = stream.readable();
      server.handle_bytes(now(), came);
      stream.consume(came.size());
    } else if (ready.error() == StreamError::kTimeout) {
      server.handle_timeout(now());
    } else {
      server.handle_end();
    }
  }
  (void)co_await finish_politely(stream);
}

asio::awaitable<autonat::DialStatus> Autonat::dial_back(identity::PeerId peer, autonat::DialOrder order) {
  const Duration time = autonat::kDialBackTime;
  const auto dialled = co_await host_.dial_back(peer, order.to, time);
  if (!dialled) co_return autonat::DialStatus::kDialError;
  const std::shared_ptr<HostConnection> connection = *dialled;
  autonat::DialStatus status = autonat::DialStatus::kDialBackError;
  const std::unique_ptr<LinkStream> stream = connection->open(autonat::kDialBackProtocol);
  if (stream) {
    const Bytes message = autonat::encode_dial_back(order.nonce);
    const std::optional<Duration> stall = kSmallAnswerTime;
    const std::optional<Instant> deadline = now() + time;
    const Status<StreamError> written = co_await stream->write(message, stall);
    Bytes held;
    while (written && autonat::read_dial_back_response(held) == autonat::DialBackAnswer::kIncomplete) {
      const Status<StreamError> ready = co_await stream->wait_readable(deadline);
      if (!ready) break;
      const ByteView came = stream->readable();
      held.insert(held.end(), came.begin(),
                  came.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(came.size(), 32)));
      stream->consume(came.size());
    }
    if (autonat::read_dial_back_response(held) == autonat::DialBackAnswer::kOk) status = autonat::DialStatus::kOk;
    (void)co_await finish_politely(*stream);
  }
  connection->close();
  co_return status;
}

asio::awaitable<void> Autonat::hear_dial_back(std::shared_ptr<HostConnection> connection,
                                              std::unique_ptr<LinkStream> stream) {
  const std::unique_ptr<LinkStream> own = std::move(stream);
  exchange::FrameReader reader(autonat::kMaxMessage);
  const std::optional<Instant> deadline = now() + kSmallAnswerTime;
  std::optional<std::uint64_t> nonce;
  while (!nonce) {
    const Status<StreamError> ready = co_await own->wait_readable(deadline);
    if (!ready) co_return;
    const ByteView came = own->readable();
    ByteView rest = came;
    const auto message = reader.take(rest);
    if (message && !message->empty()) nonce = autonat::decode_dial_back(*message);
    const bool is_wrong = !message || (!message->empty() && !nonce);
    own->consume(came.size());
    if (is_wrong) {
      own->reset();
      co_return;
    }
  }
  const auto asked = asked_.find(*nonce);
  // A connection that we made ourselves shows nothing: anybody can be reached over it.
  const bool is_proof = asked != asked_.end() && connection->direction() == host::Direction::kInbound &&
                        connection->peer() == asked->second.peer;
  if (!is_proof) {
    own->reset();
    co_return;
  }
  asked->second.from = connection->remote();
  Bytes yes = autonat::encode_dial_back_response();
  (void)co_await send_and_finish(*own, std::move(yes));
}

asio::awaitable<Result<AutonatResult, AutonatError>> Autonat::ask(std::shared_ptr<HostConnection> connection,
                                                                  std::vector<multiaddr::Multiaddr> addresses) {
  const std::uint64_t nonce = random_.below(UINT64_MAX);
  if (asked_.size() >= kMaxAsking) co_return fail(AutonatError::kBusy);
  asked_[nonce] = {.peer = connection->peer(), .from = {}};
  autonat::Client client(now(), addresses, nonce);
  const std::unique_ptr<LinkStream> stream = connection->open(autonat::kDialRequestProtocol);
  const std::optional<Duration> stall = kSmallAnswerTime;
  bool goes_on = stream != nullptr;
  while (goes_on && !client.result()) {
    if (const auto out = client.poll_write()) {
      const Status<StreamError> written = co_await stream->write(*out, stall);
      goes_on = static_cast<bool>(written);
      continue;
    }
    const std::optional<Instant> deadline = client.poll_timeout();
    const Status<StreamError> ready = co_await stream->wait_readable(deadline);
    if (ready) {
      const ByteView came = stream->readable();
      client.handle_bytes(came);
      stream->consume(came.size());
    } else if (ready.error() == StreamError::kTimeout) {
      client.handle_timeout(now());
    } else {
      client.handle_end();
    }
  }
  const std::optional<Endpoint> from = asked_.at(nonce).from;
  asked_.erase(nonce);
  const auto& result = client.result();
  if (result && *result) (void)co_await finish_politely(*stream);
  if (!result) co_return fail(AutonatError::kStream);
  if (*result) co_return AutonatResult{.response = **result, .dialled_from = from};
  const autonat::ClientError error = result->error();
  if (error == autonat::ClientError::kTimeout) co_return fail(AutonatError::kTimeout);
  co_return fail(error == autonat::ClientError::kEnded ? AutonatError::kStream : AutonatError::kProtocol);
}

}  // namespace turnpike::io
