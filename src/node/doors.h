// What others find open here before anything else is: the STUN port, which answers Binding requests (RFC 8489), and the
// ways in which a proof's nonce comes (docs/protocols/proof.md).
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "core/rendezvous/proof.h"
#include "core/stun/binding_server.h"
#include "io/http/server.h"
#include "io/tcp/tcp.h"
#include "io/udp/udp_socket.h"

namespace turnpike::node {

namespace asio = boost::asio;

constexpr std::size_t kMaxStunConnections = 64;  ///< TCP connections to the STUN port; more are closed unanswered.
constexpr Duration kStunConnectionTime = std::chrono::seconds(10);
constexpr std::size_t kMaxStunRequest =
    548;  ///< Longer ones are no Binding request of anybody's (RFC 8489, section 6.1).

/// One thread's; lives until the loop has run out.
class Doors final : private io::UdpReceiver {
 public:
  /// Told of each nonce, or what looks like one: the transaction id of every Binding request.
  using Sink =
      std::function<void(rendezvous::ServiceKind at, const rendezvous::ProofNonce& nonce, const IpAddress& from)>;

  Doors(asio::any_io_executor loop, Random& random, Sink sink);

  /// GET /v1/proof/<nonce>
  void add_route(io::http::Server& server);
  /// UDP and TCP on this port of every address. What cannot be opened is not among open(), and stands in the answer.
  [[nodiscard]] std::vector<std::string> open_stun(std::uint16_t port);
  /// Kinds that answer here, besides HTTP.
  [[nodiscard]] const std::vector<rendezvous::ServiceKind>& open() const { return open_; }
  /// Where that kind is listened for; 0 where it is not.
  [[nodiscard]] std::uint16_t port(rendezvous::ServiceKind kind) const;
  /// Answers Binding requests that came in at another port's socket, of that kind, and hands on their nonces.
  void handle_stun(rendezvous::ServiceKind at, std::uint16_t port, const DatagramBatch& batch,
                   const std::function<void(const DatagramBatch&)>& send);
  void close();

 private:
  void on_datagrams(const DatagramBatch& batch) override;
  [[nodiscard]] asio::awaitable<void> accept();
  [[nodiscard]] asio::awaitable<void> serve(std::shared_ptr<io::BytePipe> pipe);
  [[nodiscard]] std::optional<Bytes> answer(rendezvous::ServiceKind at, const Endpoint& from, const Endpoint& local,
                                            ByteView request);

  asio::any_io_executor loop_;
  Sink sink_;
  stun::BindingServer binding_;
  std::unique_ptr<io::UdpSocket> udp_;
  std::unique_ptr<io::TcpListener> tcp_;
  std::vector<rendezvous::ServiceKind> open_;
  std::size_t connections_ = 0;
};

}  // namespace turnpike::node
