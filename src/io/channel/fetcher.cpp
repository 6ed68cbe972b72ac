#include "io/channel/fetcher.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <cstdlib>
#include <exception>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>

#include "core/merkle/layer_page.h"
#include "core/merkle/tree.h"
#include "io/channel/wake.h"

namespace turnpike::io {

namespace {

constexpr std::size_t kMaxHeldPieces = kMaxFetchMemory / store::kPieceSize;

sync::FetchOutcome outcome_of(const SourceFailure& failure) {
  sync::FetchOutcome outcome;
  outcome.retry_after = failure.retry_after;
  outcome.detail = to_string(failure.error);
  switch (failure.error) {
    case SourceError::kNotFound:
      outcome.end = sync::FetchEnd::kNotFound;
      break;
    case SourceError::kBusy:
      outcome.end = sync::FetchEnd::kBusy;
      break;
    case SourceError::kOverQuota:
      outcome.end = sync::FetchEnd::kOverQuota;
      break;
    case SourceError::kWrongRoot:
      outcome.end = sync::FetchEnd::kWrongRoot;
      break;
    case SourceError::kProtocol:
      outcome.end = sync::FetchEnd::kProtocol;
      break;
    case SourceError::kConnection:
      outcome.end = sync::FetchEnd::kConnection;
      break;
    case SourceError::kTimeout:
      outcome.end = sync::FetchEnd::kTimeout;
      break;
    case SourceError::kStopped:
      outcome.end = sync::FetchEnd::kCancelled;
      break;
  }
  return outcome;
}

sync::FetchOutcome bad_data(std::string detail) {
  sync::FetchOutcome outcome;
  outcome.end = sync::FetchEnd::kBadData;
  outcome.detail = std::move(detail);
  return outcome;
}

sync::FetchOutcome disk_failed(DiskError error) {
  sync::FetchOutcome outcome;
  outcome.end = sync::FetchEnd::kDisk;
  outcome.disk.error = error == DiskError::kNoSpace ? sync::DiskError::kNoSpace : sync::DiskError::kIo;
  outcome.disk.detail = to_string(error);
  return outcome;
}

/// Takes refetched leaves into the place of the bad ones.
class PatchSink final : public RangeSink {
 public:
  explicit PatchSink(std::span<std::uint8_t> place) : place_(place) {}

  asio::awaitable<std::span<std::uint8_t>> space() override {
    const std::span<std::uint8_t> place = place_;
    co_return place;
  }
  void commit(std::size_t size) override { place_ = place_.subspan(size); }

 private:
  std::span<std::uint8_t> place_;
};

/// Leaves [first, first + count).
struct LeafRun {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
};

std::vector<LeafRun> runs_of(std::span<const std::uint32_t> leaves) {
  std::vector<LeafRun> runs;
  for (const std::uint32_t leaf : leaves) {
    if (runs.empty() || runs.back().first + runs.back().count != leaf) runs.push_back({leaf, 0});
    ++runs.back().count;
  }
  return runs;
}

}  // namespace

/// Shared by run() and the coroutines it spawns, one for each layer page and each whole piece.
struct Fetcher::State final : std::enable_shared_from_this<Fetcher::State>, RangeSink {
  State(StoreSource& source_, PartialStore& partial_, WorkerPool& pool_, std::vector<sync::PieceRange> pieces_,
        FetchObserver& observer_)
      : source(source_),
        partial(partial_),
        pool(pool_),
        observer(observer_),
        id(partial_.id()),
        content(partial_.content()),
        pieces(std::move(pieces_)) {}

  // RangeSink: fills one piece after the other.
  asio::awaitable<std::span<std::uint8_t>> space() override;
  void commit(std::size_t size) override;

  void end_with(sync::FetchOutcome how);
  void spawn(asio::awaitable<void> work);
  asio::awaitable<void> bring_page(std::uint32_t first_piece);
  asio::awaitable<void> keep_piece(std::uint32_t piece, Bytes data);
  asio::awaitable<std::optional<Bytes>> repair(std::uint32_t piece, Bytes data, std::uint64_t& wire_bytes);
  asio::awaitable<bool> wait_for_page(std::uint32_t piece);
  asio::awaitable<void> stream_all();

  StoreSource& source;
  PartialStore& partial;
  WorkerPool& pool;
  FetchObserver& observer;
  store::StoreId id;
  store::Content content;
  std::vector<sync::PieceRange> pieces;

  Stop stop;
  std::optional<sync::FetchOutcome> outcome;  ///< Set by the first thing that goes wrong.
  Wake changed;                               ///< A spawned coroutine ended, a page came, a buffer is free.
  std::size_t running = 0;                    ///< Spawned coroutines.
  std::size_t held = 0;                       ///< Whole pieces in memory.
  std::size_t repairs = 0;
  std::set<std::uint32_t> pages_coming;  ///< Asked for, and neither proved nor failed yet.
  std::uint32_t piece = 0;               ///< Being filled,
  Bytes buffer;                          ///< whole from the start,
  std::size_t filled = 0;                ///< up to here.
};

void Fetcher::State::end_with(sync::FetchOutcome how) {
  if (!outcome) outcome = std::move(how);
  stop.request();
  changed.notify_all();
}

void Fetcher::State::spawn(asio::awaitable<void> work) {
  ++running;
  asio::co_spawn(pool.loop(), std::move(work), [state = shared_from_this()](const std::exception_ptr& thrown) {
    if (thrown) std::rethrow_exception(thrown);  // our own bug: nothing catches it
    --state->running;
    state->changed.notify_all();
  });
}

asio::awaitable<std::span<std::uint8_t>> Fetcher::State::space() {
  const auto self = shared_from_this();
  while (buffer.empty() && held + 1 >= kMaxHeldPieces && !stop.is_requested()) co_await changed.wait();
  if (stop.is_requested()) co_return std::span<std::uint8_t>();
  if (buffer.empty()) buffer.resize(content.piece_length(piece));
  co_return std::span(buffer).subspan(filled);
}

void Fetcher::State::commit(std::size_t size) {
  filled += size;
  if (filled < buffer.size()) return;
  ++held;
  spawn(keep_piece(piece, std::exchange(buffer, {})));
  filled = 0;
  ++piece;
}

asio::awaitable<void> Fetcher::State::bring_page(std::uint32_t first_piece) {
  const auto self = shared_from_this();
  Result<Bytes, SourceFailure> page = co_await source.layer_page(id, content, first_piece, stop);
  if (!page) {
    pages_coming.erase(first_piece);
    end_with(outcome_of(page.error()));
    co_return;
  }
  const Status<WriteError> put = co_await partial.put_layer_page(first_piece, *std::move(page));
  pages_coming.erase(first_piece);
  changed.notify_all();
  if (put) co_return;
  if (const auto* disk = std::get_if<DiskError>(&put.error())) {
    end_with(disk_failed(*disk));
  } else {
    end_with(bad_data("the layer page at piece " + std::to_string(first_piece) + " does not lead to the root"));
  }
}

asio::awaitable<bool> Fetcher::State::wait_for_page(std::uint32_t wanted) {
  const auto self = shared_from_this();
  while (!partial.piece_hash(wanted)) {
    if (!pages_coming.contains(merkle::page_of_piece(wanted))) co_return false;  // it failed, and the fetch with it
    co_await changed.wait();
  }
  co_return true;
}

asio::awaitable<void> Fetcher::State::keep_piece(std::uint32_t index, Bytes data) {
  const auto self = shared_from_this();
  std::uint64_t wire_bytes = data.size();
  bool repaired = false;
  const bool known = co_await wait_for_page(index);
  while (known) {
    Status<PieceRefused> written = co_await partial.write_piece(index, std::move(data));
    if (written) {
      observer.piece_done(index, wire_bytes);
      break;
    }
    PieceRefused refused = written.error();
    if (const auto* disk = std::get_if<DiskError>(&refused.error)) {
      end_with(disk_failed(*disk));
      break;
    }
    if (repaired || repairs >= kMaxRepairs || stop.is_requested()) {
      end_with(bad_data("piece " + std::to_string(index) + " does not belong to the store"));
      break;
    }
    ++repairs;
    repaired = true;
    std::optional<Bytes> better = co_await repair(index, std::move(refused.data), wire_bytes);
    if (!better) break;
    data = *std::move(better);
  }
  --held;
}

asio::awaitable<std::optional<Bytes>> Fetcher::State::repair(std::uint32_t index, Bytes data,
                                                             std::uint64_t& wire_bytes) {
  Result<Bytes, SourceFailure> leaves = co_await source.leaves(id, content, index, stop);
  if (!leaves) {
    end_with(outcome_of(leaves.error()));
    co_return std::nullopt;
  }
  wire_bytes += leaves->size();
  const std::optional<Digest> hash = partial.piece_hash(index);
  if (!hash) std::abort();  // write_piece has compared with it
  const auto proved = merkle::open_leaves(content, index, *hash, *leaves);
  if (!proved) {
    end_with(bad_data("piece " + std::to_string(index) + " and its leaves do not belong to the store"));
    co_return std::nullopt;
  }
  // The job owns what it reads: it may still run when this coroutine has been destroyed with its loop.
  auto compare = [leaves_ = *proved, data_ = std::move(data)]() mutable {
    crypto::LeafHasher hasher;
    std::vector<std::uint32_t> differ = merkle::bad_leaves(hasher, leaves_, data_);
    return std::pair(std::move(differ), std::move(data_));
  };
  auto compared = co_await pool.run(std::move(compare));
  const std::vector<std::uint32_t> bad = std::move(compared.first);
  data = std::move(compared.second);
  observer.piece_bad(index, bad);
  for (const LeafRun& run : runs_of(bad)) {
    const std::uint64_t at = std::uint64_t{run.first} * store::kLeafSize;
    const std::uint64_t size = std::min<std::uint64_t>(std::uint64_t{run.count} * store::kLeafSize, data.size() - at);
    const std::span<std::uint8_t> whole(data);
    PatchSink sink(whole.subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(size)));
    const std::uint64_t offset = std::uint64_t{index} * store::kPieceSize + at;
    const Status<SourceFailure> brought = co_await source.range(id, content, offset, size, sink, stop);
    if (!brought) {
      end_with(outcome_of(brought.error()));
      co_return std::nullopt;
    }
    wire_bytes += size;
  }
  co_return data;
}

asio::awaitable<void> Fetcher::State::stream_all() {
  const auto self = shared_from_this();
  for (const sync::PieceRange& run : pieces) {
    if (run.count == 0) continue;
    if (run.first >= content.piece_count() || run.count > content.piece_count() - run.first) std::abort();
    std::uint32_t next = run.first;
    const std::uint32_t end = run.first + run.count;
    while (next < end) {  // page by page, so that at most one page is asked for ahead of its pieces
      const std::uint32_t page = merkle::page_of_piece(next);
      const std::uint32_t until = std::min<std::uint32_t>(end, page + merkle::kMaxPageHashes);
      // Beside the range: pieces wait for the page, the source does not.
      if (!partial.piece_hash(next) && pages_coming.insert(page).second) spawn(bring_page(page));
      const std::uint64_t from = std::uint64_t{next} * store::kPieceSize;
      const std::uint64_t to = std::min<std::uint64_t>(std::uint64_t{until} * store::kPieceSize, content.size);
      piece = next;
      const Status<SourceFailure> streamed = co_await source.range(id, content, from, to - from, *this, stop);
      if (!streamed) {
        end_with(outcome_of(streamed.error()));
        co_return;
      }
      next = until;
    }
  }
}

Fetcher::Fetcher(StoreSource& source, PartialStore& partial, WorkerPool& pool, std::vector<sync::PieceRange> pieces,
                 FetchObserver& observer)
    : state_(std::make_shared<State>(source, partial, pool, std::move(pieces), observer)) {}

Fetcher::~Fetcher() = default;

asio::awaitable<sync::FetchOutcome> Fetcher::run() {
  const std::shared_ptr<State> state = state_;
  if (!state->stop.is_requested()) co_await state->stream_all();
  while (state->running > 0) co_await state->changed.wait();
  co_return state->outcome.value_or(sync::FetchOutcome{});
}

void Fetcher::stop() { state_->end_with(outcome_of({SourceError::kStopped, {}})); }

}  // namespace turnpike::io
