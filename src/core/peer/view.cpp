#include "core/peer/view.h"

#include <algorithm>

namespace turnpike::peer {

PeerView view_of(const identity::PeerId& peer, path::FoundSet found, const path::Ladder& ladder) {
  PeerView view{.peer = peer,
                .found = found,
                .tcp = ladder.direct_endpoints(),
                .http = ladder.endpoints(),
                .rungs = ladder.view(),
                .state = {},
                .reason = ladder.reason()};
  switch (ladder.standing()) {
    case path::Standing::kIdle:
      view.state = "idle";
      break;
    case path::Standing::kTrying:
      view.state = "racing";
      break;
    case path::Standing::kWaiting:
    case path::Standing::kNoWay:
      view.state = "unreachable";
      break;
    case path::Standing::kOpen: {
      const auto open =
          std::find_if(view.rungs.begin(), view.rungs.end(), [](const RungView& rung) { return rung.state == "open"; });
      view.state = open == view.rungs.end() ? "racing" : std::string(path::name_of(open->rung));
      break;
    }
  }
  return view;
}

std::string words_of(const rendezvous::RelayDenied& denied) {
  std::string text = "the bootstrap grants no session: ";
  switch (denied.reason) {
    case relay::RefusalReason::kSelf:
      text += "it is ourselves";
      break;
    case relay::RefusalReason::kFull:
      text += "it is full";
      break;
    case relay::RefusalReason::kPeerLimit:
      text += "too many sessions of one peer";
      break;
    case relay::RefusalReason::kNetworkLimit:
      text += "too many sessions of our network";
      break;
    case relay::RefusalReason::kTargetOffline:
      text += "the peer is not connected there";
      break;
    case relay::RefusalReason::kTooFast:
      text += "we ask too fast";
      break;
    case relay::RefusalReason::kTier:
      text += budget::words_of(budget::Refused::kSessions);
      break;
    case relay::RefusalReason::kCheaperFirst:
      text += budget::words_of(budget::Refused::kCheaperFirst);
      break;
    case relay::RefusalReason::kPremiumOnly:
      text += budget::words_of(budget::Refused::kPremiumOnly);
      break;
    case relay::RefusalReason::kFinishQuotes:
      text += budget::words_of(budget::Refused::kFinishQuotes);
      break;
    case relay::RefusalReason::kSpent:
      text += budget::words_of(budget::Refused::kSpent);
      break;
    case relay::RefusalReason::kShare:
      text += budget::words_of(budget::Refused::kShare);
      break;
    case relay::RefusalReason::kLedger:
      text += budget::words_of(budget::Refused::kLedger);
      break;
  }
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(denied.retry_after).count();
  if (seconds > 0) text += "; it says to ask again after " + std::to_string(seconds) + " s";
  if (!denied.suggestion.empty()) text += "; it suggests: " + denied.suggestion;
  return text;
}

std::vector<PeerView> view_of(const path::Paths& paths, const std::map<identity::PeerId, std::size_t>& stores) {
  std::vector<PeerView> out;
  for (const auto& [peer, ladder] : paths.ladders()) {
    PeerView view = view_of(peer, paths.found(peer), ladder);
    if (const auto count = stores.find(peer); count != stores.end()) view.stores = count->second;
    view.serving = paths.serving(peer);
    out.push_back(std::move(view));
  }
  return out;
}

}  // namespace turnpike::peer
