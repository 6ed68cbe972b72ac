#include "io/host/services.h"

#include <algorithm>

#include "io/loop/convert.h"

namespace turnpike::io {
namespace {

constexpr std::size_t kPingPiece = ping::kMaxUnsent / 2;

}  // namespace

asio::awaitable<Result<identify::Info, identify::ReceiveError>> receive_identify(LinkStream& stream,
                                                                                 identity::AnyPeerId peer) {
  identify::Receiver receiver(now(), std::move(peer));
  while (!receiver.result()) {
    const std::optional<Instant> deadline = receiver.poll_timeout();
    const Status<StreamError> ready = co_await stream.wait_readable(deadline);
    if (ready) {
      const ByteView came = stream.readable();
      receiver.handle_bytes(now(), came);
      stream.consume(came.size());
    } else if (ready.error() == StreamError::kTimeout) {
      receiver.handle_timeout(now());
    } else if (ready.error() == StreamError::kEnd) {
      receiver.handle_end(now());
    } else {
      co_return fail(identify::ReceiveError::kTruncated);
    }
  }
  co_return *receiver.result();
}

asio::awaitable<Status<StreamError>> finish_politely(LinkStream& stream) {
  const std::optional<Instant> deadline = now() + kSmallAnswerTime;
  stream.finish();
  while (true) {
    const Status<StreamError> ready = co_await stream.wait_readable(deadline);
    if (!ready && ready.error() == StreamError::kEnd) co_return Ok{};
    if (!ready) co_return fail(ready.error());
    stream.consume(stream.readable().size());  // a peer has nothing to say here: what it says is not kept
  }
}

asio::awaitable<Status<StreamError>> send_and_finish(LinkStream& stream, Bytes message) {
  const Bytes sent = std::move(message);
  const std::optional<Duration> stall = kSmallAnswerTime;
  const Status<StreamError> written = co_await stream.write(sent, stall);
  if (!written) co_return fail(written.error());
  co_return co_await finish_politely(stream);
}

asio::awaitable<void> answer_pings(std::unique_ptr<LinkStream> stream) {
  const std::unique_ptr<LinkStream> own = std::move(stream);
  ping::Responder responder(now());
  const std::optional<Duration> stall = kSmallAnswerTime;
  while (!responder.is_over()) {
    const std::optional<Instant> deadline = responder.poll_timeout();
    const Status<StreamError> ready = co_await own->wait_readable(deadline);
    if (ready) {
      const ByteView came = own->readable().first(std::min(own->readable().size(), kPingPiece));
      responder.handle_bytes(now(), came);
      own->consume(came.size());
    } else if (ready.error() == StreamError::kTimeout) {
      responder.handle_timeout(now());
    } else if (ready.error() == StreamError::kEnd) {
      responder.handle_end(now());
    } else {
      co_return;
    }
    const std::optional<Bytes> answer = responder.poll_write();
    if (!answer) continue;
    const Status<StreamError> written = co_await own->write(*answer, stall);
    if (!written) co_return;
  }
  own->finish();
}

asio::awaitable<Result<Duration, ping::PingError>> ask_ping(std::unique_ptr<LinkStream> stream, Random& random) {
  const std::unique_ptr<LinkStream> own = std::move(stream);
  ping::Prober prober(now(), random);
  const Bytes payload = prober.poll_write().value_or(Bytes());
  const std::optional<Duration> stall = ping::kAnswerTime;
  const Status<StreamError> written = co_await own->write(payload, stall);
  if (!written) co_return fail(ping::PingError::kEnded);
  while (!prober.is_over()) {
    const std::optional<Instant> deadline = prober.poll_timeout();
    const Status<StreamError> ready = co_await own->wait_readable(deadline);
    if (ready) {
      const ByteView came = own->readable();
      prober.handle_bytes(now(), came);
      own->consume(came.size());
    } else if (ready.error() == StreamError::kTimeout) {
      prober.handle_timeout(now());
    } else {
      prober.handle_end(now());
    }
  }
  own->finish();
  if (prober.error()) co_return fail(*prober.error());
  co_return *prober.round_trip();
}

}  // namespace turnpike::io
