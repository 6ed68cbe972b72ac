// One connection of a libp2p host, as those who use it hold it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/host/connections.h"
#include "core/host/transport.h"
#include "core/identify/message.h"
#include "io/channel/link.h"
#include "io/loop/event.h"

namespace turnpike::io {

struct HostState;

/// One connection whose peer has proved who it is. Shared by the host and whoever uses it; it may end at any time, and
/// every operation then fails.
class HostConnection {
 public:
  HostConnection(std::weak_ptr<HostState> host, asio::any_io_executor loop, host::ConnectionId id, Endpoint remote,
                 host::Direction direction, path::Found found, host::Transport transport);
  ~HostConnection();
  HostConnection(const HostConnection&) = delete;
  HostConnection& operator=(const HostConnection&) = delete;

  [[nodiscard]] host::ConnectionId id() const { return id_; }
  [[nodiscard]] const identity::PeerId& peer() const { return *peer_; }
  [[nodiscard]] const Endpoint& remote() const { return remote_; }
  [[nodiscard]] host::Direction direction() const { return direction_; }
  [[nodiscard]] path::Found found() const { return found_; }
  [[nodiscard]] host::Transport transport() const { return transport_; }
  /// What it told of itself, once it has.
  [[nodiscard]] const std::optional<identify::Info>& info() const { return info_; }
  [[nodiscard]] std::optional<Duration> round_trip() const;
  [[nodiscard]] bool is_open() const;

  [[nodiscard]] Link& link() { return *link_; }
  /// As Link::open.
  [[nodiscard]] std::unique_ptr<LinkStream> open(std::string_view protocol);
  /// Ends when the connection has ended, and all that answered its streams.
  [[nodiscard]] asio::awaitable<channel::CloseReason> closed();
  /// Ends when identify has come to an end, well or not.
  [[nodiscard]] asio::awaitable<void> identified();
  void close();

  /// While one lives, the connection is not closed for being idle.
  class Use {
   public:
    explicit Use(std::shared_ptr<HostConnection> connection) : connection_(std::move(connection)) {
      ++connection_->uses_;
    }
    ~Use() {
      if (connection_) --connection_->uses_;
    }
    Use(Use&& other) noexcept : connection_(std::move(other.connection_)) {}
    Use& operator=(Use&&) = delete;
    HostConnection* operator->() const { return connection_.get(); }
    HostConnection& operator*() const { return *connection_; }

   private:
    std::shared_ptr<HostConnection> connection_;
  };

 private:
  friend struct HostState;

  std::weak_ptr<HostState> host_;
  host::ConnectionId id_;
  Endpoint remote_;
  host::Direction direction_;
  path::Found found_;
  host::Transport transport_;
  std::optional<identity::PeerId> peer_;
  std::optional<identify::Info> info_;
  std::unique_ptr<Link> link_;
  Event decided_;     // admitted, refused or failed
  Event identified_;  // or never to be
  Event ended_;
  bool admitted_ = false;
  std::string failure_;  // why it was not admitted
  channel::CloseReason reason_ = channel::CloseReason::kConnectionLost;
  std::size_t uses_ = 0;
  Instant used_;
};

}  // namespace turnpike::io
