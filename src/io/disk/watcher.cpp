#include "io/disk/watcher.h"

#include <sys/stat.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "io/loop/convert.h"

namespace turnpike::io {
namespace {

constexpr Duration kFolderMissing = std::chrono::seconds(1);  ///< Looked for again after so long.
constexpr Duration kTimerSlack = std::chrono::milliseconds(10);

std::pair<dev_t, ino_t> identity_of(const std::filesystem::path& folder) {
  struct stat status{};
  if (::stat(folder.c_str(), &status) != 0) return {};
  return {status.st_dev, status.st_ino};
}

}  // namespace

Watcher::Watcher(asio::any_io_executor loop, Catalogue& catalogue, Settings settings, OnScan on_scan)
    : loop_(std::move(loop)),
      catalogue_(catalogue),
      settings_(settings),
      on_scan_(std::move(on_scan)),
      next_scan_(now()),
      timer_(loop_),
      scanned_(loop_) {
  catalogue_.on_again([this](const LookAgain& look) { again(look); });
}

Watcher::~Watcher() {
  catalogue_.on_again([](const LookAgain&) {});
  stop();
}

void Watcher::stop() {
  stopping_ = true;
  if (watch_) watch_->close();
  timer_.cancel();
  scanned_.set();
}

void Watcher::look_at(const store::StoreId& id, Instant when) {
  const auto [at, is_new] = due_.try_emplace(id, when);
  if (!is_new) at->second = std::min(at->second, when);
  timer_.cancel();
}

void Watcher::again(const LookAgain& look) {
  Duration wait = look.wait + kTimerSlack;
  if (look.why == LookAgain::Why::kFailed) {
    Duration& last = failed_[look.id];
    last = std::clamp(2 * last, settings_.first_retry, settings_.last_retry);
    wait = std::max(wait, last);
  }
  look_at(look.id, now() + wait);
}

// Before the folder is scanned: what happens in between is told.
void Watcher::open_watch() {
  if (!settings_.use_kernel) return;
  const auto here = identity_of(catalogue_.folder());
  if (watch_ && here == watched_) return;
  if (watch_) watch_->close();
  watch_.reset();
  auto opened = FolderWatch::open(loop_, catalogue_.folder());
  if (!opened) return;
  watch_ = *std::move(opened);
  watched_ = here;
  asio::co_spawn(loop_, listen(watch_), asio::detached);
}

asio::awaitable<void> Watcher::listen(std::shared_ptr<FolderWatch> watch) {
  const std::shared_ptr<FolderWatch> mine = std::move(watch);
  for (;;) {
    const auto changes = co_await mine->wait();
    if (!changes || stopping_ || watch_ != mine) co_return;
    const Instant when = now();
    for (const store::StoreId& id : changes->stores) {
      failed_.erase(id);
      look_at(id, when);
    }
    if (changes->others) next_scan_ = std::min(next_scan_, when + settings_.scan_period);
    if (changes->lost || changes->folder_gone) next_scan_ = when;
    if (changes->folder_gone) {
      watch_->close();
      watch_.reset();
    }
    timer_.cancel();
    if (changes->folder_gone) co_return;
  }
}

void Watcher::start_scan() {
  is_scanning_ = true;
  ++scans_begun_;
  open_watch();
  next_scan_ = now() + (watch_ ? settings_.safety_period : settings_.scan_period);
  asio::co_spawn(loop_, scan_once(), asio::detached);
}

asio::awaitable<void> Watcher::scan_once() {
  const std::uint64_t number = scans_begun_;
  const auto report = co_await catalogue_.scan();
  if (stopping_) co_return;
  is_scanning_ = false;
  scans_done_ = number;
  if (!report) next_scan_ = std::min(next_scan_, now() + kFolderMissing);
  if (report && !watch_) open_watch();  // the scan has made the folder
  if (report && !watch_ && report->settling > 0) next_scan_ = std::min(next_scan_, now() + kFolderMissing);
  on_scan_(report);
  scanned_.set();
  timer_.cancel();
}

std::set<store::StoreId> Watcher::take_due() {
  std::set<store::StoreId> out;
  const Instant when = now();
  std::erase_if(due_, [&](const auto& item) {
    if (item.second > when) return false;
    out.insert(item.first);
    return true;
  });
  return out;
}

asio::awaitable<void> Watcher::sleep() {
  Instant until = is_scanning_ ? Instant::max() : next_scan_;
  for (const auto& [id, when] : due_) until = std::min(until, when);
  if (until == Instant::max()) {
    timer_.expires_at(asio::steady_timer::time_point::max());
  } else {
    timer_.expires_at(to_steady(until));
  }
  co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
}

asio::awaitable<void> Watcher::run() {
  std::set<store::StoreId> stores;
  while (!stopping_) {
    if (!is_scanning_ && next_scan_ <= now()) start_scan();
    stores = take_due();
    if (!stores.empty()) co_await catalogue_.look(std::move(stores));
    if (!stopping_) co_await sleep();
  }
}

asio::awaitable<void> Watcher::rescan() {
  const std::uint64_t wanted = scans_begun_ + 1;  // one under way may already have passed the new file by
  while (scans_done_ < wanted && !stopping_) {
    next_scan_ = now();
    timer_.cancel();
    scanned_.reset();
    co_await scanned_.wait();
  }
}

}  // namespace turnpike::io
