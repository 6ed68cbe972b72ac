// A node in the world: the real peer::Peer, with a simulated disk, simulated connections, and a fetcher that checks
// every piece against the real hash tree. Watches the promises the brain makes its shell.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/peer/peer.h"
#include "sim/bootstrap_host.h"
#include "sim/disk.h"
#include "sim/library.h"
#include "sim/source.h"

namespace turnpike::sim {

class NodeHost;

/// Whom a node can meet: the bootstraps it was configured with, and whoever listens at an endpoint.
struct Neighbourhood {
  std::vector<BootstrapHost*> bootstraps;
  std::map<Endpoint, NodeHost*> listening;
  Doors doors;
};

constexpr std::uint16_t kHttpPort = 5001;

struct NodeConfig {
  std::vector<path::Rung> rungs{path::kAllRungs.begin(), path::kAllRungs.end()};
  sync::SyncMode sync = sync::SyncMode::kAll;
  Honesty honesty = Honesty::kHonest;
};

class NodeHost final : public ControlEnd, public RelayEnd, public ProofEnd, public Source {
 public:
  NodeHost(World& world, Home& home, Neighbourhood& neighbourhood, const Library& library, NodeConfig config);

  // What the scenario does to it.
  void start();
  void kill(bool power_too);  ///< kill -9, or the power is lost. Connections break; the disk keeps what it keeps.
  void put(const Original& original);  ///< A file appears in its folder.
  /// It will announce these bytes, whatever it has.
  void pretend(const store::StoreId& store, const store::Content& content);
  void set_honesty(Honesty honesty) { config_.honesty = honesty; }

  // What the scenario sees of it.
  [[nodiscard]] const std::string& name() const { return home_.name; }
  [[nodiscard]] peer::Peer& brain() { return *brain_; }
  [[nodiscard]] const peer::Peer& brain() const { return *brain_; }
  /// For verbs: `verb` gets the brain and the time; what it then wants is done.
  template <class Verb>
  void tell(Verb verb) {
    verb(*brain_, world_.now());
    pump();
  }
  [[nodiscard]] Disk& disk() { return disk_; }
  [[nodiscard]] identity::PeerId id() const { return {key_.public_key()}; }
  [[nodiscard]] bool has(const Original& original) const;
  [[nodiscard]] std::uint64_t wire_bytes() const { return wire_bytes_; }  ///< Of content, as they arrived.
  [[nodiscard]] std::uint64_t pieces_written() const { return pieces_written_; }
  [[nodiscard]] const peer::BytesByRung& bytes_by_rung() const { return bytes_by_rung_; }  ///< Over all its lives.

  void link_up(std::uint64_t link) override;
  void link_down(std::uint64_t link, std::string_view reason) override;
  void link_message(std::uint64_t link, const Bytes& message) override;
  void relay_ready(std::uint64_t leg, Duration rtt) override;
  void relay_closed(std::uint64_t leg, bool quote_spent) override;
  void nonce_arrived(rendezvous::ServiceKind at, const rendezvous::ProofNonce& nonce, const IpAddress& from) override;
  Source& relay_source() override { return *this; }
  Home& home() override { return home_; }
  bool is_running() const override { return brain_ != nullptr; }
  std::uint64_t incarnation() const override { return incarnation_; }
  Answer answer(const sync::Target& target, std::uint32_t piece) override;

 private:
  struct Path {
    path::Rung rung = path::Rung::kHttp;
    path::Role role = path::Role::kInitiator;
    NodeHost* server = nullptr;          // http
    std::uint64_t server_life = 0;       // its incarnation
    BootstrapHost* bootstrap = nullptr;  // relay
    std::uint64_t leg = 0;
    bool open = false;
  };
  struct Fetch {
    path::PathId path;
    sync::Target target;
    std::vector<std::uint32_t> pieces;
    std::size_t next = 0;  // to be sent by the source
    std::size_t delivered = 0;
    std::uint64_t wire = 0;
    bool cancelled = false;
  };

  void pump();
  void arm();
  void later(Duration delay, std::function<void()> what);  // unless it is killed before

  void execute(const peer::ConnectBootstrap& command);
  void execute(const peer::ShowElsewhere& /*command*/) {}  // hosts here have one family
  void execute(const peer::CloseBootstrap& command);
  void execute(const peer::SendToBootstrap& command);
  void execute(const peer::OpenPath& command);
  void execute(const peer::ClosePath& command);
  /// Nobody relays by TURN here yet, so these do not come but in answer to a forged signal.
  void execute(const peer::MeasureServer& command);
  void execute(const peer::MeasureNat&) {}  // nothing is open for UDP here, so nothing of it is asked
  void execute(const peer::StartPunch&) {}
  void execute(const peer::OpenTurnSession& command);
  void execute(const peer::DialBack& command);
  void execute(const peer::Probe& command);
  void execute(const peer::LookUp&) {}  // there is no DHT in here: core/kad/node_network.h has one
  void execute(const peer::OpenPartial& command);
  void execute(const peer::StartFetch& command);
  void execute(const peer::CancelFetch& command);
  void execute(const peer::Commit& command);
  void execute(const peer::ReleasePartial& command);

  void open_http(const peer::OpenPath& command, const Endpoint& endpoint, path::Rung rung);
  void open_relay(const peer::OpenPath& command, const path::RelayTarget& target);
  void path_gone(path::PathId path, path::PathEnd end);
  Source* source_of(const Path& path);
  void serve_next(sync::FetchId id);
  void receive(sync::FetchId id, std::uint32_t piece, const Answer& answer);
  void end_fetch(sync::FetchId id, sync::FetchEnd end);
  bool check_layer(const sync::Target& target, const std::vector<Digest>& layer);
  void tell_catalogue();
  std::optional<std::size_t> index_of(std::uint64_t link) const;

  World& world_;
  Home& home_;
  Neighbourhood& neighbourhood_;
  const Library& library_;
  NodeConfig config_;
  crypto::SigningKey key_;
  Disk disk_;
  std::map<store::StoreId, store::Content> pretended_;
  std::unique_ptr<peer::Peer> brain_;
  std::uint64_t last_sequence_ = 0;
  std::uint64_t incarnation_ = 0;
  std::vector<std::optional<std::uint64_t>> links_;  // by bootstrap
  std::map<path::PathId, Path> paths_;
  std::map<sync::FetchId, Fetch> fetches_;
  std::map<sync::Target, std::vector<Digest>> layers_;
  std::optional<Instant> armed_;
  bool pumping_ = false;
  std::uint64_t wire_bytes_ = 0;
  std::uint64_t pieces_written_ = 0;
  peer::BytesByRung bytes_by_rung_{};
  crypto::LeafHasher hasher_;
};

}  // namespace turnpike::sim
