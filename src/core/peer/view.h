// What the brain shows of itself: plain values for `ls`, `peers`, `transfers`, `status` and `why`.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/endpoint.h"
#include "base/time.h"
#include "core/identity/peer_id.h"
#include "core/path/found.h"
#include "core/path/paths.h"
#include "core/path/rung_view.h"
#include "core/reach/prover.h"
#include "core/rendezvous/client.h"
#include "core/sync/view.h"

namespace turnpike::peer {

using path::RungView;
using reach::CandidateView;
using sync::BytesByRung;
using sync::StoreView;
using sync::TransferView;

struct PeerView {
  identity::PeerId peer;
  path::FoundSet found;       ///< How we know of it.
  std::vector<Endpoint> tcp;  ///< Where its libp2p host may answer.
  std::vector<Endpoint> http;
  std::vector<RungView> rungs;
  std::string state;  ///< idle, racing, the name of the rung in use, or unreachable
  std::string reason;
  std::size_t stores = 0;   ///< How many it announces.
  std::size_t serving = 0;  ///< Relay sessions over which we serve it.
};

/// Without what only the sync knows: `stores` and `serving`.
[[nodiscard]] PeerView view_of(const identity::PeerId& peer, path::FoundSet found, const path::Ladder& ladder);
/// Of every peer there is a ladder to. `stores`: how many each announces.
[[nodiscard]] std::vector<PeerView> view_of(const path::Paths& paths,
                                            const std::map<identity::PeerId, std::size_t>& stores);
/// Why a bootstrap grants no relay session; for people.
[[nodiscard]] std::string words_of(const rendezvous::RelayDenied& denied);

struct BootstrapView {
  std::string url;
  bool connected = false;
  bool registered = false;
  bool captive = false;  ///< A captive portal answered in its place.
  std::string reason;
  std::optional<Instant> next_action;
  std::optional<identity::PeerId> peer;  ///< Its identity, once it said hello.
  std::optional<IpAddress> observed;     ///< The address it sees us at, if it told.
};

}  // namespace turnpike::peer
