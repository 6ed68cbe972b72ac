// One run of `turnpike doctor`: everything is measured at once, within a bound, and told as it is found.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/connect/environment.h"
#include "core/doctor/bootstrap.h"
#include "core/doctor/nat.h"
#include "core/doctor/network.h"
#include "io/tcp/tls.h"
#include "io/tcp/url.h"

namespace turnpike::io {

/// A run ends by then, whatever does not answer; what was not found out is unknown.
inline constexpr Duration kExamineTime = std::chrono::milliseconds(9500);
/// Where a bootstrap answers STUN.
inline constexpr std::uint16_t kStunPort = 3478;

struct Examination {
  std::vector<Url> bootstraps;
  std::vector<std::string> pins;
  connect::Proxies proxies;
  std::optional<std::uint16_t> port;  ///< Of a node that does not run: the router is asked for its mappings.
  bool trust_anyone = false;          ///< The pins are not known here, but a node's that runs and checks them.
};

struct Examined {
  std::vector<doctor::BootstrapFacts> bootstraps;  ///< In the order of the question.
  doctor::UdpFacts udp;
  doctor::LayerFacts layers;
  doctor::MtuFacts mtu;
  doctor::Ipv6Facts ipv6;
  doctor::ProxyFacts proxy;
  std::optional<doctor::MappingFacts> mapping;  ///< If the router was asked, and answered or not in time.
};

/// `tell` is given a line for people now and then. At most kExamineTime.
[[nodiscard]] asio::awaitable<Examined> examine(Examination what, std::function<void(const std::string&)> tell);

}  // namespace turnpike::io
