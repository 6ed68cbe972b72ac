#include "io/channel/store_stream.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <deque>
#include <exception>
#include <optional>
#include <utility>
#include <vector>

#include "core/merkle/layer_page.h"
#include "core/merkle/tree.h"
#include "io/channel/wake.h"

namespace turnpike::io {

/// Shared with the coroutine that fetches, which ends soon after a stop.
struct StoreStream::State final : std::enable_shared_from_this<StoreStream::State>, RangeSink {
  State(WorkerPool& pool_, store::StoreId id_, store::Content content_, std::uint64_t offset, std::uint64_t length,
        Connect connect_)
      : pool(pool_),
        id(id_),
        content(content_),
        begin(offset),
        end(offset + length),
        connect(std::move(connect_)),
        piece(static_cast<std::uint32_t>(offset / store::kPieceSize)),
        end_piece(static_cast<std::uint32_t>((offset + length - 1) / store::kPieceSize) + 1) {}

  asio::awaitable<std::span<std::uint8_t>> space() override;
  void commit(std::size_t size) override { filled += size; }

  asio::awaitable<void> fetch_all();
  asio::awaitable<Status<SourceFailure>> fetch_from(StoreSource& source);
  asio::awaitable<Status<SourceFailure>> learn_page(StoreSource& source);
  asio::awaitable<bool> finish_piece();
  [[nodiscard]] bool is_filled() const { return !buffer.empty() && filled == buffer.size(); }
  void hand_on(Bytes whole);

  WorkerPool& pool;
  store::StoreId id;
  store::Content content;
  std::uint64_t begin;
  std::uint64_t end;
  Connect connect;

  Stop stop;
  Wake changed;
  bool started = false;
  bool over = false;  ///< Nothing more will be handed on.
  std::optional<SourceFailure> failure;
  std::deque<Bytes> ready;
  std::uint32_t piece;  ///< Being filled.
  std::uint32_t end_piece;
  Bytes buffer;
  std::size_t filled = 0;
  std::vector<Digest> hashes;  ///< Of the pieces of one page,
  std::uint32_t page = 0;      ///< which begins here.
};

asio::awaitable<std::span<std::uint8_t>> StoreStream::State::space() {
  const auto self = shared_from_this();
  if (is_filled()) {
    const bool right = co_await finish_piece();
    if (!right) co_return std::span<std::uint8_t>();
  }
  while (ready.size() >= kStreamPiecesAhead && !stop.is_requested()) co_await changed.wait();
  if (stop.is_requested()) co_return std::span<std::uint8_t>();
  if (buffer.empty()) buffer.resize(content.piece_length(piece));
  co_return std::span(buffer).subspan(filled);
}

asio::awaitable<bool> StoreStream::State::finish_piece() {
  const auto self = shared_from_this();
  const Digest expected = content.piece_count() == 1 ? content.root : hashes.at(piece - page);
  // The job owns what it reads: it may still run when this coroutine has been destroyed with its loop.
  auto check = [content_ = content, index = piece, expected, data = std::move(buffer)]() mutable {
    crypto::LeafHasher hasher;
    const bool right = static_cast<bool>(merkle::verify_piece(hasher, content_, index, expected, data));
    return std::pair(right, std::move(data));
  };
  buffer = Bytes();
  filled = 0;
  auto checked = co_await pool.run(std::move(check));
  if (!checked.first) {
    failure = SourceFailure{SourceError::kProtocol, {}};
    co_return false;
  }
  hand_on(std::move(checked.second));
  ++piece;
  co_return true;
}

void StoreStream::State::hand_on(Bytes whole) {
  const std::uint64_t at = std::uint64_t{piece} * store::kPieceSize;
  const auto from = static_cast<std::ptrdiff_t>(begin > at ? begin - at : 0);
  const auto to = static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(whole.size(), end - at));
  whole.erase(whole.begin() + to, whole.end());
  if (from > 0) whole.erase(whole.begin(), whole.begin() + from);
  ready.push_back(std::move(whole));
  changed.notify_all();
}

asio::awaitable<Status<SourceFailure>> StoreStream::State::learn_page(StoreSource& source) {
  const auto self = shared_from_this();
  const std::uint32_t wanted = merkle::page_of_piece(piece);
  if (content.piece_count() == 1 || (page == wanted && !hashes.empty())) co_return Ok{};
  const Result<Bytes, SourceFailure> bytes = co_await source.layer_page(id, content, wanted, stop);
  if (!bytes) co_return fail(bytes.error());
  auto opened = merkle::open_layer_page(content, wanted, *bytes);
  if (!opened) co_return fail(SourceFailure{SourceError::kProtocol, {}});
  hashes = std::move(opened->hashes);
  page = wanted;
  co_return Ok{};
}

asio::awaitable<Status<SourceFailure>> StoreStream::State::fetch_from(StoreSource& source) {
  const auto self = shared_from_this();
  while (piece < end_piece) {  // page by page
    const Status<SourceFailure> known = co_await learn_page(source);
    if (!known) co_return known;
    const std::uint32_t until =
        std::min<std::uint32_t>(end_piece, merkle::page_of_piece(piece) + merkle::kMaxPageHashes);
    const std::uint64_t from = std::uint64_t{piece} * store::kPieceSize;
    const std::uint64_t to = std::min<std::uint64_t>(std::uint64_t{until} * store::kPieceSize, content.size);
    const Status<SourceFailure> brought = co_await source.range(id, content, from, to - from, *this, stop);
    if (!brought) co_return brought;
    const bool right = co_await finish_piece();
    if (!right) co_return fail(*failure);
  }
  co_return Ok{};
}

asio::awaitable<void> StoreStream::State::fetch_all() {
  const auto self = shared_from_this();
  unsigned fruitless = 0;
  while (piece < end_piece && !failure && !stop.is_requested()) {
    Result<std::shared_ptr<StoreSource>, SourceFailure> source = co_await connect();
    if (!source) {
      failure = source.error();
      break;
    }
    const std::uint32_t before = piece;
    const Status<SourceFailure> fetched = co_await fetch_from(**source);
    buffer = Bytes();  // a piece that broke off begins anew
    filled = 0;
    if (fetched || failure) break;
    const SourceError error = fetched.error().error;
    fruitless = piece > before ? 0 : fruitless + 1;
    const bool may_go_on = error == SourceError::kConnection || error == SourceError::kTimeout;
    if (!may_go_on || fruitless >= kMaxFruitlessAttempts) failure = fetched.error();
  }
  over = true;
  changed.notify_all();
}

StoreStream::StoreStream(WorkerPool& pool, store::StoreId store, store::Content content, std::uint64_t offset,
                         std::uint64_t length, Connect connect)
    : state_(std::make_shared<State>(pool, store, content, offset, length, std::move(connect))) {}

StoreStream::~StoreStream() {
  state_->stop.request();
  state_->changed.notify_all();
}

asio::awaitable<Result<Bytes, SourceFailure>> StoreStream::next() {
  const std::shared_ptr<State> state = state_;
  if (!std::exchange(state->started, true)) {
    asio::co_spawn(state->pool.loop(), state->fetch_all(), [state](const std::exception_ptr& thrown) {
      if (thrown) std::rethrow_exception(thrown);  // our own bug: nothing catches it
    });
  }
  while (state->ready.empty() && !state->over) co_await state->changed.wait();
  if (!state->ready.empty()) {
    Bytes bytes = std::move(state->ready.front());
    state->ready.pop_front();
    state->changed.notify_all();
    co_return bytes;
  }
  if (state->failure) co_return fail(*state->failure);
  co_return Bytes();
}

}  // namespace turnpike::io
