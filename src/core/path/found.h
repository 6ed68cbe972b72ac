// How a peer was found, in the order in which the ways are tried.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace turnpike::path {

enum class Found : std::uint8_t {
  kLan,        ///< It answers on this network (mDNS).
  kKnown,      ///< Met in an earlier run, or named by the operator.
  kDht,        ///< A provider record.
  kExchange,   ///< Another peer told of it.
  kBootstrap,  ///< It is registered at a bootstrap.
  kInbound,    ///< It connected to us.
};

inline constexpr std::array kAllFound{Found::kLan,      Found::kKnown,     Found::kDht,
                                      Found::kExchange, Found::kBootstrap, Found::kInbound};

/// The word used in JSON and by `peers`.
[[nodiscard]] constexpr std::string_view name_of(Found found) {
  switch (found) {
    case Found::kLan:
      return "lan";
    case Found::kKnown:
      return "known";
    case Found::kDht:
      return "dht";
    case Found::kExchange:
      return "exchange";
    case Found::kBootstrap:
      return "bootstrap";
    case Found::kInbound:
      return "inbound";
  }
  return "unknown";
}

/// All the ways one peer was found.
class FoundSet {
 public:
  void add(Found found) { bits_ |= bit(found); }
  [[nodiscard]] bool has(Found found) const { return (bits_ & bit(found)) != 0; }
  [[nodiscard]] bool empty() const { return bits_ == 0; }
  friend bool operator==(const FoundSet&, const FoundSet&) = default;

 private:
  static unsigned bit(Found found) { return 1U << static_cast<unsigned>(found); }
  unsigned bits_ = 0;
};

}  // namespace turnpike::path
