// Asks one NAT-PMP router for mappings (RFC 6886): retransmits, believes only that router, notices its restarts.
#pragma once

#include <deque>
#include <optional>

#include "base/machine.h"
#include "core/portmap/epoch.h"
#include "core/portmap/lane.h"
#include "core/portmap/nat_pmp.h"

namespace turnpike::portmap {

/// §3.1: the first wait is 250 ms, each next one twice as long, and after the ninth request (128 s) nobody is there.
constexpr Duration kNatPmpFirstWait = std::chrono::milliseconds(250);
constexpr unsigned kNatPmpMaxRequests = 9;

class NatPmpClient final : public Lane {
 public:
  using Event = LaneEvent;

  explicit NatPmpClient(const IpAddress& gateway) : server_{gateway, nat_pmp::kServerPort} {}

  void probe(Instant now) override;
  void ask(Instant now, const Ask& ask) override;
  /// Answers, and the router's announcements, whichever socket they came to. Whatever is not from the router's own
  /// port, or answers nothing that was asked, changes nothing.
  void handle_datagram(Instant now, const Endpoint& from, ByteView datagram);
  void handle_timeout(Instant now) override;
  [[nodiscard]] std::optional<Transmit> poll_transmit();
  [[nodiscard]] std::optional<LaneEvent> poll_event() override;
  [[nodiscard]] std::optional<Instant> poll_timeout() const override;

 private:
  struct Question {
    std::optional<Ask> ask;  ///< None: the external address.
    Bytes request;
    Instant resend;
    Duration wait;
    unsigned sent = 1;
    unsigned empty_grants = 0;
  };

  void open(Instant now, std::optional<Ask> ask, const nat_pmp::Request& request);
  void take_nonsense(ByteView datagram);
  void take(const nat_pmp::AddressAnswer& answer);
  void take(const nat_pmp::MapAnswer& answer);
  void refuse(nat_pmp::Code code, const nat_pmp::ErrorAnswer& answer);
  [[nodiscard]] bool answers(const nat_pmp::ErrorAnswer& answer) const;

  Endpoint server_;
  std::optional<Question> open_;
  std::optional<Transmit> out_;
  std::deque<LaneEvent> events_;
  EpochWatch epoch_{EpochRule::kNatPmp};
  std::optional<IpAddress> external_;
  bool heard_nonsense_ = false;
};

}  // namespace turnpike::portmap
