// Who is there, for old nodes: /health /stats /register /heartbeat /peers and the like
// (docs/protocols/legacy-bootstrap.md).
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include "base/random.h"
#include "bootstrap/brain.h"
#include "bootstrap/legacy.h"
#include "io/http/server.h"

namespace turnpike::bootstrap {

constexpr std::size_t kMaxSignedInAnswer = 500;     ///< Turnpike peers in one answer to GET /peers,
constexpr std::size_t kMaxUnsignedInAnswer = 500;   ///< and old nodes; of more, others each time.
constexpr std::size_t kMaxStoresInAnswer = 10'000;  ///< Of each of the two.
constexpr std::size_t kMaxStoresOfOneInAnswer = 2'000;
constexpr std::size_t kMaxProbes = 16;  ///< Old nodes whose HTTP is being looked for.
constexpr Duration kProbeTime = std::chrono::seconds(5);

/// All arguments must outlive the server that it adds routes to, and live until the loop has run out.
class LegacyDirectory {
 public:
  LegacyDirectory(asio::any_io_executor loop, Brain& brain, Legacy& legacy, const Facts& facts, Random& random);
  LegacyDirectory(const LegacyDirectory&) = delete;
  LegacyDirectory& operator=(const LegacyDirectory&) = delete;

  void add_routes(io::http::Server& server);

 private:
  using Request = io::http::Request;
  using Response = io::http::Response;

  [[nodiscard]] Response health();
  [[nodiscard]] Response stats();
  [[nodiscard]] Response enroll(const Request& request);
  [[nodiscard]] Response heartbeat(const Request& request);
  [[nodiscard]] Response peers(const Request& request);
  [[nodiscard]] Response turn_servers(const Request& request);
  [[nodiscard]] Response claim_turn(const Request& request);
  [[nodiscard]] Response allocate(const Request& request);
  [[nodiscard]] Response cost_stats();

  [[nodiscard]] std::optional<Response> charge(const Request& request, std::uint32_t cost);
  [[nodiscard]] std::uint32_t list_cost(bool with_stores) const;
  [[nodiscard]] dig::HealthAnswer facts_now();
  [[nodiscard]] dig::Census census(std::uint64_t expired_before) const;
  [[nodiscard]] std::vector<dig::PeerRecord> signed_peers(const Request& request, bool with_stores);
  [[nodiscard]] std::vector<dig::PeerRecord> unsigned_peers(bool with_stores);
  [[nodiscard]] std::optional<dig::PeerRecord> ourselves(const Request& request,
                                                         std::vector<store::StoreId> relayed) const;
  void probe(const identity::PeerId& peer);
  [[nodiscard]] asio::awaitable<void> look_for(identity::PeerId peer, Endpoint http);

  asio::any_io_executor loop_;
  Brain& brain_;
  Legacy& legacy_;
  const Facts& facts_;
  Random& random_;
  std::size_t probing_ = 0;
};

}  // namespace turnpike::bootstrap
