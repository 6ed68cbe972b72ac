#include "io/doctor/router_probe.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>

#include "io/loop/convert.h"
#include "io/loop/deadline.h"
#include "io/portmap/port_mapper.h"

namespace turnpike::io {
namespace {

constexpr Duration kLookPeriod = std::chrono::milliseconds(100);

std::optional<portmap::RouterView> ipv4_of(const PortMapper& mapper) {
  const auto routers = mapper.view();
  const auto found = std::ranges::find(routers, IpAddress::Family::kV4, &portmap::RouterView::family);
  return found == routers.end() ? std::nullopt : std::optional(*found);
}

bool is_settled(const portmap::RouterView& router) {
  return router.verdict != portmap::Verdict::kSearching && router.verdict != portmap::Verdict::kWorking;
}

}  // namespace

asio::awaitable<doctor::MappingFacts> ask_router(std::uint16_t port, Random& random) {
  const auto loop = co_await asio::this_coro::executor;
  PortMapperConfig config;
  config.mapper.port = port;
  config.mapper.secret = random.array<32>();
  config.announcement_port = 0;
  const Instant deadline = now() + kRouterTime;
  PortMapper mapper(loop, std::move(config), random, [](const portmap::Change&) {});
  mapper.start();
  std::optional<portmap::RouterView> router = ipv4_of(mapper);
  while ((!router || !is_settled(*router)) && now() < deadline) {
    co_await pause(kLookPeriod);
    router = ipv4_of(mapper);
  }
  co_await mapper.stop();
  doctor::MappingFacts facts;
  if (!router) co_return facts;
  const std::string_view protocol = router->protocol ? portmap::name_of(*router->protocol) : "";
  facts = doctor::mapping_of(portmap::name_of(router->verdict), router->reason, protocol);
  facts.external = router->external;
  co_return facts;
}

}  // namespace turnpike::io
