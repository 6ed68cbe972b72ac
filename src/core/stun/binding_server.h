// Answers Binding requests (RFC 8489), and, where the host has two addresses, NAT behaviour discovery (RFC 5780).
#pragma once

#include <optional>

#include "core/stun/attribute.h"
#include "core/stun/source_limiter.h"

namespace turnpike::stun {

/// Answers a second that one /24 or /64 may have: an answer is larger than its request, and its source may be forged.
constexpr std::uint32_t kBindingRate = 50;
constexpr std::uint32_t kBindingBurst = 200;

/// The two addresses and two ports of a server that lets its callers tell how their NAT maps and filters. All four
/// combinations are bound.
struct DiscoveryAddresses {
  Endpoint primary;
  Endpoint alternate;  ///< Differs from `primary` in both address and port.
};

class BindingServer {
 public:
  explicit BindingServer(Random& random, std::optional<DiscoveryAddresses> discovery = std::nullopt)
      : limiter_(random, kBindingRate, kBindingBurst), discovery_(discovery) {}

  struct Answer {
    Endpoint from;  ///< Which of our sockets it leaves by; `local` unless the request asked for another.
    Endpoint to;
    Bytes payload;
  };

  /// `request` is a whole datagram that came to our socket `local`. Nothing for what is no Binding request, is damaged,
  /// or comes too often. An answer carries one address, three where discovery is on.
  [[nodiscard]] std::optional<Answer> answer(Instant now, const Endpoint& from, const Endpoint& local,
                                             ByteView request);
  /// The same for a message that is already read.
  [[nodiscard]] std::optional<Answer> answer(Instant now, const Endpoint& from, const Endpoint& local,
                                             const MessageView& request);

 private:
  [[nodiscard]] Bytes success(const MessageView& request, const Endpoint& from, const Endpoint& local,
                              const Endpoint& origin) const;
  [[nodiscard]] std::optional<Endpoint> origin_of(const Endpoint& local, ChangeRequest change) const;
  [[nodiscard]] Endpoint other_of(const Endpoint& local) const;

  SourceLimiter limiter_;
  std::optional<DiscoveryAddresses> discovery_;
};

}  // namespace turnpike::stun
