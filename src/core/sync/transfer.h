// One store on its way here: its pieces, the peers it is asked of, and the fetches that are under way.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/path/paths.h"
#include "core/sync/action.h"
#include "core/sync/book.h"
#include "core/sync/piece_map.h"
#include "core/sync/rate_meter.h"
#include "core/sync/view.h"

namespace turnpike::sync {

constexpr std::size_t kMaxSourcesPerStore = 8;
constexpr std::size_t kFetchesPerPathAndStore = 2;  ///< One that arrives, and the next, which fills the pipe.
constexpr std::size_t kMaxFetchesPerPath = 8;       ///< Over all stores; 2 while a path is slow or not measured.
constexpr double kFastPath = 2e6;                   ///< Bytes a second above which a path takes kMaxFetchesPerPath.
constexpr std::uint32_t kMaxPiecesPerFetch = 64;
constexpr std::uint32_t kMaxPiecesPerRelayedFetch = 8;  ///< Small: a cheaper path takes over what is not yet asked for.
constexpr double kSecondsPerFetch = 2;                  ///< What one fetch should take, by the path's measured rate.

constexpr Duration kStallPatience = 3s;  ///< A store keeps its place so long without anybody to ask.

/// What all stores together do on one path.
struct PathUse {
  RateMeter meter;
  std::size_t fetches = 0;
  Instant delivered;  ///< Or begun: when something came last.
};
using PathUses = std::map<path::PathId, PathUse>;

struct Fetch {
  path::PathId path;
  PeerId peer;
  path::Rung rung = path::Rung::kHttp;
  std::set<std::uint32_t> outstanding;
  Instant started;
  std::optional<Instant> cancelled;  ///< Since when its end is awaited.
};

class Transfer {
 public:
  enum class State : std::uint8_t { kOpening, kFetching, kCommitting, kStopping };

  Transfer(const Target& target, Instant now) : target_(target), started_(now) {}

  void handle_partial_open(const std::vector<bool>& verified);
  /// Chooses whom to ask: those of the book's sources that can be reached, and one of them by relay while none can be
  /// reached for free. Those that gave up their place to others are told.
  std::vector<PeerId> engage(Now now, const Book& book, const path::Paths& paths);
  /// Fetches to start now. `ids` counts them.
  std::vector<StartFetch> assign(Now now, path::Paths& paths, PathUses& uses, std::uint64_t& ids);
  /// False when it was no news.
  bool handle_piece(Instant now, const FetchId& fetch, std::uint32_t piece, std::uint64_t& length);
  /// Gives the bytes that never came.
  std::uint64_t handle_fetch_ended(const FetchId& fetch);

  /// Nothing is on its way, and nobody it asks can be reached, nor is any of them tried again within kStallPatience.
  [[nodiscard]] bool is_stalled(Instant now, const path::Paths& paths) const;
  [[nodiscard]] std::string why_stalled(const path::Paths& paths) const;
  [[nodiscard]] const Target& target() const { return target_; }
  [[nodiscard]] const std::vector<PeerId>& engaged() const { return engaged_; }
  [[nodiscard]] const std::optional<PeerId>& relay_peer() const { return relay_peer_; }
  [[nodiscard]] const std::optional<PieceMap>& pieces() const { return pieces_; }
  [[nodiscard]] TransferView view(Instant now) const;

  State state = State::kOpening;
  bool draining = false;  ///< Makes room for another: nothing new is asked for.
  std::map<FetchId, Fetch> fetches;

 private:
  [[nodiscard]] std::uint32_t pieces_for(const path::Way& way, const PathUse& use, std::size_t ways) const;
  [[nodiscard]] std::vector<std::uint32_t> asked_elsewhere(path::PathId path) const;
  [[nodiscard]] std::size_t fetches_on(path::PathId path) const;

  Target target_;
  Instant started_;
  std::optional<PieceMap> pieces_;
  std::vector<PeerId> engaged_;
  std::optional<PeerId> relay_peer_;
  std::set<PeerId> delivered_;
  BytesByRung bytes_by_rung_{};
  std::uint64_t bytes_duplicate_ = 0;
  RateMeter meter_;
};

}  // namespace turnpike::sync
