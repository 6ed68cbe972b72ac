// Punching on the node's own UDP port: what STUN servers see of it, and the attempts under way, beside QUIC.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/random.h"
#include "core/punch/nat_behaviour.h"
#include "core/punch/puncher.h"
#include "io/quic/quic_host.h"

namespace turnpike::io {

/// Attempts, and holes that are kept open, at once; one more is refused.
inline constexpr std::size_t kMaxPunches = 32;

/// Names one attempt, and the hole it made.
using PunchId = std::uint64_t;

class PunchEvents {
 public:
  virtual ~PunchEvents() = default;
  /// QUIC may go by `path` from now on, in either role; consent is asked for meanwhile.
  virtual void punch_opened(PunchId id, const quic::Path& path, Duration rtt) = 0;
  virtual void punch_failed(PunchId id, punch::PunchFailure why) = 0;
  /// The peer has not answered for punch::kConsentLifetime: the hole is closed, nothing more is sent there.
  virtual void punch_lost(PunchId id) = 0;
};

/// Everything on the loop's one thread. `quic`, `random` and `events` must outlive it.
class PunchHost {
 public:
  PunchHost(asio::any_io_executor loop, QuicHost& quic, Random& random, PunchEvents& events);
  ~PunchHost();
  PunchHost(const PunchHost&) = delete;
  PunchHost& operator=(const PunchHost&) = delete;

  /// Checks of the peer are answered from now on. Nothing at kMaxPunches.
  [[nodiscard]] std::optional<PunchId> begin(punch::LocalEnd local);
  /// The peer's end is known: go. Ends in one of the events, unless it is released.
  void start(PunchId id, punch::RemoteEnd remote);
  /// Forgets it, closes its hole; no event comes any more.
  void release(PunchId id);

  /// STUN that came to the socket QUIC has: a check, or an answer to one or to measure(). What is neither goes to
  /// `others`.
  void handle_stun(const DatagramBatch& batch, const std::function<void(const DatagramBatch&)>& others);

  /// Asks each server, in this order, from the very port that is punched with, and then the other addresses and ports
  /// that those with two of them name (RFC 5780). What has not answered within `limit` is left out.
  [[nodiscard]] asio::awaitable<std::vector<punch::Sighting>> measure(std::vector<Endpoint> servers, Duration limit);

  [[nodiscard]] const punch::Governor& governor() const;
  [[nodiscard]] std::size_t punches() const;

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with handlers on the loop
};

}  // namespace turnpike::io
