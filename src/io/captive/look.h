// Looks who answers where a bootstrap should, for core/captive to judge.
#pragma once

#include <optional>

#include "core/captive/verdict.h"
#include "io/tcp/tls.h"
#include "io/tcp/url.h"

namespace turnpike::io {

/// Of one look, whatever does not answer.
inline constexpr Duration kLookTime = std::chrono::seconds(4);
/// Where portals redirect, and nothing of ours listens.
inline constexpr std::uint16_t kPortalPort = 80;

/// Asks /health at the URL's own port, over TLS with `trust` and, failing that, with anybody, and at `portal_port` of
/// the same host. Always straight, never through a proxy. Tells nobody anything: no credential goes along. At most
/// kLookTime. `another_works` is left to the caller.
[[nodiscard]] asio::awaitable<captive::Facts> look_who_answers(Url bootstrap, std::optional<TlsClientContext> trust,
                                                               std::uint16_t portal_port = kPortalPort);

}  // namespace turnpike::io
