#include "core/contacts/shelf.h"

#include <algorithm>

#include "core/kad/realm.h"

namespace turnpike::contacts {

void Shelf::handle_record(Instant now, const identity::PeerId& peer, const IpAddress& seen, Bytes envelope,
                          std::uint64_t signed_ms, std::vector<multiaddr::Multiaddr> addresses) {
  std::erase_if(records_,
                [&](const auto& entry) { return entry.second.gone && now >= *entry.second.gone + kFirstHand; });
  // A peer's addresses are its own word: those nearer than where it stands are of no use to anybody else either.
  addresses = kad::passing(addresses, seen, identity::AnyPeerId(peer));
  if (envelope.size() > kMaxEnvelope || addresses.empty()) {
    records_.erase(peer);
    return;
  }
  if (!records_.contains(peer) && records_.size() >= kMaxShelf) {
    auto oldest = records_.end();
    for (auto at = records_.begin(); at != records_.end(); ++at) {
      if (at->second.gone && (oldest == records_.end() || *at->second.gone < *oldest->second.gone)) oldest = at;
    }
    if (oldest == records_.end()) return;
    records_.erase(oldest);
  }
  records_[peer] = Record{std::move(envelope), seen, signed_ms, std::move(addresses), std::nullopt};
}

void Shelf::handle_gone(Instant now, const identity::PeerId& peer) {
  const auto at = records_.find(peer);
  if (at != records_.end()) at->second.gone = now;
}

std::vector<Bytes> Shelf::pick(Now now, const identity::PeerId& asker, const IpAddress& at, Random& random) const {
  std::vector<const Record*> fit;
  for (const auto& [peer, record] : records_) {
    const bool is_fresh = !record.gone || now.mono < *record.gone + kFirstHand;
    const bool is_old = record.signed_ms + kMaxRecordAgeMs < now.wall.unix_ms;
    if (!is_fresh || is_old || peer == asker) continue;
    // The envelope holds all of its addresses: a neighbour's private ones go to neighbours alone.
    const auto told = kad::passing(record.addresses, at, identity::AnyPeerId(peer));
    if (told.size() == record.addresses.size()) fit.push_back(&record);
  }
  std::vector<Bytes> out;
  while (!fit.empty() && out.size() < kMaxIntroductions) {
    const auto which = static_cast<std::ptrdiff_t>(random.below(fit.size()));
    out.push_back(fit[static_cast<std::size_t>(which)]->envelope);
    fit.erase(fit.begin() + which);
  }
  return out;
}

}  // namespace turnpike::contacts
