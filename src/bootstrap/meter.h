// What one relay session may carry, and when: the ledger's word, turned into the pump's.
#pragma once

#include <array>
#include <functional>
#include <optional>

#include "core/relay/sessions.h"
#include "io/websocket/pump.h"

namespace turnpike::bootstrap {

/// Charges each stretch of bytes once, and holds it back for as long as the ledger says, however often the pump asks
/// meanwhile.
class Meter {
 public:
  /// Sessions::take of the session that is metered.
  using Take = std::function<relay::Allowance(Now now, std::size_t bytes, relay::Side from)>;

  explicit Meter(Take take) : take_(std::move(take)) {}

  [[nodiscard]] io::PumpVerdict ask(Now now, io::PumpSide side, std::size_t bytes) {
    std::optional<Instant>& resting = resting_[static_cast<std::size_t>(side)];
    if (!resting) {
      const bool is_initiator = side == io::PumpSide::kFirstToSecond;
      const relay::Allowance allowance =
          take_(now, bytes, is_initiator ? relay::Side::kInitiator : relay::Side::kResponder);
      if (allowance.ask_again) return io::PumpVerdict::wait_for(allowance.rest);  // nothing was charged
      if (!allowance.allowed) return io::PumpVerdict::stop();
      resting = now.mono + allowance.rest;
    }
    if (now.mono < *resting) return io::PumpVerdict::wait_for(*resting - now.mono);
    resting.reset();
    return io::PumpVerdict::pass();
  }

 private:
  Take take_;
  std::array<std::optional<Instant>, 2> resting_{};  // by side: until when the stretch that was charged waits
};

}  // namespace turnpike::bootstrap
