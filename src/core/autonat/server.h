// The side that is asked: which address it dials, what it asks for before, and how often it lets itself be asked.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "core/autonat/message.h"
#include "core/exchange/frame.h"
#include "core/identity/peer_id.h"
#include "core/rendezvous/limiter.h"

namespace turnpike::autonat {

constexpr Duration kRequestTime = std::chrono::seconds(10);  ///< For the request,
constexpr Duration kDataTime = std::chrono::seconds(30);     ///< and for the data.
constexpr Duration kDialBackTime = std::chrono::seconds(10);
constexpr std::size_t kMaxDialling = 8;  ///< Dial-backs under way, over all askers.

/// Dials that others may have us make: of one peer, of one network, and in all.
class DialLimiter {
 public:
  /// False: the request is to be rejected.
  [[nodiscard]] bool begin(Instant now, const identity::PeerId& peer, const IpAddress& from);
  void end() { --under_way_; }

 private:
  rendezvous::TokenBucket all_;
  rendezvous::KeyedLimiter<identity::PeerId> peers_{{.per_second = 1, .burst = 4}, 1024};
  rendezvous::NetworkLimiter networks_{{.per_second = 1, .burst = 4}, 1024};
  std::size_t under_way_ = 0;
};

/// Dial this, open kDialBackProtocol there and say the nonce → handle_dialled.
struct DialOrder {
  Endpoint to;  ///< TCP.
  std::uint64_t nonce = 0;
};

/// One request's stream: a machine in the sense of base/machine.h.
class Server {
 public:
  /// `observed` is where the asker is seen, `own` are our own addresses: nobody has us dial ourselves. Not `allowed`:
  /// the request is read and rejected.
  Server(Instant now, const IpAddress& observed, std::vector<IpAddress> own, bool allowed, Random& random);

  void handle_bytes(Instant now, ByteView bytes);
  /// The asker will say no more.
  void handle_end();
  void handle_timeout(Instant now);
  void handle_dialled(DialStatus status);

  [[nodiscard]] std::optional<Bytes> poll_write();
  [[nodiscard]] std::optional<DialOrder> poll_event();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  [[nodiscard]] bool is_over() const { return step_ == Step::kOver || step_ == Step::kBroken; }
  /// The asker broke the protocol, or fell silent: the stream is to be reset.
  [[nodiscard]] bool is_broken() const { return step_ == Step::kBroken; }

 private:
  enum class Step : std::uint8_t { kRequest, kData, kDialling, kOver, kBroken };
  void take(Instant now, const Message& message);
  void choose(Instant now, const DialRequest& request);
  void answer(ResponseStatus status, DialStatus dialled);
  [[nodiscard]] bool may_dial(const Endpoint& to) const;

  IpAddress observed_;
  std::vector<IpAddress> own_;
  bool allowed_;
  Random& random_;
  Step step_ = Step::kRequest;
  Instant deadline_;
  exchange::FrameReader frames_{kMaxMessage};
  DialOrder order_;
  std::uint32_t index_ = 0;
  std::uint64_t data_wanted_ = 0;
  std::deque<Bytes> out_;
  std::deque<DialOrder> orders_;
};

}  // namespace turnpike::autonat
