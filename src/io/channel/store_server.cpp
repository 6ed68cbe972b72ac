#include "io/channel/store_server.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <variant>

#include "io/loop/convert.h"

namespace turnpike::io {

/// What one stream keeps from one request to the next.
struct StoreServer::Session {
  std::unique_ptr<LinkStream> stream;
  exchange::Server machine;
  std::unique_ptr<ReadableStore> open;  ///< The store of the last range, since the next is most often of the same.
  store::StoreId open_id;
  store::Content open_content;
};

namespace {

/// Counts an answer under way, however its coroutine ends.
class Serving {
 public:
  explicit Serving(std::size_t& count) : count_(count) { ++count_; }
  ~Serving() { --count_; }
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;

 private:
  std::size_t& count_;
};

std::uint32_t milliseconds(Duration duration) {
  return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

Bytes refuse(exchange::Server& machine, const Refusal& refusal) {
  return machine.refuse(refusal.status, refusal.content, refusal.retry_after_ms);
}

}  // namespace

asio::awaitable<void> StoreServer::serve(std::unique_ptr<LinkStream> stream) {
  Session session;
  session.stream = std::move(stream);
  while (true) {
    ByteView in = session.stream->readable();
    const std::size_t before = in.size();
    auto request = session.machine.read(in);
    session.stream->consume(before - in.size());
    if (!request) break;  // the stream's destructor resets it, which is the answer to a broken protocol
    if (std::optional<Bytes> refusal = session.machine.poll_refusal()) {
      const Status<StreamError> written = co_await session.stream->write(*refusal, kServeStall);
      if (!written) break;
      continue;
    }
    if (*request) {
      const bool answered = co_await answer(session, **request);
      if (!answered) break;
      continue;
    }
    if (session.machine.is_idle()) session.open.reset();  // nobody asks: hold no file open
    const Status<StreamError> ready = co_await session.stream->wait_readable(now() + kServeIdle);
    if (ready) continue;
    if (ready.error() == StreamError::kEnd && session.machine.is_idle()) session.stream->finish();
    break;
  }
}

asio::awaitable<bool> StoreServer::answer(Session& session, exchange::Request request) {
  const bool is_range = std::holds_alternative<exchange::AskRange>(request.ask);
  if (serving_ >= kMaxServing) {
    const Bytes refusal = refuse(session.machine, {exchange::StatusCode::kBusy, {}, milliseconds(kBusyRetry)});
    const Status<StreamError> written = co_await session.stream->write(refusal, kServeStall);
    co_return static_cast<bool>(written);
  }
  const Serving counted(serving_);
  if (is_range) co_return co_await answer_range(session, request);
  co_return co_await answer_small(session, request);
}

asio::awaitable<Result<Bytes, Refusal>> StoreServer::small_body(const exchange::Request& request,
                                                                store::Content& content) {
  const exchange::Ask& ask = request.ask;
  if (const auto* page = std::get_if<exchange::AskLayerPage>(&ask)) {
    co_return co_await reader_.layer_page(request.store, content, page->first_piece);
  }
  if (const auto* leaves = std::get_if<exchange::AskLeaves>(&ask)) {
    co_return co_await reader_.leaves(request.store, content, leaves->piece);
  }
  Result<StoreReader::Manifest, Refusal> manifest = co_await reader_.manifest(request.store);
  if (!manifest) co_return fail(manifest.error());
  content = manifest->content;
  co_return std::move(manifest->signed_statement);
}

asio::awaitable<bool> StoreServer::answer_small(Session& session, const exchange::Request& request) {
  store::Content content = request.content.value_or(store::Content{});
  const Result<Bytes, Refusal> body = co_await small_body(request, content);
  Bytes out = body ? session.machine.accept(content, body->size()) : refuse(session.machine, body.error());
  if (body) {
    out.insert(out.end(), body->begin(), body->end());
    session.machine.sent(body->size());
    bytes_served_ += body->size();
  }
  const Status<StreamError> written = co_await session.stream->write(out, kServeStall);
  co_return static_cast<bool>(written);
}

asio::awaitable<bool> StoreServer::answer_range(Session& session, const exchange::Request& request) {
  const exchange::AskRange range = std::get<exchange::AskRange>(request.ask);
  const store::Content content = *request.content;
  if (!session.open || session.open_id != request.store || session.open_content != content) {
    session.open.reset();
    Result<std::unique_ptr<ReadableStore>, Refusal> opened = co_await reader_.open(request.store, content);
    if (!opened) {
      const Bytes refusal = refuse(session.machine, opened.error());
      const Status<StreamError> written = co_await session.stream->write(refusal, kServeStall);
      co_return static_cast<bool>(written);
    }
    session.open = *std::move(opened);
    session.open_id = request.store;
    session.open_content = content;
  }

  Bytes chunk;
  const Bytes header = session.machine.accept(content, range.length);
  Status<StreamError> written = co_await session.stream->write(header, kServeStall);
  for (std::uint64_t done = 0; written && done < range.length; done += chunk.size()) {
    const std::uint64_t turn = co_await upload_.take(std::min<std::uint64_t>(kServeChunk, range.length - done));
    chunk.resize(static_cast<std::size_t>(turn));
    const bool read = co_await session.open->read_at(range.offset + done, chunk);
    if (!read) {
      session.stream->reset();  // the body was promised: there is no other way to take it back
      co_return false;
    }
    written = co_await session.stream->write(chunk, kServeStall);
    session.machine.sent(chunk.size());
    bytes_served_ += chunk.size();
  }
  co_return static_cast<bool>(written);
}

}  // namespace turnpike::io
