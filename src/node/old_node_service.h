// Answers old nodes over libp2p: /dig/1.0.0 and /dig-discovery/1.0.0 (docs/protocols/legacy-peer.md).
#pragma once

#include <functional>
#include <vector>

#include "base/random.h"
#include "core/dig/peer_answer.h"
#include "io/disk/catalogue.h"
#include "io/host/host.h"
#include "node/store_access.h"

namespace turnpike::node {

namespace asio = boost::asio;

constexpr std::size_t kOldStreams = 32;  ///< Of one of the two protocols over one connection.
/// For a request to be whole, and for an answer's reader to take a byte of it.
constexpr Duration kOldRequestTime = std::chrono::seconds(10);
constexpr Duration kOldStall = std::chrono::seconds(30);

/// What only the node's brain can tell: who else there is, and where we are.
struct OldNodeFacts {
  std::function<std::vector<dig::KnownPeer>(const dig::PeerRequest&)> peers;
  std::function<std::vector<Endpoint>()> http;
  std::function<bool()> is_reachable;
  std::function<std::optional<Endpoint>()> turn;
};

/// All references outlive the loop's run.
class OldNodeService {
 public:
  OldNodeService(const identity::PeerId& self, io::Catalogue& catalogue, Shared shared, OldNodeFacts facts,
                 Random& random)
      : self_(self), catalogue_(catalogue), shared_(std::move(shared)), facts_(std::move(facts)), random_(random) {}

  [[nodiscard]] asio::awaitable<void> serve(std::unique_ptr<io::LinkStream> stream, bool discovery);

 private:
  [[nodiscard]] asio::awaitable<bool> send_file(io::LinkStream& stream, const dig::FileAnswer& answer);
  [[nodiscard]] asio::awaitable<bool> send_inline(io::LinkStream& stream, const dig::InlineAnswer& answer);
  [[nodiscard]] dig::SelfView self_view(const dig::PeerRequest& request) const;
  [[nodiscard]] std::optional<std::uint64_t> size_of(const dig::PeerRequest& request) const;

  identity::PeerId self_;
  io::Catalogue& catalogue_;
  Shared shared_;
  OldNodeFacts facts_;
  Random& random_;
  dig::TurnSessions sessions_;
};

}  // namespace turnpike::node
