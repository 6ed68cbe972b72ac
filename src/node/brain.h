// Drives the node's brain: what the world did goes in, what the brain wants goes out to those who can do it.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "core/peer/peer.h"
#include "io/disk/catalogue.h"
#include "node/downloads.h"
#include "node/links.h"
#include "node/memory.h"
#include "node/paths.h"

namespace turnpike::node {

/// One thread's. Must outlive the loop's run.
class Brain final : public LinkEvents, public PathEvents, public DownloadEvents {
 public:
  Brain(asio::any_io_executor loop, peer::Config config, Random& random, Memory& memory);

  /// Whom the commands go to. Before anything else is called.
  void connect(Links& links, Paths& paths, Downloads& downloads);
  /// Who looks for stores beside the bootstraps; nobody at first.
  using LookUp = std::function<void(const std::vector<store::StoreId>&)>;
  void set_look_up(LookUp look_up) { look_up_ = std::move(look_up); }

  /// Who decides on sessions of our own TURN server, and who connects to a peer that asks for it.
  struct TurnHandlers {
    std::function<Result<turn::Opened, turn::RefusalReason>(const peer::OpenTurnSession&)> open_session;
    std::function<void(const peer::DialBack&)> dial_back;
  };
  void on_turn(TurnHandlers handlers) { turn_ = std::move(handlers); }

  /// Who punches on the UDP port.
  struct PunchHandlers {
    std::function<void()> measure;
    std::function<void(const peer::StartPunch&)> start;
  };
  void on_punch(PunchHandlers handlers) { punch_ = std::move(handlers); }

  [[nodiscard]] const peer::Peer& peer() const { return peer_; }
  /// `change` calls one of the brain's handle_* or verbs; what it then wants is done.
  void tell(const std::function<void(peer::Peer&, Now)>& change);
  /// `listener` is called, on the loop and never from within a call to this, when what may be told of our stores may
  /// have changed.
  void on_stores_changed(std::function<void()> listener) { stores_changed_ = std::move(listener); }
  void catalogue_event(const io::CatalogueEvent& event);
  void stop();

  void link_up(std::size_t bootstrap) override;
  void link_down(std::size_t bootstrap, std::string_view reason) override;
  void link_judged(std::size_t bootstrap, const captive::Verdict& verdict) override;
  void link_message(std::size_t bootstrap, ByteView message) override;
  void link_seen(std::size_t bootstrap, const IpAddress& observed) override;
  void path_open(path::PathId path, Duration rtt, const std::optional<IpAddress>& remote) override;
  void path_closed(path::PathId path, const path::PathFailure& failure) override;
  void partial_open(const sync::Target& target, const std::vector<bool>& verified) override;
  void partial_failed(const sync::Target& target, const sync::DiskFailure& failure) override;
  void piece_done(sync::FetchId fetch, std::uint32_t piece, std::uint64_t wire_bytes) override;
  void fetch_ended(sync::FetchId fetch, const sync::FetchOutcome& outcome) override;
  void committed(const sync::Target& target) override;
  void commit_failed(const sync::Target& target, const sync::DiskFailure& failure) override;
  void put_aside(const store::StoreId& store, const Result<std::string, io::DiskError>& name) override;
  /// Damaged files that could not be put aside, in words.
  [[nodiscard]] const std::map<store::StoreId, std::string>& damaged() const { return damaged_; }

 private:
  void on(const io::StoreRemoved& gone);
  void on_bytes(const sync::Target& target, const io::FileStamp& stamp, bool changed, bool is_rot);
  void repair(const sync::Target& target, const Memory::Fetched& fetched);
  void pump();
  void sleep();
  void execute(const peer::ConnectBootstrap& command) { links_->connect(command.index); }
  void execute(const peer::CloseBootstrap& command) { links_->close(command.index); }
  void execute(peer::SendToBootstrap& command) { links_->send(command.index, std::move(command.message)); }
  void execute(peer::ShowElsewhere& command) {
    links_->show(command.index, command.family, std::move(command.statement));
  }
  void execute(const peer::OpenPath& command) { paths_->open(command); }
  void execute(const peer::ClosePath& command) { paths_->close(command.path); }
  void execute(const peer::Probe& command);
  void execute(const peer::LookUp& command) {
    if (look_up_) look_up_(command.stores);
  }
  [[nodiscard]] asio::awaitable<void> probe(peer::Probe order);
  void execute(const peer::MeasureServer& command);
  [[nodiscard]] asio::awaitable<void> measure(peer::MeasureServer order);
  void execute(const peer::OpenTurnSession& command);
  void execute(const peer::DialBack& command) {
    if (turn_.dial_back) turn_.dial_back(command);
  }
  void execute(const peer::MeasureNat&) {
    if (punch_.measure) punch_.measure();
  }
  void execute(const peer::StartPunch& command) {
    if (punch_.start) punch_.start(command);
  }
  void execute(const peer::OpenPartial& command) { downloads_->open(command); }
  void execute(const peer::StartFetch& command) { downloads_->start(command); }
  void execute(const peer::CancelFetch& command) { downloads_->cancel(command); }
  void execute(const peer::Commit& command);
  void execute(const peer::ReleasePartial& command) { downloads_->release(command); }

  Random& random_;
  TurnHandlers turn_;
  PunchHandlers punch_;
  peer::Peer peer_;
  Memory& memory_;
  std::set<store::StoreId> committing_;
  std::map<store::StoreId, std::string> damaged_;
  asio::steady_timer timer_;
  std::optional<Instant> armed_;
  std::function<void()> stores_changed_;
  std::uint64_t stores_version_ = 0;
  bool pumping_ = false;
  bool stopped_ = false;
  LookUp look_up_;
  Links* links_ = nullptr;
  Paths* paths_ = nullptr;
  Downloads* downloads_ = nullptr;
};

}  // namespace turnpike::node
