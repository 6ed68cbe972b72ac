// What the brain asks of the world. The shell (src/node, or a simulated host) executes each and reports back by the
// handle_* that its comment names.
#pragma once

#include <cstddef>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "core/coordination/coordinator.h"
#include "core/coordination/punching.h"
#include "core/identity/peer_id.h"
#include "core/path/path.h"
#include "core/reach/prober.h"
#include "core/store/store_id.h"
#include "core/sync/action.h"

namespace turnpike::peer {

/// Open the control WebSocket of the `index`-th configured bootstrap. → handle_link_up or handle_link_down.
struct ConnectBootstrap {
  std::size_t index = 0;
};
/// → handle_link_down, once it is closed. Commands for it that follow are to be ignored.
struct CloseBootstrap {
  std::size_t index = 0;
};
/// One binary WebSocket message, in order.
struct SendToBootstrap {
  std::size_t index = 0;
  Bytes message;
};

/// Over that family, if the bootstrap has an address of it: POST /v1/seen with the statement. → handle_seen_elsewhere,
/// or nothing.
struct ShowElsewhere {
  std::size_t index = 0;
  IpAddress::Family family{};
  Bytes statement;
};

/// → handle_path_open once a first answer (http) or the authenticated secure channel (direct, relay) is there, else
/// handle_path_closed. A path whose relay role is kResponder is opened in order to serve `peer`: no fetch is started
/// over it, and streams that `peer` opens on it are to be answered.
struct OpenPath {
  path::PathId path;
  identity::PeerId peer;
  path::Rung rung = path::Rung::kHttp;
  path::Target target;
};
/// Also ends an attempt that is still under way. Fetches over it have been cancelled before. No answer is expected,
/// and one that crosses is ignored.
struct ClosePath {
  path::PathId path;
};

/// For somebody else's proof: send the nonce to that service, within rendezvous::kDialTime. → handle_probed(id, …)
using Probe = reach::Dial;

/// A Binding request to a server of TURN, within kMeasureTime. → handle_server_measured
using MeasureServer = coordination::Measure;
constexpr Duration kMeasureTime = std::chrono::seconds(2);
/// Somebody wants a session of our own TURN server. → handle_session_decided
using OpenTurnSession = coordination::OpenSession;
/// It asked us to connect to it. If that succeeds it shows by handle_peer_connected.
using DialBack = coordination::DialBack;
/// Look for who has these stores wherever else than at the bootstraps they can be looked for. → handle_found, for each
/// that is found.
struct LookUp {
  std::vector<store::StoreId> stores;
};

/// For punching: both end in a handle_punch.
using coordination::MeasureNat;
using coordination::StartPunch;

/// What STUN servers saw of the UDP port that is punched with: the answer to MeasureNat.
struct NatSeen {
  std::vector<punch::Sighting> sightings;
};
/// How a StartPunch went; what was opened ends as lost some day.
struct PunchOpened {
  std::uint64_t id = 0;
  Endpoint remote;
};
struct PunchFailed {
  std::uint64_t id = 0;
  punch::PunchFailure why{};
};
struct PunchLost {
  std::uint64_t id = 0;
};
using PunchNews = std::variant<NatSeen, PunchOpened, PunchFailed, PunchLost>;

using sync::CancelFetch;
using sync::Commit;
using sync::OpenPartial;
using sync::ReleasePartial;
using sync::StartFetch;

using Command = std::variant<ConnectBootstrap, CloseBootstrap, SendToBootstrap, ShowElsewhere, OpenPath, ClosePath,
                             Probe, OpenPartial, StartFetch, CancelFetch, Commit, ReleasePartial, LookUp, MeasureServer,
                             OpenTurnSession, DialBack, MeasureNat, StartPunch>;

}  // namespace turnpike::peer
