// Punching on the node's UDP port as the brain orders it, and the holes that came of it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <map>
#include <optional>
#include <vector>

#include "io/host/host.h"
#include "io/punch/punch_host.h"
#include "io/tcp/url.h"
#include "node/brain.h"

namespace turnpike::node {

/// One thread's; lives until the loop has run out.
class Punching final : private io::PunchEvents {
 public:
  struct Scope {
    asio::any_io_executor loop;
    Brain& brain;
    io::Host& host;
    Random& random;
    const std::vector<io::Url>& bootstraps;  ///< Each is taken for a STUN server too.
  };
  explicit Punching(const Scope& scope) : scope_(scope) {}

  /// Once the host listens for QUIC: from now on the brain's orders are followed.
  void start();
  /// STUN that came to the UDP port; what is nothing to us goes to `others`.
  void handle_stun(const DatagramBatch& batch, const std::function<void(const DatagramBatch&)>& others);
  /// To be called every second or so: closes holes that nobody connects through.
  void keep();
  void stop();

 private:
  struct Hole {
    std::uint64_t order = 0;  // the brain's
    Endpoint remote;
    Instant used;
  };

  void punch_opened(io::PunchId id, const quic::Path& path, Duration rtt) override;
  void punch_failed(io::PunchId id, punch::PunchFailure why) override;
  void punch_lost(io::PunchId id) override;
  void begin(const peer::StartPunch& order);
  void tell(const peer::PunchNews& news);
  void note_sent(const IpAddress& to);
  [[nodiscard]] asio::awaitable<void> measure();
  [[nodiscard]] bool is_in_use(const Endpoint& remote) const;

  Scope scope_;
  std::optional<io::PunchHost> host_;
  std::map<io::PunchId, std::uint64_t> orders_;  // under way
  std::map<io::PunchId, Hole> holes_;
};

}  // namespace turnpike::node
