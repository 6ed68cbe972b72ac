// What a ladder asks for, and what it keeps of a path that is open.
#pragma once

#include <cstddef>
#include <variant>

#include "core/path/path.h"

namespace turnpike::path {

struct Open {
  PathId path;
  Rung rung = Rung::kHttp;
  Target target;
};
struct Close {
  PathId path;
};
/// A relay session at that bootstrap → handle_grant or handle_denied.
struct AskRelay {
  std::size_t bootstrap = 0;
};
/// A session at a peer that relays, other than `avoid` → handle_peer_grant or handle_peer_denied.
struct AskPeerRelay {
  std::size_t bootstrap = 0;  ///< Which has both of us connected.
  std::vector<identity::PeerId> avoid;
};
/// A hole through both NATs → handle_hole or handle_punch_failed.
struct AskPunch {
  std::size_t bootstrap = 0;  ///< Which has both of us connected.
};
using Action = std::variant<Open, Close, AskRelay, AskPeerRelay, AskPunch>;

struct PathIds {
  std::uint64_t last = 0;
  PathId next() { return PathId{++last}; }
};

/// An open path as its ladder sees it.
struct OpenPathState {
  PathId path;
  Duration rtt{};
  Endpoint endpoint{};  ///< Of an HTTP path.
  std::size_t fetches = 0;
  bool proven = false;  ///< It delivered verified bytes.
  Instant used{};
};

}  // namespace turnpike::path
