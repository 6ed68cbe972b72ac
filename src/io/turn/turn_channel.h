// One end of a session at a TURN server, as a way for datagrams to the partner: allocates, binds the channel, and meets
// the partner there (docs/protocols/coordination.md).
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/turn/client.h"
#include "core/turn/five_tuple.h"
#include "core/turn/sessions.h"
#include "io/loop/event.h"
#include "io/turn/turn_client.h"

namespace turnpike::io {

/// UDP that has not brought an allocation by then is taken for blocked, and TCP is tried.
inline constexpr Duration kTurnUdpTime = std::chrono::milliseconds(1200);
inline constexpr Duration kTurnTcpTime = std::chrono::seconds(3);
inline constexpr Duration kMeetPeriod = std::chrono::milliseconds(100);  ///< Between two looks for the partner.

struct TurnChannelSettings {
  std::vector<Endpoint> udp;  ///< Where the server answers, in the order to try.
  std::vector<Endpoint> tcp;
  turn::Credential credential;
  Endpoint partner;  ///< Its relayed address.
};

/// Everything on the loop's one thread.
class TurnChannel {
 public:
  struct Handlers {
    /// From the partner; borrowed.
    std::function<void(const DatagramBatch&)> on_datagrams;
    /// The allocation is gone, or the channel; nothing more comes.
    std::function<void(std::string why)> on_lost;
  };

  TurnChannel(asio::any_io_executor loop, TurnChannelSettings settings, Random& random, Handlers handlers);
  /// Gives the allocation back, as far as one datagram can tell.
  ~TurnChannel();
  TurnChannel(const TurnChannel&) = delete;
  TurnChannel& operator=(const TurnChannel&) = delete;

  /// Allocates over UDP, where that brings nothing over TCP, and binds the channel. Why not, for people, if it failed.
  [[nodiscard]] asio::awaitable<std::optional<std::string>> open();
  /// Ends when the partner is there too (true), or after `limit`.
  [[nodiscard]] asio::awaitable<bool> meet(Duration limit);
  /// Ends any wait here.
  void close();
  /// What cannot go now is lost, as datagrams are.
  void send(const DatagramBatch& batch);
  [[nodiscard]] bool over_tcp() const { return over_tcp_; }

 private:
  enum class Stage : std::uint8_t { kIdle, kAllocating, kBound, kFailed };

  [[nodiscard]] asio::awaitable<void> attempt(Endpoint server, turn::Transport transport);
  void on_event(const turn::Client::Event& event);
  void on_batch(const DatagramBatch& batch);
  void take_check(ByteView message);
  void ask_partner();

  asio::any_io_executor loop_;
  TurnChannelSettings settings_;
  Random& random_;
  Handlers handlers_;
  std::unique_ptr<TurnClient> client_;
  std::vector<std::unique_ptr<TurnClient>> given_up_;  // until whoever called us has returned
  Event changed_;
  Stage stage_ = Stage::kIdle;
  std::optional<turn::ErrorCode> refused_;
  bool heard_ = false;  // the partner
  bool over_tcp_ = false;
  bool closed_ = false;
};

}  // namespace turnpike::io
