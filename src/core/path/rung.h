// The rungs of the ladder: the ways there are to reach a peer, cheapest first.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace turnpike::path {

/// In the order of what they cost; the ladder prefers the lower one of two that work.
enum class Rung : std::uint8_t {
  kLan,  ///< The peer's libp2p host at an address of a network that we are in ourselves.
  kDirect,
  kHttp,
  kPunched,    ///< A hole through both ends' NATs, by UDP.
  kPeerRelay,  ///< Both ends meet at a third peer, by TURN.
  kBootstrapRelay
};

inline constexpr std::array kAllRungs{Rung::kLan,     Rung::kDirect,    Rung::kHttp,
                                      Rung::kPunched, Rung::kPeerRelay, Rung::kBootstrapRelay};
inline constexpr std::size_t kRungCount = kAllRungs.size();

/// The word used in configuration, JSON and logs: "lan", "direct", "http", "punched", "peer-relay", "bootstrap-relay".
[[nodiscard]] constexpr std::string_view name_of(Rung rung) {
  switch (rung) {
    case Rung::kLan:
      return "lan";
    case Rung::kDirect:
      return "direct";
    case Rung::kHttp:
      return "http";
    case Rung::kPunched:
      return "punched";
    case Rung::kPeerRelay:
      return "peer-relay";
    case Rung::kBootstrapRelay:
      return "bootstrap-relay";
  }
  return "unknown";
}

[[nodiscard]] constexpr std::optional<Rung> parse_rung(std::string_view name) {
  for (const Rung rung : kAllRungs) {
    if (name == name_of(rung)) return rung;
  }
  return std::nullopt;
}

[[nodiscard]] constexpr std::size_t index_of(Rung rung) { return static_cast<std::size_t>(rung); }

}  // namespace turnpike::path
