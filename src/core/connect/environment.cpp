#include "core/connect/environment.h"

#include <array>
#include <span>

namespace turnpike::connect {
namespace {

constexpr std::array kForTls = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
constexpr std::array kForPlain = {"all_proxy", "ALL_PROXY"};
constexpr std::array kExcept = {"no_proxy", "NO_PROXY"};

struct Found {
  const char* name = "";
  std::string value;
};

std::optional<Found> first_of(std::span<const char* const> names, const Variable& variable) {
  for (const char* name : names) {
    auto value = variable ? variable(name) : std::nullopt;
    if (value && !value->empty()) return Found{name, *std::move(value)};
  }
  return std::nullopt;
}

// What stands in a variable may be anything: only what can be printed is shown.
std::string printable(std::string_view text) {
  std::string out(text.substr(0, 64));
  for (char& c : out) {
    if (c < ' ' || c > '~') c = '?';
  }
  return out;
}

Result<std::optional<ProxyUrl>, std::string> proxy_of(const std::optional<Found>& found) {
  if (!found) return std::optional<ProxyUrl>();
  auto proxy = ProxyUrl::parse(found->value);
  if (!proxy) {
    return fail("the environment variable " + std::string(found->name) + " names " +
                std::string(ProxyUrl::why_not(found->value)) + " (unset it, or say --proxy none or another --proxy)");
  }
  return proxy;
}

}  // namespace

const ProxyUrl* Proxies::proxy_for(std::string_view host, std::uint16_t port, bool tls) const {
  const std::optional<ProxyUrl>& proxy = tls ? for_tls : for_plain;
  return proxy && !except.covers(host, port) ? &*proxy : nullptr;
}

Result<Proxies, std::string> choose_proxies(std::string_view flag, const Variable& variable) {
  Proxies out;
  if (flag == "none") return out;
  if (const auto list = first_of(kExcept, variable)) {
    const auto except = NoProxy::parse(list->value);
    if (!except) {
      const std::string bad = printable(NoProxy::bad_entry(list->value));
      return fail("the environment variable " + std::string(list->name) +
                  (bad.empty() ? std::string(" is too long a list")
                               : " holds \"" + bad + "\", which is no host, domain, address or network"));
    }
    out.except = *except;
  }
  if (!flag.empty()) {
    const auto proxy = ProxyUrl::parse(flag);
    if (!proxy) return fail("--proxy names " + std::string(ProxyUrl::why_not(flag)));
    out.for_tls = out.for_plain = proxy;
    out.source = "--proxy";
    return out;
  }
  const auto for_tls = first_of(kForTls, variable);
  const auto for_plain = first_of(kForPlain, variable);
  auto tls = proxy_of(for_tls);
  if (!tls) return fail(std::move(tls.error()));
  auto plain = proxy_of(for_plain);
  if (!plain) return fail(std::move(plain.error()));
  out.for_tls = *std::move(tls);
  out.for_plain = *std::move(plain);
  if (for_tls) out.source = for_tls->name;
  return out;
}

}  // namespace turnpike::connect
