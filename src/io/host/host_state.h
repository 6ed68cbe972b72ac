// The inside of a host, shared by the .cpp files of this module.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "core/channel/secure_channel.h"
#include "core/identify/message.h"
#include "core/multiaddr/multiaddr.h"
#include "io/channel/wake.h"
#include "io/host/host_connection.h"
#include "io/host/host_settings.h"
#include "io/loop/event.h"
#include "io/quic/quic_host.h"
#include "io/tcp/tcp.h"
#include "io/udp/udp_socket.h"

namespace turnpike::io {

using Connection = std::shared_ptr<HostConnection>;

/// One call of dial(), which later ones to the same peer wait for.
struct HostDial {
  explicit HostDial(const asio::any_io_executor& loop) : changed(loop) {}

  Event changed;
  std::vector<Connection> attempts;
  Connection winner;
  std::size_t running = 0;
  HostDialFailure last{HostDialError::kNoAddress, "it has told no address"};
  bool over = false;
};

struct HostState : std::enable_shared_from_this<HostState> {
  struct Service {
    HostHandler handler;
    host::ProtocolOptions options;
  };

  HostState(asio::any_io_executor executor, const HostSettings& given, Random& dice, HostEvents* who)
      : loop(std::move(executor)),
        settings(given),
        random(dice),
        events(who),
        table({given.identity->public_key()}, given.limits) {}

  void start();
  template <class Work>
  void spawn(Work work) {
    asio::co_spawn(loop, std::move(work), [](const std::exception_ptr& thrown) {
      if (thrown) std::rethrow_exception(thrown);  // our own bug: nothing catches it
    });
  }

  [[nodiscard]] channel::Config channel_config(host::Direction direction,
                                               const std::optional<identity::PeerId>& expected) const;
  [[nodiscard]] std::optional<Bytes> identify_message(const HostConnection& to) const;
  [[nodiscard]] identify::Self self() const;
  /// Null when the table has no room for it.
  Connection begin(const Endpoint& remote, host::Direction direction, path::Found found,
                   host::Transport transport = host::Transport::kTcp);
  [[nodiscard]] Link::OnStream answering(const Connection& connection);
  Link::OnStream accept_quic(std::unique_ptr<QuicLink> link);
  void start_quic(const Connection& connection, const std::optional<identity::PeerId>& expected);
  void start_link(const Connection& connection, std::unique_ptr<BytePipe> pipe,
                  const std::optional<identity::PeerId>& expected);
  void note_who_was_heard(const identity::PeerId& newcomer);
  void close_what_must();
  void push_later();
  void sweep();

  static asio::awaitable<void> accept_all(std::shared_ptr<HostState> self, TcpListener* listener);
  static asio::awaitable<void> live(std::shared_ptr<HostState> self, Connection connection);
  static asio::awaitable<void> answer(std::shared_ptr<HostState> self, Connection connection,
                                      std::unique_ptr<LinkStream> stream);
  static asio::awaitable<void> ask_identity(std::shared_ptr<HostState> self, Connection connection);
  static asio::awaitable<void> hear_push(std::shared_ptr<HostState> self, Connection connection,
                                         std::unique_ptr<LinkStream> stream);
  static asio::awaitable<void> tell_identity(std::shared_ptr<HostState> self, Connection connection,
                                             std::unique_ptr<LinkStream> stream);
  static asio::awaitable<void> push_all(std::shared_ptr<HostState> self);
  static asio::awaitable<void> push_to(std::shared_ptr<HostState> self, Connection connection);
  static asio::awaitable<void> attempt(std::shared_ptr<HostState> self, std::shared_ptr<HostDial> dial,
                                       host::DialAddress to, std::optional<identity::PeerId> expected,
                                       path::Found found);
  static asio::awaitable<void> decide(std::shared_ptr<HostDial> dial, Connection connection, std::string where);
  static asio::awaitable<void> race(std::shared_ptr<HostState> self, std::shared_ptr<HostDial> dial,
                                    std::vector<host::DialAddress> addresses, std::optional<identity::PeerId> expected,
                                    path::Found found, Duration time);
  static asio::awaitable<void> attempt_back(std::shared_ptr<HostState> self, std::shared_ptr<HostDial> dial,
                                            identity::PeerId expected, Endpoint to);
  static asio::awaitable<void> sweep_all(std::shared_ptr<HostState> self);

  asio::any_io_executor loop;
  HostSettings settings;
  Random& random;
  HostEvents* events;
  host::Registry registry;
  std::map<std::string, Service, std::less<>> services;
  host::Connections table;
  std::map<host::ConnectionId, Connection> live_;
  std::map<identity::PeerId, std::shared_ptr<HostDial>> dials;
  std::vector<std::unique_ptr<TcpListener>> listeners;
  std::uint16_t port = 0;
  std::unique_ptr<UdpSocket> udp;
  std::optional<QuicHost> quic;
  std::map<Endpoint, quic::CarrierId> holes;
  host::TransportMemory transports;
  std::vector<multiaddr::Multiaddr> addresses;
  std::uint64_t record_seq = 0;
  bool push_due = false;
  bool closing = false;
  Wake wake;  // who waits, to end
};

}  // namespace turnpike::io
