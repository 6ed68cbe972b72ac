// The control WebSockets to the configured bootstraps: opened, fed and closed as the brain says.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/captive/verdict.h"
#include "io/dial/dialer.h"
#include "io/websocket/websocket.h"

namespace turnpike::node {

namespace asio = boost::asio;

/// Bootstraps by their index in the configuration.
class LinkEvents {
 public:
  virtual ~LinkEvents() = default;
  virtual void link_up(std::size_t bootstrap) = 0;
  virtual void link_down(std::size_t bootstrap, std::string_view reason) = 0;
  /// After link_down, if the bootstrap was not heard at all: who answers in its place.
  virtual void link_judged(std::size_t bootstrap, const captive::Verdict& verdict) = 0;
  virtual void link_message(std::size_t bootstrap, ByteView message) = 0;
  /// The answer to show(): the bootstrap sees us there.
  virtual void link_seen(std::size_t bootstrap, const IpAddress& observed) = 0;
};

/// What a TLS bootstrap must prove: one of `pins`, or, without any, a certificate the system trusts.
[[nodiscard]] std::optional<io::TlsClientContext> client_tls(const io::Url& bootstrap,
                                                             const std::vector<std::string>& pins);

/// Lives on the loop, and until it has run out: connections report to `events` as they end.
class Links {
 public:
  Links(asio::any_io_executor loop, std::vector<io::Url> bootstraps, std::vector<std::string> pins, io::Dialer& dialer,
        LinkEvents& events);

  /// Ends in link_up, or in link_down with the reason in words.
  void connect(std::size_t bootstrap);
  /// link_down follows, unless it was down.
  void close(std::size_t bootstrap);
  /// Whatever is not connected drops it: the brain is told by link_down.
  void send(std::size_t bootstrap, Bytes message);
  /// Posts `statement` to an address of that family, if the bootstrap has one, straight and not through a proxy. Ends
  /// in link_seen or in nothing.
  void show(std::size_t bootstrap, IpAddress::Family family, Bytes statement);
  void close_all();
  /// The road of the connection that is up.
  [[nodiscard]] std::optional<connect::Road> road(std::size_t bootstrap) const;

 private:
  struct Link {
    io::Url url;
    std::uint64_t attempt = 0;  ///< Of the connection that may report; one that was closed and replaced may not.
    std::shared_ptr<io::WebSocket> socket;
    connect::Road road = connect::Road::kDirect;
    bool wanted = false;
    bool looking = false;
  };

  [[nodiscard]] asio::awaitable<void> run(std::size_t bootstrap, std::uint64_t attempt);
  [[nodiscard]] asio::awaitable<void> look(std::size_t bootstrap, std::uint64_t attempt);
  [[nodiscard]] asio::awaitable<void> show_to(std::size_t bootstrap, std::uint64_t attempt, IpAddress::Family family,
                                              Bytes statement);
  void down(std::size_t bootstrap, std::uint64_t attempt, std::string_view reason);

  asio::any_io_executor loop_;
  std::vector<Link> links_;
  std::vector<std::string> pins_;
  io::Dialer& dialer_;
  LinkEvents& events_;
};

}  // namespace turnpike::node
