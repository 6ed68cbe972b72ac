// Any news in any order: whatever a shell, the paths and the bootstraps may tell, sync keeps its limits, asks for no
// piece that is verified, and always comes to rest.
#include <cstdlib>
#include <set>

#include "core/sync/sync.h"

namespace turnpike::sync {
namespace {

constexpr std::uint64_t kMib = store::kPieceSize;
constexpr std::size_t kMaxOperations = 300;
constexpr int kMaxRounds = 10'000;

void require(bool holds) {
  if (!holds) std::abort();
}

class Play {
 public:
  explicit Play(ByteView input) : in_(input) {}

  void run() {
    sync_.handle_catalogue_ready(now());
    for (std::size_t i = 0; i < kMaxOperations && in_.remaining() > 0; ++i) {
      operate(in_.u8());
      drain();
    }
    // Left alone, it neither spins nor grows.
    for (int i = 0; i < 50; ++i) {
      const std::optional<Instant> next = next_timeout();
      if (!next) break;
      elapsed_ = std::max(elapsed_ + 1us, Duration(*next - Instant(1000s)));
      paths_.handle_timeout(now());
      sync_.handle_timeout(now());
      drain();
    }
  }

 private:
  Now now() const {
    return {Instant(1000s) + elapsed_, {1'700'000'000'000 + static_cast<std::uint64_t>(elapsed_ / 1ms)}};
  }
  std::optional<Instant> next_timeout() const {
    std::optional<Instant> next = sync_.poll_timeout();
    const std::optional<Instant> other = paths_.poll_timeout();
    if (other && (!next || *other < *next)) next = other;
    return next;
  }

  PeerId peer() {
    PeerId id;
    id.public_key[0] = static_cast<std::uint8_t>(in_.u8() % 5);
    return id;
  }
  store::StoreId store() {
    store::StoreId id;
    id.bytes[0] = static_cast<std::uint8_t>(in_.u8() % 7);
    return id;
  }
  store::Content content() {
    const std::uint8_t what = in_.u8();
    store::Content out{.size = 1 + (what % 5) * (kMib - 1), .root = {}};
    out.root[0] = static_cast<std::uint8_t>(what >> 6U);
    return out;
  }
  FetchId fetch() {
    if (fetches_.empty() || in_.u8() == 0) return FetchId{in_.u8()};
    auto at = fetches_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(in_.u8() % fetches_.size()));
    return at->first;
  }
  Target target() {
    if (opened_.empty() || in_.u8() == 0) return {store(), content()};
    auto at = opened_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(in_.u8() % opened_.size()));
    return at->first;
  }
  path::PathId path() {
    if (known_paths_.empty()) return {};
    auto at = known_paths_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(in_.u8() % known_paths_.size()));
    return *at;
  }

  void operate(std::uint8_t what) {
    switch (what % 18) {
      case 0:
        announce();
        break;
      case 1:
        sync_.handle_entry(now(), store(), content());
        break;
      case 2:
        sync_.want(now(), store());
        break;
      case 3:
        sync_.unwant(now(), store());
        break;
      case 4:
        sync_.pin(now(), store(), content());
        break;
      case 5:
        sync_.unpin(now(), store());
        break;
      case 6:
        sync_.set_mode(now(), static_cast<SyncMode>(in_.u8() % 3));
        break;
      case 7:
        sync_.handle_local(now(), store(), {.content = content(), .mark = static_cast<Mark>(1 + in_.u8() % 6)});
        break;
      case 8:
        sync_.handle_local_gone(now(), store());
        break;
      case 9:
        open_partial();
        break;
      case 10:
        sync_.handle_partial_failed(now(), target(), {.error = DiskError::kNoSpace, .detail = {}});
        break;
      case 11:
      case 12:
        deliver();
        break;
      case 13:
        end();
        break;
      case 14:
        paths_.handle_open(now(), path(), 5ms);
        break;
      case 15:
        paths_.handle_closed(now(), path(), {.end = static_cast<path::PathEnd>(in_.u8() % 8), .detail = {}});
        break;
      case 16:
        commit();
        break;
      default:
        wait();
        break;
    }
  }

  void announce() {
    std::vector<Announcement> said;
    const std::size_t count = in_.u8() % 4;
    for (std::size_t i = 0; i < count; ++i) {
      const PeerId who = peer();
      const IpAddress from = IpAddress::v4(203, 0, who.public_key[0], 1);
      said.push_back({.peer = who, .from = from, .content = content(), .seq = in_.u8()});
      const std::size_t bootstrap = in_.u8() % 3;
      paths_.learn(now(), {.peer = who,
                           .seq = said.back().seq,
                           .http = {{from, 5001}},
                           .bootstrap = bootstrap,
                           .connected = bootstrap == 1});
    }
    sync_.handle_announcers(now(), in_.u8() % 3, store(), said);
  }
  void open_partial() {
    const Target what = target();
    std::vector<bool> verified(what.content.piece_count());
    for (std::size_t i = 0; i < verified.size(); ++i) verified[i] = in_.u8() % 3 == 0;
    if (const auto at = opened_.find(what); at != opened_.end() && !at->second.has_value()) {
      at->second.emplace();
      for (std::uint32_t i = 0; i < verified.size(); ++i) {
        if (verified[i]) at->second->insert(i);
      }
    }
    sync_.handle_partial_open(now(), what, verified);
  }
  void deliver() {
    const FetchId id = fetch();
    const std::uint32_t piece = in_.u8() % 6;
    const auto at = fetches_.find(id);
    if (at != fetches_.end()) {
      const bool was_asked = std::any_of(
          at->second.pieces.begin(), at->second.pieces.end(),
          [&](const PieceRange& range) { return piece >= range.first && piece < range.first + range.count; });
      const auto verified = opened_.find(at->second.target);
      if (was_asked && verified != opened_.end() && verified->second) verified->second->insert(piece);
    }
    sync_.handle_piece(now(), id, piece, in_.u8());
  }
  void end() {
    const FetchId id = fetch();
    fetches_.erase(id);
    const FetchOutcome outcome{
        .end = static_cast<FetchEnd>(in_.u8() % 11), .retry_after = 1s * in_.u8(), .disk = {}, .detail = {}};
    sync_.handle_fetch_ended(now(), id, outcome);
  }
  void commit() {
    const Target what = target();
    if (in_.u8() % 2 == 0) {
      if (committing_.erase(what) > 0) opened_.erase(what);
      sync_.handle_committed(now(), what);
    } else {
      committing_.erase(what);
      sync_.handle_commit_failed(now(), what, {.error = DiskError::kIo, .detail = {}});
    }
  }
  void wait() {
    elapsed_ += 1ms * (1 + in_.u8() * in_.u8());
    paths_.handle_timeout(now());
    sync_.handle_timeout(now());
  }

  void drain() {
    sync_.handle_paths_changed(now());
    bool again = true;
    for (int round = 0; again; ++round) {
      require(round < kMaxRounds);
      again = false;
      while (const auto action = sync_.poll_action()) {
        again = true;
        std::visit([&](const auto& what_is_asked) { see(what_is_asked); }, *action);
      }
      while (const auto action = paths_.poll_action()) {
        again = true;
        if (const auto* open = std::get_if<path::Open>(&action->action)) known_paths_.insert(open->path);
        if (const auto* close = std::get_if<path::Close>(&action->action)) known_paths_.erase(close->path);
        if (std::holds_alternative<path::AskRelay>(action->action) && in_.u8() % 2 == 0) {
          path::RelayTarget granted;
          granted.quote.bytes = in_.u8() * kMib;
          paths_.handle_grant(now(), action->peer, granted);
        }
      }
      while (sync_.poll_lookup(now())) again = true;
      if (again) sync_.handle_paths_changed(now());
    }
    std::size_t active = 0;
    for (const TransferView& view : sync_.transfers(now().mono)) active += view.state != "complete";
    require(active <= kMaxTransfers);
    require(known_paths_.size() <= 5 * (path::kMaxEndpoints + 1));
    for (const store::StoreId& id : sync_.book().stores()) {
      const StoreView view = sync_.store(now().mono, id);
      require(!view.state.empty());
      const bool rests = view.state == "complete" || view.state == "fetching";
      require(rests || !view.reason.empty());
    }
  }

  void see(const OpenPartial& open) { require(opened_.emplace(open.target, std::nullopt).second); }
  void see(const StartFetch& start) {
    require(!start.pieces.empty() && start.pieces.size() <= kMaxRangesPerFetch);
    const auto at = opened_.find(start.target);
    require(at != opened_.end() && at->second.has_value());
    for (const PieceRange& range : start.pieces) {
      for (std::uint32_t piece = range.first; piece < range.first + range.count; ++piece) {
        require(piece < start.target.content.piece_count());
        require(!at->second->contains(piece));
      }
    }
    require(fetches_.emplace(start.fetch, start).second);
  }
  void see(const CancelFetch&) {}
  void see(const Commit& what) {
    require(what.mark != Mark::kContested);
    const auto at = opened_.find(what.target);
    require(at != opened_.end() && at->second && at->second->size() == what.target.content.piece_count());
    committing_.insert(what.target);
  }
  void see(const ReleasePartial& what) {
    opened_.erase(what.target);
    committing_.erase(what.target);
  }

  ByteReader in_;
  SeededRandom random_{1};
  path::Paths paths_{path::rungs_of({path::Rung::kHttp, path::Rung::kBootstrapRelay}), random_};
  Sync sync_{{}, paths_, random_};
  Duration elapsed_{};
  std::map<FetchId, StartFetch> fetches_;
  std::map<Target, std::optional<std::set<std::uint32_t>>> opened_;  // verified pieces, once its opening is answered
  std::set<Target> committing_;
  std::set<path::PathId> known_paths_;
};

}  // namespace
}  // namespace turnpike::sync

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  turnpike::sync::Play({data, size}).run();
  return 0;
}
