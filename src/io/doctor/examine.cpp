#include "io/doctor/examine.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>
#include <nlohmann/json.hpp>

#include "crypto/random.h"
#include "io/captive/look.h"
#include "io/dial/dialer.h"
#include "io/doctor/packets.h"
#include "io/doctor/router_probe.h"
#include "io/doctor/udp_probe.h"
#include "io/http/client.h"
#include "io/interfaces/interfaces.h"
#include "io/loop/convert.h"
#include "io/loop/deadline.h"
#include "io/loop/event.h"
#include "io/tcp/tcp.h"

namespace turnpike::io {
namespace {

constexpr Duration kDialTime = std::chrono::milliseconds(3500);
constexpr Duration kHealthTime = std::chrono::seconds(2);
constexpr Duration kResolveTime = std::chrono::seconds(2);
constexpr Duration kV6Time = std::chrono::seconds(2);
constexpr std::size_t kMaxHealth = 4096;

// Shared by what runs at the same time; what is not done when the time is over writes into it unseen.
struct Run {
  Run(const asio::any_io_executor& loop, Examination given, std::function<void(const std::string&)> told)
      : what(std::move(given)), tell(std::move(told)), dialer(what.proxies, random), changed(loop) {
    found.bootstraps.resize(what.bootstraps.size());
    for (std::size_t i = 0; i < what.bootstraps.size(); ++i) found.bootstraps[i].url = what.bootstraps[i].to_string();
  }
  void say(const std::string& line) {
    if (!is_over) tell(line);
  }

  Examination what;
  std::function<void(const std::string&)> tell;
  crypto::SecureRandom random;
  Dialer dialer;
  Event changed;
  Examined found;
  std::size_t running = 0;
  bool is_over = false;
};
using Shared = std::shared_ptr<Run>;

std::optional<TlsClientContext> trust_of(const Examination& what, const Url& url) {
  if (!url.is_tls()) return std::nullopt;
  if (what.trust_anyone) return TlsClientContext::anyone();
  return what.pins.empty() ? TlsClientContext::system() : TlsClientContext::pinned(what.pins);
}

// Two requests over one connection: the second one's time is a round trip and nothing else.
asio::awaitable<void> ask_health(std::unique_ptr<BytePipe> pipe, std::string authority, doctor::BootstrapFacts& facts) {
  http::ClientLimits limits;
  limits.head_time = kHealthTime;
  limits.stall_time = kHealthTime;
  http::Client client(std::move(pipe), std::move(authority), limits);
  for (int round = 0; round < 2; ++round) {
    http::ClientRequest request;
    request.target = "/health";
    const Instant began = now();
    const auto head = co_await client.request(std::move(request));
    const Duration round_trip = now() - began;
    const WallTime here = wall_now();
    if (!head) co_return;
    const auto body = co_await client.read_all(kMaxHealth);
    if (!body) co_return;
    const auto answer = captive::read_answer(head->status, "", head->headers.find("Content-Type").value_or(""), *body);
    facts.is_ours = answer.is_ours;
    if (!answer.is_ours) co_return;
    facts.round_trip = round_trip;
    const auto health = nlohmann::json::parse(text_of(*body), nullptr, false);
    const auto time = health.is_object() ? health.find("time") : health.end();
    if (time == health.end() || !time->is_number_unsigned()) continue;
    const auto theirs = static_cast<std::int64_t>(time->get<std::uint64_t>());
    const auto ahead = std::chrono::milliseconds(theirs - static_cast<std::int64_t>(here.unix_ms));
    facts.ahead = Duration(ahead) + round_trip / 2;
    if (!client.is_reusable()) co_return;
  }
}

asio::awaitable<void> examine_bootstrap(Shared run, std::size_t index) {
  const Url url = run->what.bootstraps[index];
  run->say("asking " + url.to_string());
  auto dialed = co_await run->dialer.dial(url, trust_of(run->what, url), kDialTime);
  doctor::BootstrapFacts facts;
  facts.url = url.to_string();
  if (!dialed) {
    facts.failure = dialed.error().text;
    run->found.bootstraps[index] = facts;
    run->found.proxy.refusal = run->dialer.roads().refusal();
    run->say("looking who answers in the place of " + url.host);
    const auto seen = co_await look_who_answers(url, trust_of(run->what, url));
    facts.verdict = captive::judge(seen);
    run->found.bootstraps[index] = facts;
    co_return;
  }
  facts.connected = true;
  facts.through_proxy = dialed->road == connect::Road::kProxy;
  run->found.bootstraps[index] = facts;
  co_await ask_health(std::move(dialed->pipe), url.authority(), facts);
  run->found.bootstraps[index] = facts;
}

asio::awaitable<void> examine_packets(Shared run, Endpoint server) {
  const auto hops = co_await find_hops(server);
  run->found.layers.hops = hops;
  const auto mtu = co_await measure_mtu(server);
  run->found.mtu = mtu;
}

asio::awaitable<void> examine_router(Shared run, std::uint16_t port) {
  run->say("asking the router for port mappings");
  const auto mapping = co_await ask_router(port, run->random);
  run->found.mapping = mapping;
}

asio::awaitable<void> examine_v6(Shared run, Endpoint server) {
  const bool was_over = run->is_over;
  const auto connected = co_await connect(server, kV6Time);
  if (!was_over) run->found.ipv6.connected = run->found.ipv6.connected.value_or(false) || connected;
}

// Counts itself, and wakes the one who waits for all.
asio::awaitable<void> counted(Shared run, asio::awaitable<void> task) {
  Run& shared = *run;
  co_await std::move(task);
  --shared.running;
  shared.changed.set();
}
void start(const asio::any_io_executor& loop, const Shared& run, asio::awaitable<void> task) {
  ++run->running;
  asio::co_spawn(loop, counted(run, std::move(task)), asio::detached);
}

// Where the bootstraps are, and then everything that needs their addresses.
asio::awaitable<void> examine_addresses(Shared run) {
  const auto loop = co_await asio::this_coro::executor;
  std::vector<Endpoint> servers;
  for (const Url& url : run->what.bootstraps) {
    const auto addresses = co_await resolve(url.host, kResolveTime);
    if (!addresses) continue;
    for (const IpAddress& address : *addresses) {
      if (address.family == IpAddress::Family::kV4) {
        servers.push_back({address, kStunPort});
      } else {
        run->found.ipv6.bootstrap_has_v6 = true;
        start(loop, run, examine_v6(run, {address, url.port}));
      }
    }
  }
  if (servers.empty()) co_return;
  run->say("asking for our address over UDP");
  start(loop, run, examine_packets(run, servers.front()));
  const auto udp = co_await measure_udp(servers);
  run->found.udp = udp;
}

}  // namespace

asio::awaitable<Examined> examine(Examination what, std::function<void(const std::string&)> tell) {
  const auto loop = co_await asio::this_coro::executor;
  const auto run = std::make_shared<Run>(loop, std::move(what), std::move(tell));
  Deadline deadline(loop, [run] {
    run->is_over = true;
    run->changed.set();
  });
  deadline.arm(kExamineTime);
  for (std::size_t i = 0; i < run->what.bootstraps.size(); ++i) start(loop, run, examine_bootstrap(run, i));
  start(loop, run, examine_addresses(run));
  if (run->what.port) start(loop, run, examine_router(run, *run->what.port));
  while (run->running > 0 && !run->is_over) {
    co_await run->changed.wait();
    run->changed.reset();
  }
  run->is_over = true;

  Examined out = run->found;
  const auto own = own_addresses();
  out.udp.own = out.layers.own = out.ipv6.own = own;
  out.udp.tcp_works = std::ranges::any_of(out.bootstraps, &doctor::BootstrapFacts::connected);
  if (out.udp.first) out.layers.observed = out.udp.first->address;
  const connect::Proxies& proxies = run->what.proxies;
  const auto& proxy = proxies.for_tls ? proxies.for_tls : proxies.for_plain;
  if (proxy) {
    out.proxy.address = proxy->shown();
    out.proxy.source = proxies.source;
  }
  co_return out;
}

}  // namespace turnpike::io
