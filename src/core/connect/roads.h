// Which ways to a host are tried, and when: direct first, the proxy shortly after, and next time the one that worked.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "core/connect/handshake.h"
#include "core/path/backoff.h"

namespace turnpike::connect {

enum class Road : std::uint8_t { kDirect, kProxy };
[[nodiscard]] std::string_view name_of(Road road);

/// The second road starts so long after the first, or at once when the first has failed.
inline constexpr Duration kRoadStagger = std::chrono::milliseconds(300);
/// A proxy that refused us is left alone for so long, doubling with each refusal. A far end it cannot reach is no
/// refusal.
inline constexpr Duration kFirstProxyRest = std::chrono::seconds(5);
inline constexpr Duration kProxyRestLimit = std::chrono::minutes(5);
/// Hosts whose road is remembered; beyond it the memory starts anew.
inline constexpr std::size_t kMaxRemembered = 64;

struct Attempt {
  Road road = Road::kDirect;
  Duration after{};
};

/// Pure. One for all connections of a process: what one learns of the proxy, the others know.
class Roads {
 public:
  explicit Roads(Random& random) : random_(random) {}

  /// In the order of their start; never empty. `target` is "host:port"; `has_proxy` says that a proxy is meant for it.
  [[nodiscard]] std::vector<Attempt> plan(Instant now, const std::string& target, bool has_proxy) const;
  void handle_success(const std::string& target, Road road);
  void handle_refusal(Instant now, const Refused& refused);
  /// Another network, another proxy's temper: nothing is remembered.
  void handle_network_changed();

  /// Why the proxy is left alone, and until when.
  [[nodiscard]] const std::string& refusal() const { return refusal_; }
  [[nodiscard]] std::optional<Instant> rests_until(Instant now) const;
  [[nodiscard]] std::optional<Road> remembered(const std::string& target) const;

 private:
  Random& random_;
  std::map<std::string, Road> worked_;
  path::Backoff rest_{kFirstProxyRest, kProxyRestLimit};
  std::optional<Instant> rests_until_;
  std::string refusal_;
};

}  // namespace turnpike::connect
