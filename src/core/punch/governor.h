// How many packets and NAT entries punching may cost, over all peers together: so that no home router is harmed, and
// nobody is hit through us.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include "base/endpoint.h"
#include "base/time.h"

namespace turnpike::punch {

struct GovernorLimits {
  std::size_t entries_per_minute = 2048;  ///< Different (socket, remote endpoint) pairs: each is an entry in our NAT.
  std::size_t probes_per_minute = 6000;
  std::size_t unanswered = 64;              ///< Towards one address that never answered,
  std::size_t unanswered_witnessed = 1536;  ///< and where a witness saw the peer itself at that address.
};

/// Addresses whose unanswered probes are counted. When it is full, no further address is probed until one is forgotten.
constexpr std::size_t kMaxGoverned = 1024;
/// After so long without a probe an address is forgotten.
constexpr Duration kGovernedFor = std::chrono::minutes(10);

/// A pure policy: ask before every probe.
class Governor {
 public:
  explicit Governor(const GovernorLimits& limits = {}) : limits_(limits) {}

  enum class Verdict : std::uint8_t {
    kSend,
    kWait,  ///< Not in this minute.
    kStop,  ///< That address has had its share without an answer.
  };
  /// Counts the probe when it says kSend. `socket` tells our sockets apart.
  [[nodiscard]] Verdict ask(Instant now, std::uint32_t socket, const Endpoint& to, bool witnessed);
  /// The address answered a probe, which only who received it can: it is a peer's, and owes nothing.
  void handle_answer(const IpAddress& from);

  /// When kWait may have become kSend.
  [[nodiscard]] Instant next_minute() const { return minute_ends_; }
  [[nodiscard]] std::size_t entries_this_minute() const { return entries_.size(); }
  [[nodiscard]] std::size_t probes_this_minute() const { return probes_; }
  [[nodiscard]] std::uint64_t entries_made() const { return entries_made_; }
  [[nodiscard]] std::uint64_t probes_sent() const { return probes_sent_; }

 private:
  struct Address {
    std::size_t unanswered = 0;
    Instant last;
  };

  void turn_minute(Instant now);

  GovernorLimits limits_;
  Instant minute_ends_{};
  std::set<std::pair<std::uint32_t, Endpoint>> entries_;
  std::size_t probes_ = 0;
  std::uint64_t entries_made_ = 0;
  std::uint64_t probes_sent_ = 0;
  std::map<IpAddress, Address> addresses_;
};

}  // namespace turnpike::punch
