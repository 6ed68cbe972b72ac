// Whom each of our ports has been sending to of its own accord: what comes in from there proves nothing, because a NAT
// or firewall lets answers in.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <vector>

#include "base/endpoint.h"
#include "base/time.h"
#include "core/rendezvous/service.h"

namespace turnpike::reach {

/// A NAT may keep an unused mapping so long (RFC 4787 REQ-5 asks for 5 minutes, RFC 5382 for 2 h 4 min of a
/// connection).
constexpr Duration kSentToMemory = std::chrono::hours(2) + std::chrono::minutes(4);
constexpr std::size_t kMaxSentTo = 4096;  ///< Addresses remembered for one kind; the oldest goes first.

/// Filters are per port and remote address at the finest (RFC 4787 §5), so that is what is remembered: answering what
/// came in first opens nothing, and a connection out of another port opens another hole.
class SentTo {
 public:
  void note(Instant now, rendezvous::ServiceKind from, const IpAddress& to);
  [[nodiscard]] bool contains(Instant now, rendezvous::ServiceKind from, const IpAddress& to) const;
  /// The latest first, at most `limit`.
  [[nodiscard]] std::vector<IpAddress> latest(Instant now, rendezvous::ServiceKind from, std::size_t limit) const;
  [[nodiscard]] std::size_t size(rendezvous::ServiceKind from) const;

 private:
  struct Book {
    std::map<IpAddress, Instant> last;
    std::deque<std::pair<Instant, IpAddress>> order;  // may hold an address again; the map says which counts
  };
  std::map<rendezvous::ServiceKind, Book> books_;
};

}  // namespace turnpike::reach
