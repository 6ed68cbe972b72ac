// A Sync whose shell is the test.
#pragma once

#include <gmock/gmock.h>

#include "core/sync/sync.h"

namespace turnpike::sync {

constexpr std::uint64_t kMib = store::kPieceSize;

inline PeerId peer(std::uint8_t n) {
  PeerId id;
  id.public_key[0] = n;
  return id;
}

inline store::StoreId store_id(std::uint8_t n) {
  store::StoreId id;
  id.bytes[0] = n;
  return id;
}

inline store::Content content(std::uint64_t pieces, std::uint8_t tag = 1) {
  store::Content out{.size = pieces * kMib, .root = {}};
  out.root[0] = tag;
  return out;
}

// A Sync over real paths, whose shell is the test: it answers by hand what it is asked.
class SyncSync : public testing::Test {
 protected:
  explicit SyncSync(Book::Config config = {}, path::Rung free = path::Rung::kHttp)
      : paths_(path::rungs_of({free, path::Rung::kBootstrapRelay}), random_), sync_(config, paths_, random_) {
    sync_.handle_catalogue_ready(now());
  }

  Now now() const {
    return {Instant(1000s) + elapsed_, {1'700'000'000'000 + static_cast<std::uint64_t>(elapsed_ / 1ms)}};
  }

  void collect() {
    sync_.handle_paths_changed(now());
    for (bool again = true; again;) {
      again = false;
      while (auto action = sync_.poll_action()) {
        again = true;
        if (auto* open = std::get_if<OpenPartial>(&*action)) opened_.push_back(open->target);
        if (auto* start = std::get_if<StartFetch>(&*action)) started_.push_back(*start);
        if (auto* cancel = std::get_if<CancelFetch>(&*action)) cancelled_.push_back(cancel->fetch);
        if (auto* commit = std::get_if<Commit>(&*action)) commits_.push_back(*commit);
        if (auto* release = std::get_if<ReleasePartial>(&*action)) released_.push_back(*release);
      }
      while (auto action = paths_.poll_action()) {
        again = true;
        if (auto* open = std::get_if<path::Open>(&action->action)) {
          if (reachable_.contains(action->peer)) {
            path_of_[action->peer] = open->path;
            paths_.handle_open(now(), open->path, 10ms);
            sync_.handle_paths_changed(now());
          } else {
            paths_.handle_closed(now(), open->path, {.end = path::PathEnd::kRefused, .detail = {}});
            sync_.handle_paths_changed(now());
          }
        }
        if (auto* close = std::get_if<path::Close>(&action->action)) closed_.push_back(close->path);
      }
      while (const auto ids = sync_.poll_lookup(now())) lookups_.insert(lookups_.end(), ids->begin(), ids->end());
    }
  }
  void wait(Duration time) {
    const Duration until = elapsed_ + time;
    for (;;) {
      std::optional<Instant> next = sync_.poll_timeout();
      if (paths_.poll_timeout() && (!next || *paths_.poll_timeout() < *next)) next = paths_.poll_timeout();
      if (!next || *next > Instant(1000s) + until) break;
      elapsed_ = std::max(elapsed_ + 1us, Duration(*next - Instant(1000s)));
      paths_.handle_timeout(now());
      sync_.handle_timeout(now());
      collect();
    }
    elapsed_ = until;
    paths_.handle_timeout(now());
    sync_.handle_timeout(now());
    collect();
  }

  Announcement by(std::uint8_t n, const store::Content& what) {
    return {.peer = peer(n), .from = IpAddress::v4(203, 0, n, 1), .content = what, .seq = 1};
  }
  void announce(std::uint8_t store, const std::vector<Announcement>& said) {
    for (const Announcement& one : said) {
      paths_.learn(now(), {.peer = one.peer,
                           .seq = one.seq,
                           .tcp = {{one.from, 4001}},
                           .http = {{one.from, 5001}},
                           .bootstrap = 0,
                           .connected = false});
    }
    sync_.handle_announcers(now(), 0, store_id(store), said);
    collect();
  }
  void reachable(std::initializer_list<std::uint8_t> peers) {
    for (const std::uint8_t n : peers) reachable_.insert(peer(n));
  }
  void partial_open(const Target& target, const std::vector<std::uint32_t>& have = {}) {
    std::vector<bool> verified(target.content.piece_count());
    for (const std::uint32_t piece : have) verified[piece] = true;
    sync_.handle_partial_open(now(), target, verified);
    collect();
  }
  void piece(const StartFetch& fetch, std::uint32_t index) {
    sync_.handle_piece(now(), fetch.fetch, index, fetch.target.content.piece_length(index));
    collect();
  }
  void end(const StartFetch& fetch, FetchEnd how = FetchEnd::kDone, Duration retry_after = {}) {
    sync_.handle_fetch_ended(now(), fetch.fetch, {.end = how, .retry_after = retry_after, .disk = {}, .detail = {}});
    collect();
  }
  void deliver(const StartFetch& fetch) {
    for (const PieceRange& range : fetch.pieces) {
      for (std::uint32_t i = range.first; i < range.first + range.count; ++i) piece(fetch, i);
    }
    end(fetch);
  }
  // Plays an honest shell until nothing more is asked of it.
  void deliver_all() {
    for (std::size_t i = 0; i < started_.size(); ++i) {
      if (done_.insert(started_[i].fetch).second) deliver(StartFetch(started_[i]));
    }
  }
  PeerId asked(const StartFetch& fetch) const {
    for (const auto& [who, path] : path_of_) {
      if (path == fetch.path) return who;
    }
    return {};
  }

  SeededRandom random_{5};
  path::Paths paths_;
  Sync sync_;
  Duration elapsed_{};
  std::set<PeerId> reachable_;
  std::map<PeerId, path::PathId> path_of_;
  std::vector<Target> opened_;
  std::vector<StartFetch> started_;
  std::vector<FetchId> cancelled_;
  std::vector<Commit> commits_;
  std::vector<ReleasePartial> released_;
  std::vector<path::PathId> closed_;
  std::vector<store::StoreId> lookups_;
  std::set<FetchId> done_;
};

}  // namespace turnpike::sync
