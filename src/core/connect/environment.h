// Which proxy is used for what: from --proxy, or from the variables that other programs read too.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "core/connect/no_proxy.h"
#include "core/connect/proxy_url.h"

namespace turnpike::connect {

/// The proxies of this process. Empty: everything goes direct.
struct Proxies {
  std::optional<ProxyUrl> for_tls;    ///< Towards https and wss.
  std::optional<ProxyUrl> for_plain;  ///< Towards http and ws.
  NoProxy except;
  std::string source;  ///< "--proxy" or the variable's name; empty without a proxy.

  /// The proxy towards that host, if one is to be asked.
  [[nodiscard]] const ProxyUrl* proxy_for(std::string_view host, std::uint16_t port, bool tls) const;
};

/// An environment variable's value; nothing if it is not set. An empty function is an empty environment.
using Variable = std::function<std::optional<std::string>(const char* name)>;

/// `flag` is the value of --proxy: a proxy for everything, "none" for no proxy whatever the environment says, or empty
/// for the environment's: https_proxy, HTTPS_PROXY, all_proxy, ALL_PROXY towards TLS, the last two towards plain ports,
/// the first that is set and not empty. no_proxy or NO_PROXY is honoured with each of them. The error is one line that
/// names the flag or the variable, and no secret.
[[nodiscard]] Result<Proxies, std::string> choose_proxies(std::string_view flag, const Variable& variable);

}  // namespace turnpike::connect
