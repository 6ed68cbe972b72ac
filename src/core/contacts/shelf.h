// The signed records of peers that we have met ourselves, of whom others may be told.
#pragma once

#include <map>
#include <vector>

#include "base/random.h"
#include "core/contacts/introduction.h"
#include "core/multiaddr/multiaddr.h"

namespace turnpike::contacts {

constexpr Duration kFirstHand =
    std::chrono::minutes(10);           ///< After its connection ended a peer is told of for so long.
constexpr std::size_t kMaxShelf = 512;  ///< Those gone longest make room.

class Shelf {
 public:
  /// `peer`, connected from `seen`, told this of itself: `envelope` is signed by it, which has been checked.
  void handle_record(Instant now, const identity::PeerId& peer, const IpAddress& seen, Bytes envelope,
                     std::uint64_t signed_ms, std::vector<multiaddr::Multiaddr> addresses);
  void handle_gone(Instant now, const identity::PeerId& peer);

  /// Whom `asker` at `at` is told of: at most kMaxIntroductions, any of those that are connected, or were a moment ago,
  /// and that it could reach; never itself. What others told us is not in here.
  [[nodiscard]] std::vector<Bytes> pick(Now now, const identity::PeerId& asker, const IpAddress& at,
                                        Random& random) const;
  [[nodiscard]] std::size_t size() const { return records_.size(); }

 private:
  struct Record {
    Bytes envelope;
    IpAddress seen;
    std::uint64_t signed_ms = 0;
    std::vector<multiaddr::Multiaddr> addresses;
    std::optional<Instant> gone;
  };
  std::map<identity::PeerId, Record> records_;
};

}  // namespace turnpike::contacts
