#include "core/sync/transfer.h"

#include <algorithm>

namespace turnpike::sync {
namespace {

using path::Ladder;
using path::Rung;
using path::Standing;

bool cannot_be_reached(const Ladder* ladder) {
  if (ladder == nullptr) return true;
  return ladder->standing() == Standing::kWaiting || ladder->standing() == Standing::kNoWay;
}

}  // namespace

void Transfer::handle_partial_open(const std::vector<bool>& verified) {
  pieces_.emplace(target_.content, verified);
  state = State::kFetching;
}

std::vector<PeerId> Transfer::engage(Now now, const Book& book, const path::Paths& paths) {
  const std::vector<PeerId> fit = book.sources(now.mono, target_);
  const auto is_fit = [&](const PeerId& peer) { return std::find(fit.begin(), fit.end(), peer) != fit.end(); };
  const auto is_engaged = [&](const PeerId& peer) {
    return std::find(engaged_.begin(), engaged_.end(), peer) != engaged_.end();
  };
  std::erase_if(engaged_, [&](const PeerId& peer) { return !is_fit(peer); });

  std::vector<PeerId> replaced;
  for (const PeerId& peer : fit) {
    if (is_engaged(peer)) continue;
    if (engaged_.size() == kMaxSourcesPerStore) {
      const auto idle = std::find_if(engaged_.begin(), engaged_.end(), [&](const PeerId& other) {
        return other != relay_peer_ && cannot_be_reached(paths.ladder(other));
      });
      if (idle == engaged_.end()) break;
      replaced.push_back(*idle);
      engaged_.erase(idle);
    }
    engaged_.push_back(peer);
  }

  const bool free = std::any_of(engaged_.begin(), engaged_.end(), [&](const PeerId& peer) {
    const Ladder* ladder = paths.ladder(peer);
    return ladder != nullptr && ladder->has_free_rung_open();
  });
  const auto may_relay = [&](const PeerId& peer) {
    const Ladder* ladder = paths.ladder(peer);
    return ladder != nullptr && ladder->relay_may_come(now);
  };
  if (free || (relay_peer_ && !is_engaged(*relay_peer_))) relay_peer_.reset();
  if (!free && (!relay_peer_ || !may_relay(*relay_peer_))) {
    const auto next = std::find_if(engaged_.begin(), engaged_.end(), may_relay);
    if (next != engaged_.end()) relay_peer_ = *next;
  }
  return replaced;
}

std::vector<StartFetch> Transfer::assign(Now now, path::Paths& paths, PathUses& uses, std::uint64_t& ids) {
  std::vector<StartFetch> starts;
  if (state != State::kFetching || draining || pieces_->is_complete()) return starts;
  std::vector<PeerId> askable;
  bool free = false;
  for (const PeerId& peer : engaged_) {
    const Ladder* ladder = paths.ladder(peer);
    const std::optional<path::Way> way = ladder == nullptr ? std::nullopt : ladder->best(now);
    if (!way) continue;
    if (way->rung != Rung::kBootstrapRelay && !free) askable.clear();  // free ways make the relay's idle
    free |= way->rung != Rung::kBootstrapRelay;
    if (free == (way->rung != Rung::kBootstrapRelay)) askable.push_back(peer);
  }
  // In turns, so that one fast talker does not take everything before the others were asked.
  for (std::size_t round = 0; round < kFetchesPerPathAndStore; ++round) {
    for (const PeerId& peer : askable) {
      const std::optional<path::Way> way = paths.ladder(peer)->best(now);
      if (!way || fetches_on(way->path) > round) continue;
      PathUse& use = uses[way->path];
      const std::size_t limit = use.meter.rate() >= kFastPath ? kMaxFetchesPerPath : kFetchesPerPathAndStore;
      if (use.fetches >= limit) continue;
      std::vector<PieceRange> ranges = pieces_->take(pieces_for(*way, use, askable.size()), way->allowance);
      if (ranges.empty() && pieces_->free() == 0 && round == 0 && way->rung != Rung::kBootstrapRelay) {
        ranges = pieces_->hedge(asked_elsewhere(way->path), 1);
      }
      if (ranges.empty()) continue;
      const FetchId id{++ids};
      Fetch fetch{
          .path = way->path, .peer = peer, .rung = way->rung, .outstanding = {}, .started = now.mono, .cancelled = {}};
      std::uint64_t bytes = 0;
      for (const PieceRange& range : ranges) {
        for (std::uint32_t piece = range.first; piece < range.first + range.count; ++piece) {
          fetch.outstanding.insert(piece);
          bytes += target_.content.piece_length(piece);
        }
      }
      fetches.emplace(id, std::move(fetch));
      if (use.fetches++ == 0) {
        use.meter.start(now.mono);
        use.delivered = now.mono;
      }
      meter_.start(now.mono);
      paths.handle_fetch_started(now, way->path, bytes);
      starts.push_back({.fetch = id, .path = way->path, .target = target_, .pieces = std::move(ranges)});
    }
  }
  return starts;
}

std::uint32_t Transfer::pieces_for(const path::Way& way, const PathUse& use, std::size_t ways) const {
  const double per_fetch = use.meter.rate() * kSecondsPerFetch / static_cast<double>(store::kPieceSize);
  const std::uint32_t cap = way.rung == Rung::kBootstrapRelay ? kMaxPiecesPerRelayedFetch : kMaxPiecesPerFetch;
  const auto by_rate = static_cast<std::uint32_t>(std::clamp(per_fetch, 2.0, static_cast<double>(cap)));
  // Towards the end, shares: the last pieces are not to wait for one source while the others are idle.
  const auto share = static_cast<std::uint32_t>(pieces_->free() / (kFetchesPerPathAndStore * ways) + 1);
  return std::min(by_rate, share);
}

std::size_t Transfer::fetches_on(path::PathId path) const {
  return static_cast<std::size_t>(
      std::count_if(fetches.begin(), fetches.end(), [&](const auto& item) { return item.second.path == path; }));
}

// The last pieces of the fetch that has been under way for longest, last first: those will come latest.
std::vector<std::uint32_t> Transfer::asked_elsewhere(path::PathId path) const {
  const Fetch* slowest = nullptr;
  for (const auto& [id, fetch] : fetches) {
    if (fetch.path == path || fetch.cancelled || fetch.outstanding.empty()) continue;
    if (slowest == nullptr || fetch.started < slowest->started) slowest = &fetch;
  }
  if (slowest == nullptr) return {};
  return {slowest->outstanding.rbegin(), slowest->outstanding.rend()};
}

bool Transfer::handle_piece(Instant now, const FetchId& id, std::uint32_t piece, std::uint64_t& length) {
  Fetch& fetch = fetches.at(id);
  if (fetch.outstanding.erase(piece) == 0) return false;
  length = target_.content.piece_length(piece);
  if (!pieces_->verify(piece)) {
    bytes_duplicate_ += length;
    return false;
  }
  bytes_by_rung_[path::index_of(fetch.rung)] += length;
  delivered_.insert(fetch.peer);
  meter_.add(now, length);
  return true;
}

std::uint64_t Transfer::handle_fetch_ended(const FetchId& id) {
  std::uint64_t undelivered = 0;
  const auto at = fetches.find(id);
  for (const std::uint32_t piece : at->second.outstanding) {
    undelivered += target_.content.piece_length(piece);
    pieces_->give_back(piece);
  }
  fetches.erase(at);
  if (fetches.empty()) meter_.stop();
  return undelivered;
}

bool Transfer::is_stalled(Instant now, const path::Paths& paths) const {
  return fetches.empty() && std::all_of(engaged_.begin(), engaged_.end(), [&](const PeerId& peer) {
           const Ladder* ladder = paths.ladder(peer);
           if (!cannot_be_reached(ladder)) return false;
           const std::optional<Instant> next = ladder == nullptr ? std::nullopt : ladder->next_try();
           return !next || *next > now + kStallPatience;
         });
}

std::string Transfer::why_stalled(const path::Paths& paths) const {
  constexpr std::size_t kNamed = 3;
  std::string why;
  for (std::size_t i = 0; i < engaged_.size() && i < kNamed; ++i) {
    const Ladder* ladder = paths.ladder(engaged_[i]);
    if (!why.empty()) why += "; ";
    why += engaged_[i].to_string().substr(0, 16) + ": ";
    why += ladder == nullptr ? "nothing is known of it" : ladder->reason();
  }
  if (engaged_.size() > kNamed) why += "; and " + std::to_string(engaged_.size() - kNamed) + " more";
  return why.empty() ? "nobody who announces it may be asked now" : why;
}

TransferView Transfer::view(Instant now) const {
  TransferView out{.target = target_, .state = {}, .reason = {}, .peers = {}};
  switch (state) {
    case State::kOpening:
      out.state = "opening";
      out.reason = "reads what is here of it";
      break;
    case State::kFetching:
      out.state = "fetching";
      if (draining) out.reason = "makes room for a store that was asked for";
      if (fetches.empty() && !draining) out.reason = "waits for a path to one of " + std::to_string(engaged_.size());
      break;
    case State::kCommitting:
      out.state = "committing";
      out.reason = "all of it is verified; it is put into its place";
      break;
    case State::kStopping:
      out.state = "stopping";
      out.reason = "waits for what was under way to end";
      break;
  }
  out.bytes_total = target_.content.size;
  out.bytes_verified = pieces_ ? pieces_->verified_bytes() : 0;
  out.bytes_by_rung = bytes_by_rung_;
  out.bytes_duplicate = bytes_duplicate_;
  out.seconds = static_cast<double>((now - started_).count()) / 1e6;
  out.bytes_per_second = meter_.rate();
  std::set<PeerId> peers = delivered_;
  for (const auto& [id, fetch] : fetches) peers.insert(fetch.peer);
  out.peers.assign(peers.begin(), peers.end());
  return out;
}

}  // namespace turnpike::sync
