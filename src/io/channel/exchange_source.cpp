#include "io/channel/exchange_source.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "core/exchange/message.h"
#include "io/loop/convert.h"

namespace turnpike::io {

namespace {

SourceFailure failure_of(const exchange::Header& header) {
  const Duration retry = std::min<Duration>(std::chrono::milliseconds(header.retry_after_ms), kMaxRetryAfter);
  switch (header.status) {
    case exchange::StatusCode::kNotFound:
      return {SourceError::kNotFound, {}};
    case exchange::StatusCode::kBusy:
      return {SourceError::kBusy, retry};
    case exchange::StatusCode::kOverQuota:
      return {SourceError::kOverQuota, retry};
    case exchange::StatusCode::kWrongRoot:
      return {SourceError::kWrongRoot, {}};
    case exchange::StatusCode::kOk:
    case exchange::StatusCode::kBadRequest:  // we ask only what can be
      break;
  }
  return {SourceError::kProtocol, {}};
}

SourceFailure failure_of(StreamError error) {
  switch (error) {
    case StreamError::kEnd:      // an authenticated end in the middle of an answer
    case StreamError::kRefused:  // the path was opened to a peer that says it serves stores
      return {SourceError::kProtocol, {}};
    case StreamError::kTimeout:
      return {SourceError::kTimeout, {}};
    case StreamError::kReset:
    case StreamError::kClosed:
      break;
  }
  return {SourceError::kConnection, {}};
}

}  // namespace

/// A stream at work for one call, and how far it has come.
struct ExchangeSource::Lane {
  Lane(std::unique_ptr<LinkStream> stream_, const exchange::PatienceLimits& limits)
      : stream(std::move(stream_)), patience(limits), silence(limits.silence) {}

  asio::awaitable<Status<SourceFailure>> ask(exchange::Request request) {
    const Bytes message = machine.ask(std::move(request));
    const Status<StreamError> written = co_await stream->write(message, silence);
    if (!written) co_return fail(failure_of(written.error()));
    co_return Ok{};
  }

  /// The next header or piece of a body; at most `room` bytes of it are looked at. The view in a Body is valid until
  /// the caller suspends; consume() must then be called.
  asio::awaitable<Result<exchange::Client::Event, SourceFailure>> next(std::size_t room) {
    ByteView ready;
    while (true) {
      ready = stream->readable();
      ByteView in = ready.first(std::min(room, ready.size()));
      const std::size_t before = in.size();
      const auto event = machine.read(in);
      taken = before - in.size();
      if (!event) co_return fail(SourceFailure{SourceError::kProtocol, {}});
      if (*event) co_return **event;
      consume();
      const Instant deadline = patience.wait(now());
      const Status<StreamError> more = co_await stream->wait_readable(deadline);
      patience.received(now(), more ? stream->readable().size() : 0);
      if (patience.is_over(now())) co_return fail(SourceFailure{SourceError::kTimeout, {}});
      if (!more && more.error() != StreamError::kTimeout) co_return fail(failure_of(more.error()));
    }
  }
  void consume() {
    if (taken > 0) stream->consume(std::exchange(taken, 0));
  }

  std::unique_ptr<LinkStream> stream;
  exchange::Client machine;
  exchange::Patience patience;
  Duration silence;
  std::size_t taken = 0;
};

std::unique_ptr<ExchangeSource::Lane> ExchangeSource::take_lane() {
  while (!idle_.empty()) {
    std::unique_ptr<LinkStream> stream = std::move(idle_.back());
    idle_.pop_back();
    // Bytes nobody asked for, or the peer's end of a stream it found idle: not to be used again.
    if (stream->is_usable() && stream->readable().empty()) return std::make_unique<Lane>(std::move(stream), patience_);
  }
  std::unique_ptr<LinkStream> stream = link_.open(exchange::kProtocol);
  return stream ? std::make_unique<Lane>(std::move(stream), patience_) : nullptr;
}

void ExchangeSource::give_back(std::unique_ptr<Lane> lane) {
  if (lane->machine.open_requests() == 0 && idle_.size() < kMaxIdleStreams) idle_.push_back(std::move(lane->stream));
}

asio::awaitable<Result<ExchangeSource::Answer, SourceFailure>> ExchangeSource::ask_small(exchange::Request request,
                                                                                         Stop& stop) {
  std::unique_ptr<Lane> lane = take_lane();
  if (!lane) co_return fail(SourceFailure{SourceError::kConnection, {}});
  const Stop::Guard guard(stop, [stream = lane->stream.get()] { stream->reset(); });
  const auto stopped_or = [&stop](SourceFailure failure) {
    return fail(stop.is_requested() ? SourceFailure{SourceError::kStopped, {}} : failure);
  };
  const Status<SourceFailure> asked = co_await lane->ask(std::move(request));
  if (!asked) co_return stopped_or(asked.error());

  Answer answer;
  while (true) {
    const Result<exchange::Client::Event, SourceFailure> event = co_await lane->next(exchange::kMaxLayerPageSize);
    if (!event) co_return stopped_or(event.error());
    if (const auto* answered = std::get_if<exchange::Client::Answered>(&*event)) {
      if (answered->header.status != exchange::StatusCode::kOk) {
        const SourceFailure refused = failure_of(answered->header);
        lane->consume();
        const Result<exchange::Client::Event, SourceFailure> last = co_await lane->next(1);
        if (last) give_back(std::move(lane));
        co_return fail(refused);
      }
      answer.content = *answered->header.content;
      answer.body.reserve(static_cast<std::size_t>(answered->header.length));
      lane->consume();
      continue;
    }
    const auto& body = std::get<exchange::Client::Body>(*event);
    answer.body.insert(answer.body.end(), body.bytes.begin(), body.bytes.end());
    const bool last = body.last;
    lane->consume();
    if (last) break;
  }
  give_back(std::move(lane));
  co_return answer;
}

asio::awaitable<Result<Bytes, SourceFailure>> ExchangeSource::layer_page(store::StoreId store, store::Content content,
                                                                         std::uint32_t first_piece, Stop& stop) {
  const exchange::Request request{.store = store, .content = content, .ask = exchange::AskLayerPage{first_piece}};
  Result<Answer, SourceFailure> answer = co_await ask_small(request, stop);
  if (!answer) co_return fail(answer.error());
  co_return std::move(answer->body);
}

asio::awaitable<Result<Bytes, SourceFailure>> ExchangeSource::leaves(store::StoreId store, store::Content content,
                                                                     std::uint32_t piece, Stop& stop) {
  const exchange::Request request{.store = store, .content = content, .ask = exchange::AskLeaves{piece}};
  Result<Answer, SourceFailure> answer = co_await ask_small(request, stop);
  if (!answer) co_return fail(answer.error());
  co_return std::move(answer->body);
}

asio::awaitable<Result<ExchangeSource::Manifest, SourceFailure>> ExchangeSource::manifest(store::StoreId store,
                                                                                          Stop& stop) {
  const exchange::Request request{.store = store, .content = {}, .ask = exchange::AskManifest{}};
  Result<Answer, SourceFailure> answer = co_await ask_small(request, stop);
  if (!answer) co_return fail(answer.error());
  co_return Manifest{answer->content, std::move(answer->body)};
}

asio::awaitable<Status<SourceFailure>> ExchangeSource::range(store::StoreId store, store::Content content,
                                                             std::uint64_t offset, std::uint64_t length,
                                                             RangeSink& sink, Stop& stop) {
  std::unique_ptr<Lane> lane = take_lane();
  if (!lane) co_return fail(SourceFailure{SourceError::kConnection, {}});
  const Stop::Guard guard(stop, [stream = lane->stream.get()] { stream->reset(); });
  const auto stopped_or = [&stop](SourceFailure failure) {
    return fail(stop.is_requested() ? SourceFailure{SourceError::kStopped, {}} : failure);
  };
  std::uint64_t asked = 0;
  std::uint64_t got = 0;
  while (got < length || lane->machine.open_requests() > 0) {
    while (asked < length && lane->machine.open_requests() < kRangesAhead) {
      const std::uint64_t part = std::min(exchange::kMaxRangeLength, length - asked);
      const exchange::AskRange ask{.offset = offset + asked, .length = part};
      const exchange::Request request{.store = store, .content = content, .ask = ask};
      const Status<SourceFailure> sent = co_await lane->ask(request);
      if (!sent) co_return stopped_or(sent.error());
      asked += part;
    }
    std::span<std::uint8_t> space = co_await sink.space();
    if (space.empty() || stop.is_requested()) co_return fail(SourceFailure{SourceError::kStopped, {}});

    // What is not read fills the stream's window, and the peer waits.
    const std::uint64_t turn = co_await download_.take(space.size());
    if (stop.is_requested()) co_return fail(SourceFailure{SourceError::kStopped, {}});
    const Result<exchange::Client::Event, SourceFailure> event = co_await lane->next(static_cast<std::size_t>(turn));
    if (!event) co_return stopped_or(event.error());
    if (const auto* answered = std::get_if<exchange::Client::Answered>(&*event)) {
      lane->consume();
      download_.give_back(turn);
      if (answered->header.status != exchange::StatusCode::kOk) co_return fail(failure_of(answered->header));
      continue;
    }
    const ByteView bytes = std::get<exchange::Client::Body>(*event).bytes;
    std::ranges::copy(bytes, space.begin());
    lane->consume();
    got += bytes.size();
    download_.give_back(turn - bytes.size());
    if (!bytes.empty()) sink.commit(bytes.size());
  }
  give_back(std::move(lane));
  co_return Ok{};
}

}  // namespace turnpike::io
