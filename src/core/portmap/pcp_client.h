// Asks one PCP router for mappings, or for holes in its IPv6 firewall (RFC 6887): retransmits, believes only that
// router and the nonce it sent, notices its restarts.
#pragma once

#include <deque>
#include <optional>

#include "base/machine.h"
#include "base/random.h"
#include "core/portmap/epoch.h"
#include "core/portmap/lane.h"
#include "core/portmap/pcp.h"

namespace turnpike::portmap {

/// §8.1.1: IRT, MRT; there is no last attempt. Each wait is off by up to a tenth, so that a house does not ask in step.
constexpr Duration kPcpFirstWait = std::chrono::seconds(3);
constexpr Duration kPcpLongestWait = std::chrono::seconds(1024);

class PcpClient final : public Lane {
 public:
  using Event = LaneEvent;

  /// `own` is the address the datagrams leave from, of `gateway`'s family. Nonces are made of `secret`, so that a node
  /// that was killed takes its mappings back when it is there again, while nobody else can take them away (§18.1).
  PcpClient(const IpAddress& gateway, const IpAddress& own, const Digest& secret, Random& random)
      : server_{gateway, pcp::kServerPort}, own_(own), secret_(secret), random_(&random) {}

  void probe(Instant now) override;
  void ask(Instant now, const Ask& ask) override;
  /// Answers, and the router's announcements, whichever socket they came to.
  void handle_datagram(Instant now, const Endpoint& from, ByteView datagram);
  void handle_timeout(Instant now) override;
  [[nodiscard]] std::optional<Transmit> poll_transmit();
  [[nodiscard]] std::optional<LaneEvent> poll_event() override;
  [[nodiscard]] std::optional<Instant> poll_timeout() const override;

 private:
  struct Question {
    std::optional<Ask> ask;  ///< None: an ANNOUNCE, which any PCP server answers.
    pcp::Nonce nonce{};
    Bytes request;
    Instant resend;
    Duration wait;
    unsigned empty_grants = 0;
  };

  [[nodiscard]] pcp::Nonce nonce_of(const Ask& ask) const;
  [[nodiscard]] Duration jittered(Duration wait);
  void open(Instant now, std::optional<Ask> ask, const pcp::Nonce& nonce, const pcp::Request& request);
  void take_announce(const pcp::Response& response);
  void take_map(const pcp::Response& response, const pcp::Map& map);
  void refuse(Refusal why, std::optional<Duration> again, std::string detail);

  Endpoint server_;
  IpAddress own_;
  Digest secret_;
  Random* random_;
  std::optional<Question> open_;
  std::optional<Transmit> out_;
  std::deque<LaneEvent> events_;
  EpochWatch epoch_{EpochRule::kPcp};
};

}  // namespace turnpike::portmap
