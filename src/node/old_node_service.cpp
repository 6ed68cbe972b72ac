#include "node/old_node_service.h"

#include <algorithm>

#include "io/host/services.h"
#include "io/loop/convert.h"

namespace turnpike::node {
namespace {

constexpr std::size_t kOldChunk = 256U << 10U;  // read from disk at once

/// The request, or nothing: then the stream is to be reset.
asio::awaitable<std::optional<Bytes>> read_request(io::LinkStream& stream) {
  dig::JsonObjectReader reader;
  const std::optional<Instant> deadline = io::now() + kOldRequestTime;
  while (true) {
    const Status<io::StreamError> ready = co_await stream.wait_readable(deadline);
    if (!ready) co_return std::nullopt;
    const ByteView came = stream.readable();
    ByteView rest = came;
    auto object = reader.read(rest);
    stream.consume(came.size() - rest.size());
    if (!object) co_return std::nullopt;
    if (*object) co_return *std::move(*object);
  }
}

}  // namespace

std::optional<std::uint64_t> OldNodeService::size_of(const dig::PeerRequest& request) const {
  const auto store = dig::store_of(request);
  if (!store || !shared_(*store)) return std::nullopt;
  const auto held = catalogue_.find(*store);
  return held ? std::optional(held->size) : std::nullopt;
}

dig::SelfView OldNodeService::self_view(const dig::PeerRequest& request) const {
  dig::SelfView view;
  view.peer = self_;
  view.unix_ms = io::wall_now().unix_ms;
  view.http = facts_.http();
  view.is_reachable = facts_.is_reachable();
  view.turn = facts_.turn();
  view.peers = facts_.peers(request);
  for (const io::StoreAdded& held : catalogue_.list()) {
    if (shared_(held.id)) view.stores.push_back(held.id);
  }
  return view;
}

asio::awaitable<void> OldNodeService::serve(std::unique_ptr<io::LinkStream> stream, bool discovery) {
  const std::unique_ptr<io::LinkStream> own = std::move(stream);
  const std::optional<Bytes> object = co_await read_request(*own);
  if (!object) {
    own->reset();
    co_return;
  }
  const auto request = dig::parse_peer_request(*object, discovery);
  if (!request && request.error() == dig::PeerRequestError::kMalformed) {
    own->reset();
    co_return;
  }
  bool sent = true;
  if (request) {
    const Now now{io::now(), io::wall_now()};
    const dig::PeerAnswer answer =
        dig::answer_peer(now, *request, self_view(*request), size_of(*request), sessions_, random_);
    if (const auto* json = std::get_if<dig::JsonAnswer>(&answer)) {
      const Status<io::StreamError> written = co_await own->write(json->text, kOldStall);
      sent = static_cast<bool>(written);
    } else if (const auto* file = std::get_if<dig::FileAnswer>(&answer)) {
      sent = co_await send_file(*own, *file);
    } else if (const auto* whole = std::get_if<dig::InlineAnswer>(&answer)) {
      sent = co_await send_inline(*own, *whole);
    }
  }
  if (sent) {
    (void)co_await io::finish_politely(*own);
  } else {
    own->reset();
  }
}

asio::awaitable<bool> OldNodeService::send_file(io::LinkStream& stream, const dig::FileAnswer& answer) {
  const auto opened = co_await catalogue_.open(answer.store);
  const bool is_same = opened && answer.offset + answer.length <= opened->content.size;
  if (!is_same) co_return false;  // the size it was asked about is no longer true
  Status<io::StreamError> written = co_await stream.write(answer.header, kOldStall);
  stream.end_frame();  // old readers parse the whole first frame
  Bytes chunk;
  for (std::uint64_t done = 0; written && done < answer.length; done += chunk.size()) {
    chunk.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kOldChunk, answer.length - done)));
    const auto read = co_await catalogue_.read(*opened, answer.offset + done, chunk);
    if (!read) co_return false;
    written = co_await stream.write(chunk, kOldStall);
  }
  co_return static_cast<bool>(written);
}

asio::awaitable<bool> OldNodeService::send_inline(io::LinkStream& stream, const dig::InlineAnswer& answer) {
  const auto opened = co_await catalogue_.open(answer.store);
  const bool is_same = opened && answer.size == opened->content.size;
  if (!is_same) co_return false;
  Bytes file(static_cast<std::size_t>(answer.size));
  const auto read = co_await catalogue_.read(*opened, 0, file);
  if (!read) co_return false;
  const dig::JsonAnswer json = dig::finish_inline(answer, file);
  const Status<io::StreamError> written = co_await stream.write(json.text, kOldStall);
  co_return static_cast<bool>(written);
}

}  // namespace turnpike::node
