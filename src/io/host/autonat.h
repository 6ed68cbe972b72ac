// AutoNAT v2 over a host: dials whoever asks to be tried, and asks others to try us (core/autonat).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "base/random.h"
#include "core/autonat/client.h"
#include "core/autonat/server.h"
#include "io/host/host.h"

namespace turnpike::io {

constexpr std::size_t kAutonatStreams = 2;  ///< Inbound, of either protocol over one connection.
constexpr std::size_t kMaxAsking = 4;       ///< Asks of ours under way.

struct AutonatResult {
  autonat::DialResponse response;
  /// Where the dial-back with our nonce came from, if it came. Only this is proof: the response is the server's word.
  std::optional<Endpoint> dialled_from;
};
enum class AutonatError : std::uint8_t {
  kBusy,    ///< kMaxAsking
  kStream,  ///< It does not speak it, or the stream broke.
  kProtocol,
  kTimeout,
};

/// All on the loop; all references outlive its run.
class Autonat {
 public:
  /// `own` gives our own addresses, which nobody has us dial.
  Autonat(Host& host, Random& random, std::function<std::vector<IpAddress>()> own)
      : host_(host), random_(random), own_(std::move(own)) {}

  /// From now on others are answered.
  void serve();
  /// Whether that peer can reach us at the first of these that it can dial.
  [[nodiscard]] asio::awaitable<Result<AutonatResult, AutonatError>> ask(std::shared_ptr<HostConnection> connection,
                                                                         std::vector<multiaddr::Multiaddr> addresses);

 private:
  [[nodiscard]] asio::awaitable<void> answer(std::shared_ptr<HostConnection> connection,
                                             std::unique_ptr<LinkStream> stream);
  [[nodiscard]] asio::awaitable<void> run_server(HostConnection& connection, LinkStream& stream, bool allowed);
  [[nodiscard]] asio::awaitable<autonat::DialStatus> dial_back(identity::PeerId peer, autonat::DialOrder order);
  [[nodiscard]] asio::awaitable<void> hear_dial_back(std::shared_ptr<HostConnection> connection,
                                                     std::unique_ptr<LinkStream> stream);

  Host& host_;
  Random& random_;
  std::function<std::vector<IpAddress>()> own_;
  autonat::DialLimiter limiter_;
  struct Asked {
    identity::PeerId peer;
    std::optional<Endpoint> from;
  };
  std::map<std::uint64_t, Asked> asked_;  // by nonce
};

}  // namespace turnpike::io
