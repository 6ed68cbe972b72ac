// What connects the libp2p host with the node: stores are served over it, and the brain hears who is connected.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "io/channel/store_reader.h"
#include "io/channel/store_server.h"
#include "io/host/host.h"
#include "node/brain.h"

namespace turnpike::node {

/// Answers /turnpike/store/1 for every peer that asks over any connection of the host, with limits that are the peer's
/// (io/channel/store_server.h), however many connections it has.
class StoreService {
 public:
  /// Both outlive the loop's run. `upload` is shared by all that peers fetch from us.
  StoreService(io::StoreReader& reader, const io::Pace& upload) : reader_(reader), upload_(upload) {}

  [[nodiscard]] asio::awaitable<void> serve(std::shared_ptr<io::HostConnection> connection,
                                            std::unique_ptr<io::LinkStream> stream);
  /// Peers that are being served.
  [[nodiscard]] std::size_t peers() const { return servers_.size(); }

 private:
  io::StoreReader& reader_;
  const io::Pace& upload_;
  std::map<identity::PeerId, std::weak_ptr<io::StoreServer>> servers_;
};

/// Tells the brain of peers that come and go.
class PeerNews final : public io::HostEvents {
 public:
  /// `identified` is called whenever a peer has told who it is, or news; `gone` when its last connection has ended.
  PeerNews(Brain& brain, std::function<void(const std::shared_ptr<io::HostConnection>&)> identified,
           std::function<void(const identity::PeerId&)> gone)
      : brain_(brain), identified_(std::move(identified)), gone_(std::move(gone)) {}

  void peer_connected(const io::HostConnection& connection) override;
  void peer_identified(const std::shared_ptr<io::HostConnection>& connection) override;
  void peer_disconnected(const identity::PeerId& peer) override;
  /// A nonce that proves our port reachable comes as such a proposal (docs/protocols/proof.md).
  void strange_proposal(const Endpoint& from, const std::string& proposal) override;
  void dialling(const host::DialAddress& to) override;

 private:
  Brain& brain_;
  std::function<void(const std::shared_ptr<io::HostConnection>&)> identified_;
  std::function<void(const identity::PeerId&)> gone_;
};

}  // namespace turnpike::node
