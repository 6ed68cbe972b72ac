#include "settings.h"

#include <algorithm>
#include <charconv>
#include <functional>

#include "base/base64.h"
#include "base/hex.h"
#include "budget_text.h"
#include "core/pace/pacer.h"
#include "core/store/urn.h"
#include "io/http/forwarded.h"
#include "io/tcp/url.h"
#include "text.h"

namespace turnpike::cli {
namespace {

template <class Config>
struct Row {
  Setting setting;
  /// Takes one value in; false when it is not what the setting takes.
  std::function<bool(Config&, const std::string&)> take;
  /// Empties the default of a list before the first value is taken.
  std::function<void(Config&)> clear = [](Config&) {};
};

template <class T, class Out>
bool put(Out& out, std::optional<T> value) {
  if (value) out = *std::move(value);
  return value.has_value();
}

template <class T>
bool append(std::vector<T>& out, std::optional<T> value) {
  if (value) out.push_back(*std::move(value));
  return value.has_value();
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && port >= 1 && port <= node::kMaxPort ? std::optional(port) : std::nullopt;
}

std::optional<io::Url> parse_web_url(std::string_view text) {
  const auto url = io::Url::parse(text);
  if (!url || (url->scheme != io::Url::Scheme::kHttp && url->scheme != io::Url::Scheme::kHttps)) return std::nullopt;
  return url;
}

std::optional<std::string> parse_tls_pin(std::string_view text) {
  const auto bytes = from_base64url(text);
  return bytes && bytes->size() == 32 ? std::optional(std::string(text)) : std::nullopt;
}

std::optional<store::StoreId> parse_store(std::string_view text) {
  const auto urn = store::parse_id_or_urn(text);
  return urn ? std::optional(urn->id) : std::nullopt;
}

std::optional<std::uint64_t> parse_rate(std::string_view text) {
  const auto bytes = parse_size(text);
  return bytes && *bytes >= pace::kMinRate ? bytes : std::nullopt;
}

std::optional<bool> parse_switch(std::string_view text) {
  if (text != "on" && text != "off") return std::nullopt;
  return text == "on";
}

std::optional<std::size_t> parse_sessions(std::string_view text) {
  const auto number = parse_size(text);
  return number && *number <= node::kMaxRelaySessions ? std::optional(static_cast<std::size_t>(*number)) : std::nullopt;
}

std::optional<node::Pin> parse_store_pin(std::string_view text) {
  const std::size_t at = text.find('=');
  if (at == std::string_view::npos) return std::nullopt;
  const auto store = store::StoreId::parse(text.substr(0, at));
  const auto content = parse_content(text.substr(at + 1));
  return store && content ? std::optional(node::Pin{*store, *content}) : std::nullopt;
}

std::optional<multiaddr::Multiaddr> parse_peer_address(std::string_view text) {
  auto address = multiaddr::Multiaddr::parse(text);
  const auto peer = address ? address->peer() : std::nullopt;
  const bool fits = peer && peer->ed25519() && address->tcp_endpoint();
  return fits ? std::optional(*std::move(address)) : std::nullopt;
}

std::optional<std::string> parse_log_level(std::string_view text) {
  const bool known = text == "debug" || text == "info" || text == "warning" || text == "error";
  return known ? std::optional(std::string(text)) : std::nullopt;
}

std::optional<bootstrap::Listen> parse_listen(std::string_view text) {
  const auto url = io::Url::parse(text);
  if (!url || (url->scheme != io::Url::Scheme::kTls && url->scheme != io::Url::Scheme::kHttp)) return std::nullopt;
  const auto endpoint = url->endpoint();
  return endpoint ? std::optional(bootstrap::Listen{url->is_tls(), *endpoint}) : std::nullopt;
}

bool take_rungs(std::vector<path::Rung>& out, std::string_view text) {
  for (;;) {
    const std::size_t comma = text.find(',');
    const auto rung = path::parse_rung(text.substr(0, comma));
    if (!rung) return false;
    if (std::ranges::find(out, *rung) == out.end()) out.push_back(*rung);
    if (comma == std::string_view::npos) return true;
    text.remove_prefix(comma + 1);
  }
}

std::optional<std::vector<portmap::Protocol>> parse_portmap(std::string_view text) {
  std::vector<portmap::Protocol> out;
  if (text == "off") return out;
  if (text == "auto") return std::vector(portmap::kAllProtocols.begin(), portmap::kAllProtocols.end());
  for (;;) {
    const std::size_t comma = text.find(',');
    const auto found = std::ranges::find(portmap::kAllProtocols, text.substr(0, comma),
                                         [](portmap::Protocol protocol) { return portmap::name_of(protocol); });
    if (found == portmap::kAllProtocols.end()) return std::nullopt;
    if (std::ranges::find(out, *found) == out.end()) out.push_back(*found);
    if (comma == std::string_view::npos) return out;
    text.remove_prefix(comma + 1);
  }
}

using NodeRow = Row<node::NodeConfig>;
using BootstrapRow = Row<bootstrap::BootstrapConfig>;

const std::vector<NodeRow>& node_rows() {
  using node::NodeConfig;
  static const std::vector<NodeRow> kRows{
      {{"port", "PORT", "P, 1 to 63535: HTTP downloads stand on P+1000 (default 4001)"},
       [](NodeConfig& c, const std::string& v) { return put(c.port, parse_port(v)); }},
      {{"bootstrap", "URL", "https://host[:port] or http://host[:port]; repeatable, at most 8", true},
       [](NodeConfig& c, const std::string& v) {
         return c.bootstraps.size() < peer::kMaxBootstraps && append(c.bootstraps, parse_web_url(v));
       },
       [](NodeConfig& c) { c.bootstraps.clear(); }},
      {{"bootstrap-pin", "PIN", "the pin a bootstrap printed (43 base64url digits); repeatable", true},
       [](NodeConfig& c, const std::string& v) { return append(c.bootstrap_pins, parse_tls_pin(v)); },
       [](NodeConfig& c) { c.bootstrap_pins.clear(); }},
      // Whether it can be read is said by configure, which shows nothing of it: a password may stand in it.
      {{"proxy", "URL|none",
        "the HTTP proxy, http://[user:password@]host:port, for where the direct way fails (default: the "
        "environment's)"},
       [](NodeConfig& c, const std::string& v) { return !(c.proxy = v).empty(); }},
      {{"sync", "all|listed|off", "what to fetch unasked (default all)"},
       [](NodeConfig& c, const std::string& v) { return put(c.sync, peer::parse_sync_mode(v)); }},
      {{"store", "ID", "a wanted store: 64 lower-case hex digits or a URN; repeatable", true},
       [](NodeConfig& c, const std::string& v) { return append(c.stores, parse_store(v)); },
       [](NodeConfig& c) { c.stores.clear(); }},
      {{"rungs", "LIST", "ways to peers that may be used: lan,direct,http,peer-relay,bootstrap-relay (default all)",
        true},
       [](NodeConfig& c, const std::string& v) { return take_rungs(c.rungs, v); },
       [](NodeConfig& c) { c.rungs.clear(); }},
      {{"mdns", "on|off", "find peers of the same network, and be found by them (default on)"},
       [](NodeConfig& c, const std::string& v) {
         c.mdns = v == "on";
         return v == "on" || v == "off";
       }},
      {{"dht", "on|off", "look for stores in the DHT, and tell of ours there (default on)"},
       [](NodeConfig& c, const std::string& v) {
         c.dht = v == "on";
         return v == "on" || v == "off";
       }},
      {{"peer-exchange", "on|off", "have peers introduce others, and introduce others to them (default on)"},
       [](NodeConfig& c, const std::string& v) {
         c.peer_exchange = v == "on";
         return v == "on" || v == "off";
       }},
      {{"peer", "ADDRESS", "a peer to know from the start: /ip4/A.B.C.D/tcp/4001/p2p/12D3KooW…; repeatable", true},
       [](NodeConfig& c, const std::string& v) { return append(c.peers, parse_peer_address(v)); },
       [](NodeConfig& c) { c.peers.clear(); }},
      {{"pin", "ID=SIZE:ROOT", "only these bytes are this store; repeatable", true},
       [](NodeConfig& c, const std::string& v) { return append(c.pins, parse_store_pin(v)); },
       [](NodeConfig& c) { c.pins.clear(); }},
      {{"trust", "PEER", "a peer id (12D3KooW…) whose announcements outrank strangers'; repeatable", true},
       [](NodeConfig& c, const std::string& v) { return append(c.trusted_peers, identity::PeerId::parse(v)); },
       [](NodeConfig& c) { c.trusted_peers.clear(); }},
      {{"advertise", "ADDRESS:PORT", "where our HTTP downloads can be had besides this machine's addresses; repeatable",
        true},
       [](NodeConfig& c, const std::string& v) { return append(c.advertise, Endpoint::parse(v)); },
       [](NodeConfig& c) { c.advertise.clear(); }},
      {{"portmap", "auto|off|LIST",
        "ask the router to map our ports, or not, or only by some of pcp,nat-pmp,upnp (default auto)"},
       [](NodeConfig& c, const std::string& v) { return put(c.portmap, parse_portmap(v)); }},
      {{"max-store", "SIZE", "a larger announced store is refused (default 64GiB)"},
       [](NodeConfig& c, const std::string& v) { return put(c.max_store, parse_size(v)); }},
      {{"max-disk", "SIZE", "how much sync may bring here by itself (default: half the free space)"},
       [](NodeConfig& c, const std::string& v) { return put(c.max_disk, parse_size(v)); }},
      {{"reserve", "SIZE", "free space that is never used (default 256MiB)"},
       [](NodeConfig& c, const std::string& v) { return put(c.reserve, parse_size(v)); }},
      {{"upload-limit", "RATE", "bytes a second to all peers together, 64KiB at least (default: no limit)"},
       [](NodeConfig& c, const std::string& v) { return put(c.upload_limit, parse_rate(v)); }},
      {{"download-limit", "RATE", "bytes a second from all peers together, 64KiB at least (default: no limit)"},
       [](NodeConfig& c, const std::string& v) { return put(c.download_limit, parse_rate(v)); }},
      {{"relay", "on|off", "relay for peers that cannot reach each other, once we can be reached (default on)"},
       [](NodeConfig& c, const std::string& v) { return put(c.relay, parse_switch(v)); }},
      {{"relay-per-month", "SIZE", "relayed for others in a calendar month at most (default 10GB)"},
       [](NodeConfig& c, const std::string& v) { return put(c.relay_per_month, parse_size(v)); }},
      {{"relay-rate", "RATE|none", "bytes a second relayed for others together (default 1250000: 10 Mbit/s)"},
       [](NodeConfig& c, const std::string& v) {
         if (v != "none") return put(c.relay_rate, parse_size(v)) && c.relay_rate > 0;
         c.relay_rate = 0;
         return true;
       }},
      {{"relay-sessions", "NUMBER", "pairs of peers relayed for at a time, 0 to 1024 (default 8)"},
       [](NodeConfig& c, const std::string& v) { return put(c.relay_sessions, parse_sessions(v)); }},
      {{"private", "ID", "a store that is told to nobody; repeatable", true},
       [](NodeConfig& c, const std::string& v) { return append(c.private_stores, parse_store(v)); },
       [](NodeConfig& c) { c.private_stores.clear(); }},
      {{"log-level", "LEVEL", "debug, info, warning or error (default info)"},
       [](NodeConfig& c, const std::string& v) { return put(c.log_level, parse_log_level(v)); }},
  };
  return kRows;
}

const std::vector<BootstrapRow>& bootstrap_rows() {
  using bootstrap::BootstrapConfig;
  static const std::vector<BootstrapRow> kRows{
      {{"listen", "URL",
        "tls://ADDRESS:PORT or http://ADDRESS:PORT; repeatable (default tls://0.0.0.0:443 and http://0.0.0.0:3000)",
        true},
       [](BootstrapConfig& c, const std::string& v) { return append(c.listen, parse_listen(v)); },
       [](BootstrapConfig& c) { c.listen.clear(); }},
      {{"certificate", "FILE", "PEM certificate chain (default: a self-signed one, whose pin is printed)"},
       [](BootstrapConfig& c, const std::string& v) { return !(c.certificate = v).empty(); }},
      {{"key", "FILE", "PEM private key of the certificate"},
       [](BootstrapConfig& c, const std::string& v) { return !(c.key = v).empty(); }},
      {{"probe-address", "ADDRESS",
        "another address of this machine, to try from it whether peers can be reached; one for IPv4, one for IPv6",
        true},
       [](BootstrapConfig& c, const std::string& v) { return append(c.probe_addresses, IpAddress::parse(v)); },
       [](BootstrapConfig& c) { c.probe_addresses.clear(); }},
      {{"public-url", "URL", "where others reach this bootstrap, when a proxy stands before it"},
       [](BootstrapConfig& c, const std::string& v) { return put(c.public_url, parse_web_url(v)); }},
      {{"stun", "ADDRESS:PORT|none",
        "UDP and TCP for STUN and TURN (default [::]:3478); twice, with another address and port, lets nodes learn "
        "their "
        "kind of NAT",
        true},
       [](BootstrapConfig& c, const std::string& v) {
         c.stun_is_default = false;
         return v == "none" || (c.stun.size() < 2 && append(c.stun, Endpoint::parse(v)));
       },
       [](BootstrapConfig& c) { c.stun.clear(); }},
      {{"turn-external", "ADDRESS", "the public address that TURN gives to others (default: found out); repeatable",
        true},
       [](BootstrapConfig& c, const std::string& v) { return append(c.turn_external, IpAddress::parse(v)); },
       [](BootstrapConfig& c) { c.turn_external.clear(); }},
      {{"turn-user", "NAME:PASSWORD", "lets a foreign TURN client relay between its own allocations; repeatable", true},
       [](BootstrapConfig& c, const std::string& v) { return append(c.turn_users, turn::StaticUser::parse(v)); },
       [](BootstrapConfig& c) { c.turn_users.clear(); }},
      {{"budget-usd", "DOLLARS", "what relaying may cost a month, at most (default 20)"},
       [](BootstrapConfig& c, const std::string& v) {
         return put(c.budget.plan.budget, parse_usd(v, budget::kMaxBudget));
       }},
      {{"price-per-gb", "DOLLARS", "of 10^9 bytes that go out (default 0.09)"},
       [](BootstrapConfig& c, const std::string& v) {
         return put(c.budget.plan.per_gb_out, parse_usd(v, budget::kMaxPrice));
       }},
      {{"price-per-gb-in", "DOLLARS", "of 10^9 bytes that come in (default 0)"},
       [](BootstrapConfig& c, const std::string& v) {
         return put(c.budget.plan.per_gb_in, parse_usd(v, budget::kMaxPrice));
       }},
      {{"fixed-usd", "DOLLARS",
        "what the machine costs a month whatever it relays, out of the same budget (default 0)"},
       [](BootstrapConfig& c, const std::string& v) {
         return put(c.budget.plan.fixed, parse_usd(v, budget::kMaxBudget));
       }},
      {{"free-gb", "NUMBER", "how many times 10^9 bytes may go out for nothing each month (default 0)"},
       [](BootstrapConfig& c, const std::string& v) { return put(c.budget.plan.free_bytes, parse_free_gb(v)); }},
      {{"tier", "TIER=MBIT:SESSIONS:WEIGHT",
        "what a tier (premium, standard, basic, free) may have: Mbit/s or unlimited, sessions at a time, and its "
        "weight "
        "in sharing; repeatable",
        true},
       [](BootstrapConfig& c, const std::string& v) { return take_tier(c.budget.tiers, v); }},
      {{"default-tier", "TIER", "of peers that were granted none (default free)"},
       [](BootstrapConfig& c, const std::string& v) {
         return put(c.budget.tiers.without_grant, budget::parse_tier(v));
       }},
      {{"sessions-per-network", "NUMBER",
        "relay sessions of all peers without a grant in one /24, or /48 of IPv6, together (default 64)"},
       [](BootstrapConfig& c, const std::string& v) { return put(c.budget.sessions_per_network, parse_count(v)); }},
      {{"budget-date", "DATE", "for a rehearsal: what the budget takes for the date when the bootstrap starts"},
       [](BootstrapConfig& c, const std::string& v) { return put(c.budget_date, parse_date(v)); }},
      {{"trusted-proxy", "CIDR",
        "the network of a reverse proxy of ours, whose X-Forwarded-For or PROXY header says who the client is; "
        "repeatable",
        true},
       [](BootstrapConfig& c, const std::string& v) {
         return c.trusted_proxies.size() < io::http::kMaxTrustedProxies &&
                append(c.trusted_proxies, IpNetwork::parse(v));
       },
       [](BootstrapConfig& c) { c.trusted_proxies.clear(); }},
      {{"log-level", "LEVEL", "debug, info, warning or error (default info)"},
       [](BootstrapConfig& c, const std::string& v) { return put(c.log_level, parse_log_level(v)); }},
  };
  return kRows;
}

template <class Config>
std::vector<Setting> settings_of(const std::vector<Row<Config>>& rows) {
  std::vector<Setting> out;
  for (const auto& row : rows) out.push_back(row.setting);
  return out;
}

template <class Config>
std::optional<std::string> apply_one(Config& config, const Row<Config>& row, const std::vector<std::string>& values) {
  const auto& [name, takes, help, is_list] = row.setting;
  if (values.size() != 1 && !is_list) return name + " takes one value";
  row.clear(config);
  for (const std::string& value : values) {
    if (!row.take(config, value)) return name + " \"" + value + "\" is not " + takes + ": " + help;
  }
  return std::nullopt;
}

template <class Config>
std::optional<std::string> apply_all(Config& config, const std::vector<Row<Config>>& rows, const Settings& settings) {
  for (const auto& [name, values] : settings) {
    if (name == "data") continue;
    const auto row = std::ranges::find(rows, name, [](const Row<Config>& r) { return r.setting.name; });
    if (row == rows.end()) return "unknown setting \"" + name + "\"";
    if (auto error = apply_one(config, *row, values)) return error;
  }
  return std::nullopt;
}

}  // namespace

const std::vector<Setting>& node_settings() {
  static const std::vector<Setting> kSettings = settings_of(node_rows());
  return kSettings;
}

const std::vector<Setting>& doctor_settings() {
  static const std::vector<Setting> kSettings = [] {
    std::vector<Setting> out = node_settings();
    std::erase_if(out, [](const Setting& setting) {
      return setting.name != "bootstrap" && setting.name != "bootstrap-pin" && setting.name != "proxy" &&
             setting.name != "port";
    });
    return out;
  }();
  return kSettings;
}

const std::vector<Setting>& bootstrap_settings() {
  static const std::vector<Setting> kSettings = settings_of(bootstrap_rows());
  return kSettings;
}

Settings merged(Settings flags, const Settings& file) {
  flags.insert(file.begin(), file.end());
  return flags;
}

std::optional<std::string> configure(node::NodeConfig& config, const Settings& settings,
                                     const connect::Variable& variable) {
  if (auto error = apply_all(config, node_rows(), settings)) return error;
  if (config.rungs.empty()) return "rungs must name one at least: lan,direct,http,peer-relay,bootstrap-relay";
  auto proxies = connect::choose_proxies(config.proxy, variable);
  if (!proxies) return proxies.error();
  config.proxies = *std::move(proxies);
  return std::nullopt;
}

std::optional<std::string> configure(bootstrap::BootstrapConfig& config, const Settings& settings) {
  if (auto error = apply_all(config, bootstrap_rows(), settings)) return error;
  if (config.listen.empty()) return "listen must name one address at least";
  if (config.certificate.empty() != config.key.empty()) return "certificate and key must be given together, or neither";
  const budget::Plan& plan = config.budget.plan;
  if (plan.fixed.value > 0 && plan.fixed.value * budget::kWhole >= plan.budget.value * budget::kSpentFrom) {
    return "fixed-usd leaves nothing of budget-usd for relaying; name a larger budget";
  }
  return std::nullopt;
}

std::optional<store::Content> parse_content(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto size = parse_size(text.substr(0, colon));
  const auto root = digest_from_hex(text.substr(colon + 1));
  if (!size || !root) return std::nullopt;
  const store::Content content{*size, *root};
  return content.is_valid() ? std::optional(content) : std::nullopt;
}

}  // namespace turnpike::cli
