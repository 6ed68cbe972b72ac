// What sync asks of the disk and of the paths. The shell executes each and reports back by the handle_* named here.
#pragma once

#include <variant>
#include <vector>

#include "core/path/path.h"
#include "core/sync/fetch.h"

namespace turnpike::sync {

/// Open or create the partial file of this content. → handle_partial_open or handle_partial_failed.
struct OpenPartial {
  Target target;
};
/// Fetch these pieces, in this order; verify, write, and report each by handle_piece, and the whole by
/// handle_fetch_ended, exactly once, whatever happened. The target's partial is open. A path may be given several
/// fetches at once; they share it.
struct StartFetch {
  FetchId fetch;
  path::PathId path;
  Target target;
  std::vector<PieceRange> pieces;
};
/// → handle_fetch_ended (kCancelled, or how it ended just before).
struct CancelFetch {
  FetchId fetch;
};
/// Every piece is verified: sync, rename into place, remember the mark, serve. Also closes the partial.
/// → handle_committed or handle_commit_failed.
struct Commit {
  Target target;
  Mark mark = Mark::kUnconfirmed;
};
/// Close the partial file, if it is open; what it holds stays on disk for the next OpenPartial, unless `discard`: then
/// other bytes of this store have been committed, and these are of no use. No answer is expected.
struct ReleasePartial {
  Target target;
  bool discard = false;
};

using Action = std::variant<OpenPartial, StartFetch, CancelFetch, Commit, ReleasePartial>;

}  // namespace turnpike::sync
