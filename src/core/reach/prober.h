// What a node does for others: sends a nonce where a bootstrap asks it to, within limits of its own, so that no
// bootstrap can make it a nuisance.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "core/rendezvous/limiter.h"
#include "core/rendezvous/proof.h"

namespace turnpike::reach {

constexpr std::size_t kMaxDials = 8;  ///< Under way, for all bootstraps together.
constexpr rendezvous::Rate kDialRate{.per_second = 2, .burst = 8};
constexpr rendezvous::Rate kHostDialRate{.per_second = 1, .burst = 12};  ///< Towards one address or /64.
constexpr std::uint16_t kLowestPort =
    1024;  ///< Below it only 80 and 443 are dialled: no mail or name server is bothered.

/// Send the nonce to that service → handle_dialled.
struct Dial {
  std::uint64_t id = 0;
  rendezvous::Service target;
  rendezvous::ProofNonce nonce{};
};
struct Report {
  std::size_t bootstrap = 0;
  std::uint64_t number = 0;
  rendezvous::ProbeOutcome outcome{};
};

class Prober {
 public:
  /// Our own addresses, as we and as bootstraps see them: nothing in their networks is dialled.
  void set_own(std::vector<IpAddress> own) { own_ = std::move(own); }

  /// From a bootstrap we are linked to, and from nobody else.
  void handle_order(Instant now, std::size_t bootstrap, std::uint64_t number, const rendezvous::Service& target,
                    const rendezvous::ProofNonce& nonce);
  void handle_dialled(Instant now, std::uint64_t id, rendezvous::ProbeOutcome outcome);
  void handle_link_down(std::size_t bootstrap);
  void handle_timeout(Instant now);

  [[nodiscard]] std::optional<Dial> poll_dial();
  [[nodiscard]] std::optional<Report> poll_report();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  [[nodiscard]] std::size_t dials() const { return dials_.size(); }

 private:
  struct Open {
    std::size_t bootstrap = 0;
    std::uint64_t number = 0;
    Instant deadline;  // a shell that never answers does not hold the place for ever
  };

  [[nodiscard]] bool may_dial(Instant now, const rendezvous::Service& target);

  std::vector<IpAddress> own_;
  rendezvous::TokenBucket rate_;
  rendezvous::KeyedLimiter<IpAddress> hosts_{kHostDialRate, 1024};
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, Open> dials_;
  std::deque<Dial> wanted_;
  std::deque<Report> reports_;
};

}  // namespace turnpike::reach
