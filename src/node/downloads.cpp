#include "node/downloads.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "io/log/log.h"

namespace turnpike::node {
// One fetch under way, and everything it must keep alive meanwhile.
struct Downloads::Fetch final : io::FetchObserver {
  Fetch(const peer::StartFetch& fetch_order, std::shared_ptr<OpenedPath> over, Partial into, io::WorkerPool& pool,
        DownloadEvents& to)
      : order(fetch_order), path(std::move(over)), partial(std::move(into)), events(to) {
    fetcher.emplace(*path->source(), *partial, pool, order.pieces, *this);
  }

  void piece_done(std::uint32_t piece, std::uint64_t wire_bytes) override {
    events.piece_done(order.fetch, piece, wire_bytes);
  }
  void piece_bad(std::uint32_t piece, std::span<const std::uint32_t> leaves) override {
    io::log_warning("store {}: a source sent {} wrong leaves of piece {}", order.target.store.to_string(),
                    leaves.size(), piece);
  }

  peer::StartFetch order;
  std::shared_ptr<OpenedPath> path;
  Partial partial;
  DownloadEvents& events;
  std::optional<io::Fetcher> fetcher;
};

Downloads::Downloads(asio::any_io_executor loop, DownloadSettings settings, io::WorkerPool& pool,
                     io::Catalogue& catalogue, const Paths& paths, DownloadEvents& events)
    : loop_(std::move(loop)),
      settings_(std::move(settings)),
      pool_(pool),
      catalogue_(catalogue),
      paths_(paths),
      events_(events) {}

Downloads::~Downloads() = default;

void Downloads::open(const peer::OpenPartial& order) { asio::co_spawn(loop_, run_open(order.target), asio::detached); }

void Downloads::start(const peer::StartFetch& order) {
  const std::shared_ptr<OpenedPath> path = paths_.find(order.path);
  const auto partial = partials_.find(order.target);
  if (!path || path->source() == nullptr || partial == partials_.end()) {
    sync::FetchOutcome outcome{
        .end = sync::FetchEnd::kPathLost, .retry_after = {}, .disk = {}, .detail = "the path is over"};
    events_.fetch_ended(order.fetch, outcome);
    return;
  }
  auto fetch = std::make_shared<Fetch>(order, path, partial->second, pool_, events_);
  fetches_.emplace(order.fetch, fetch);
  asio::co_spawn(loop_, run_fetch(std::move(fetch)), asio::detached);
}

void Downloads::cancel(const peer::CancelFetch& order) {
  const auto found = fetches_.find(order.fetch);
  if (found != fetches_.end()) found->second->fetcher->stop();
}

void Downloads::commit(const peer::Commit& order) {
  const auto found = partials_.find(order.target);
  if (found == partials_.end()) {
    events_.commit_failed(order.target, {sync::DiskError::kIo, "its partial file is not open"});
    return;
  }
  Partial partial = std::move(found->second);
  partials_.erase(found);
  asio::co_spawn(loop_, run_commit(order.target, std::move(partial)), asio::detached);
}

void Downloads::release(const peer::ReleasePartial& order) {
  Partial partial;
  const auto found = partials_.find(order.target);
  if (found != partials_.end()) {
    partial = std::move(found->second);
    partials_.erase(found);
  }
  if (order.discard) asio::co_spawn(loop_, run_discard(order.target, std::move(partial)), asio::detached);
}

void Downloads::put_aside(const sync::Target& target) { asio::co_spawn(loop_, run_put_aside(target), asio::detached); }

void Downloads::stop_all() {
  for (const auto& [id, fetch] : fetches_) fetch->fetcher->stop();
}

asio::awaitable<void> Downloads::run_open(sync::Target target) {
  io::PartialOptions options;
  options.reserve = settings_.reserve;
  options.promised = promised();
  const auto opening = opening_.insert(target);
  auto opened = co_await io::PartialStore::open(pool_, settings_.data, target.store, target.content, options);
  opening_.erase(opening);
  if (!opened) {
    events_.partial_failed(target, failure_of(opened.error(), target.content.size));
    co_return;
  }
  const Partial partial = *std::move(opened);
  partials_[target] = partial;
  events_.partial_open(target, partial->verified());
}

asio::awaitable<void> Downloads::run_fetch(std::shared_ptr<Fetch> fetch) {
  sync::FetchOutcome outcome = co_await fetch->fetcher->run();
  const sync::FetchId id = fetch->order.fetch;
  const bool is_full = outcome.end == sync::FetchEnd::kDisk && outcome.disk.error == sync::DiskError::kNoSpace;
  const bool broke = outcome.end == sync::FetchEnd::kConnection || outcome.end == sync::FetchEnd::kTimeout;
  if (broke && fetch->path->source() == nullptr) outcome.end = sync::FetchEnd::kPathLost;
  if (is_full) outcome.disk = failure_of(io::DiskError::kNoSpace, fetch->order.target.content.size);
  fetches_.erase(id);
  fetch.reset();  // what follows may discard the partial, or open it anew: nobody may hold it then
  events_.fetch_ended(id, outcome);
}

asio::awaitable<void> Downloads::run_commit(sync::Target target, Partial partial) {
  // What the brain knows of may be replaced, as it has ranked the two; a file that came behind its back may not.
  const auto replace = catalogue_.find(target.store) ? io::Replace::kYes : io::Replace::kNo;
  const auto claim = catalogue_.claim(target.store);  // the folder's watcher sees it before it is adopted
  auto tree = co_await partial->commit(replace);
  partial.reset();
  if (!tree) {
    events_.commit_failed(target, failure_of(tree.error(), target.content.size));
    co_return;
  }
  const auto adopted = co_await catalogue_.adopt(target.store, *std::move(tree));
  if (!adopted) io::log_warning("store {}: in place, and read again at the next scan", target.store.to_string());
  events_.committed(target);
}

asio::awaitable<void> Downloads::run_discard(sync::Target target, Partial partial) {
  partial.reset();
  const auto discarded = co_await io::discard_partial(pool_, settings_.data, target.store, target.content);
  if (!discarded) {
    io::log_warning("store {}: its partial file could not be removed: {}", target.store.to_string(),
                    io::to_string(discarded.error()));
  }
}

asio::awaitable<void> Downloads::run_put_aside(sync::Target target) {
  const auto name = co_await catalogue_.put_aside(target.store, target.content);
  events_.put_aside(target.store, name);
}

// Partial files are sparse: what they still lack looks free.
std::uint64_t Downloads::promised() const {
  std::uint64_t bytes = 0;
  for (const sync::Target& target : opening_) bytes += target.content.size;
  for (const auto& [target, partial] : partials_) {
    const auto missing = static_cast<std::uint64_t>(std::ranges::count(partial->verified(), false));
    bytes += std::min(target.content.size, missing * store::kPieceSize);
  }
  return bytes;
}

sync::DiskFailure Downloads::failure_of(io::DiskError error, std::uint64_t size) const {
  sync::DiskFailure out{sync::DiskError::kIo, std::string(io::to_string(error))};
  if (error != io::DiskError::kNoSpace) return out;
  out.error = sync::DiskError::kNoSpace;
  const auto free = io::system_file_ops().free_space(settings_.data);
  if (!free) return out;
  out.detail = "the store has " + std::to_string(size) + " bytes; " + std::to_string(*free) + " are free, " +
               std::to_string(settings_.reserve) + " of them kept in reserve";
  if (const std::uint64_t others = promised(); others > 0) {
    out.detail += ", and " + std::to_string(others) + " to come for stores that are being fetched";
  }
  return out;
}

}  // namespace turnpike::node
