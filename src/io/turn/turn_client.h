// A TURN client on a socket of its own: one allocation over UDP, TCP or TLS.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>

#include "core/turn/client.h"
#include "io/tcp/byte_pipe.h"
#include "io/udp/udp_socket.h"

namespace turnpike::io {

/// Everything on the loop's one thread; what it is told to call is called from there. Closed by its destructor.
class TurnClient {
 public:
  struct Handlers {
    std::function<void(const turn::Client::Event&)> on_event;
    std::function<void(const Endpoint& peer, ByteView data)> on_data;  ///< `data` is borrowed.
    /// Runs of equal packets together, `remote` being the peer's relayed address; without it on_data gets each.
    std::function<void(const DatagramBatch& batch)> on_batch = {};
  };

  /// Over a UDP socket that nothing else uses.
  TurnClient(const asio::any_io_executor& loop, std::unique_ptr<UdpSocket> socket, const Endpoint& server,
             turn::ClientConfig config, Random& random, Handlers handlers);
  /// Over a connection to the server; `config.reliable` is set.
  TurnClient(const asio::any_io_executor& loop, std::unique_ptr<BytePipe> pipe, turn::ClientConfig config,
             Random& random, Handlers handlers);
  ~TurnClient();
  TurnClient(const TurnClient&) = delete;
  TurnClient& operator=(const TurnClient&) = delete;

  bool bind(const Endpoint& peer);
  void release();
  /// False when there is no channel to the peer yet, or no room: over UDP the packet is lost, in a stream it waits for
  /// the caller to send it again.
  bool send(const Endpoint& peer, ByteView data);
  /// All packets of a batch, as one send where the path takes it. What finds no room is lost, in a stream too: for
  /// whoever bears that (QUIC).
  void send(const Endpoint& peer, const DatagramBatch& batch);
  [[nodiscard]] const turn::Client& core() const;

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with coroutines and timers
};

}  // namespace turnpike::io
