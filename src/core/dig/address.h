// The old nodes' addresses: multiaddr text, of which IP and TCP port are read, and the rule that leads from it to HTTP.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.h"
#include "core/identity/peer_id.h"

namespace turnpike::dig {

constexpr std::uint16_t kHttpOffset = 1000;  ///< HTTP downloads stand on the advertised TCP port plus this.
constexpr std::size_t kMaxMultiaddrText = 256;

/// "/ip4/192.0.2.1/tcp/4001" or "/ip6/…/tcp/N", and whatever follows. Unset for other transports.
[[nodiscard]] std::optional<Endpoint> tcp_of(std::string_view multiaddr);
[[nodiscard]] std::string multiaddr_of(const Endpoint& tcp);
/// "/ip4/192.0.2.1/tcp/4001/p2p/12D3KooW…"
[[nodiscard]] std::string multiaddr_of(const Endpoint& tcp, const identity::PeerId& peer);

/// Where an old node looks for HTTP when it is told of `tcp`. Unset where there is no such port.
[[nodiscard]] std::optional<Endpoint> http_of(const Endpoint& tcp);
/// What an old node must be told of, so that it looks for HTTP at `http`. Unset where no port leads there.
[[nodiscard]] std::optional<Endpoint> told_for(const Endpoint& http);
/// Of several, those that an old node can be told of at all: it reads `/ip4/` and nothing else.
[[nodiscard]] std::vector<Endpoint> told_for(std::span<const Endpoint> http);

/// Text that may be handed on as an address: "/name/…", of the characters that multiaddrs are made of.
[[nodiscard]] bool is_multiaddr_text(std::string_view text);

}  // namespace turnpike::dig
