// One bootstrap as the brain sees it: when its link is opened, what is known of it, and the protocol client over it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"
#include "core/path/backoff.h"
#include "core/peer/view.h"
#include "core/rendezvous/client.h"

namespace turnpike::peer {

constexpr Duration kFirstLinkBackoff = std::chrono::seconds(1);
constexpr Duration kLinkBackoffLimit = std::chrono::minutes(1);
constexpr Duration kCaptiveRetry = std::chrono::seconds(5);       ///< ±25 %: somebody is logging in, and waits for us.
constexpr Duration kLinkAttemptLimit = std::chrono::seconds(30);  ///< An attempt without news is given up.

/// Connects, and connects again with back-off for as long as it lives. Hands the client out: who routes, talks to it.
class Link {
 public:
  enum class Wish : std::uint8_t { kNone, kConnect, kClose };

  Link(Now now, const rendezvous::Client::Config& config, Random& random)
      : client(config, random), url_(config.url), random_(random), next_(now.mono) {}

  void handle_up(Now now);
  void handle_down(Now now, std::string_view reason);
  /// Somebody has looked who answers in the bootstrap's place. Of a link that is up again meanwhile it means nothing.
  void handle_judged(Now now, bool captive, std::string_view text);
  void handle_welcomed(const rendezvous::Welcomed& welcomed);
  void handle_failed(Now now, const rendezvous::Failed& failed);
  /// The network changed: no waiting, and over the other family we may be seen elsewhere.
  void retry_now(Now now);
  void handle_timeout(Now now);

  /// What the shell is to do about the connection now.
  [[nodiscard]] Wish poll_wish(Now now);
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  [[nodiscard]] bool is_up() const { return state_ == State::kUp; }
  /// The network answered in its place when it was last tried.
  [[nodiscard]] bool is_captive() const { return captive_; }
  [[nodiscard]] const std::optional<identity::PeerId>& bootstrap() const { return bootstrap_; }
  [[nodiscard]] BootstrapView view() const;

  rendezvous::Client client;

 private:
  enum class State : std::uint8_t { kDown, kConnecting, kUp, kClosing };

  std::string url_;
  Random& random_;
  State state_ = State::kDown;
  path::Backoff backoff_{kFirstLinkBackoff, kLinkBackoffLimit};
  Instant next_;  // kDown: the next attempt; kConnecting, kClosing: when the shell's news is waited for no longer
  bool close_due_ = false;
  bool captive_ = false;
  std::string reason_ = "not connected yet";
  std::optional<identity::PeerId> bootstrap_;
  std::optional<IpAddress> observed_;
};

}  // namespace turnpike::peer
