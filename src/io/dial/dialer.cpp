#include "io/dial/dialer.h"

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>

#include "core/connect/handshake.h"
#include "io/loop/convert.h"
#include "io/loop/deadline.h"
#include "io/loop/event.h"
#include "io/tcp/prefixed_pipe.h"
#include "io/tcp/tcp.h"

namespace turnpike::io {

using connect::Road;

/// What all attempts of one `dial` need.
struct Dialer::Order {
  Url url;
  std::optional<TlsClientContext> tls;
  std::optional<connect::ProxyUrl> proxy;
  Instant deadline;

  [[nodiscard]] Duration left() const { return std::max<Duration>(deadline - now(), Duration(1)); }
};

/// Shared by the attempts, which may outlive the call by as much as its deadline.
struct Dialer::Race {
  explicit Race(const asio::any_io_executor& loop) : changed(loop) {}

  Event changed;
  std::optional<Dialed> winner;
  std::size_t running = 0;
  bool is_over = false;
  bool reached_tls = false;
  struct Loss {
    Road road;
    IoError error;
    std::string text;
  };
  std::vector<Loss> losses;
  std::optional<connect::Refused> refused;  // what the proxy said
};

namespace {

struct Loss {
  IoError error = IoError::kOther;
  std::string text;
  std::optional<connect::Refused> refused{};
};
using Opened = Result<std::unique_ptr<BytePipe>, Loss>;

IoError error_of(connect::RefusalReason reason) {
  switch (reason) {
    case connect::RefusalReason::kSilent:
      return IoError::kTimeout;
    case connect::RefusalReason::kClosed:
      return IoError::kClosed;
    case connect::RefusalReason::kProtocol:
      return IoError::kProtocol;
    case connect::RefusalReason::kFarEnd:
      return IoError::kUnreachable;
    default:
      return IoError::kRefused;
  }
}

asio::awaitable<connect::Handshake::Event> shake_hands(BytePipe& pipe, connect::Handshake& handshake, Duration time) {
  const auto loop = co_await asio::this_coro::executor;
  const Instant latest = *handshake.poll_timeout();
  Deadline deadline(loop, [&pipe] { pipe.close(); });
  deadline.arm(std::min(time, latest - now()));
  const Bytes request = *handshake.poll_write();
  const auto wrote = co_await pipe.write(request);
  if (!wrote) handshake.handle_closed(now());
  Bytes buffer(4096);
  for (;;) {
    auto event = handshake.poll_event();
    if (event) co_return *std::move(event);
    const auto got = co_await pipe.read_some(buffer);
    if (got) {
      handshake.handle_bytes(now(), ByteView(buffer).first(*got));
    } else if (deadline.expired()) {
      handshake.handle_timeout(std::max(now(), latest));
    } else {
      handshake.handle_closed(now());
    }
  }
}

asio::awaitable<Opened> open_proxied(std::string host, std::uint16_t port, connect::ProxyUrl proxy, Duration time) {
  const Instant deadline = now() + time;
  auto connected = co_await connect_host(proxy.host, proxy.port, time);
  if (!connected) co_return fail(Loss{connected.error(), std::string(to_string(connected.error()))});
  std::unique_ptr<BytePipe> pipe = std::move(*connected);
  if (proxy.tls) {
    auto secured = co_await tls_connect(std::move(pipe), TlsClientContext::system(), proxy.host, deadline - now());
    if (!secured) co_return fail(Loss{secured.error(), "the TLS of the proxy itself failed"});
    pipe = std::move(*secured);
  }
  connect::Handshake handshake(now(), host, port, proxy.credentials);
  auto event = co_await shake_hands(*pipe, handshake, deadline - now());
  if (const auto* refused = std::get_if<connect::Refused>(&event)) {
    pipe->close();
    co_return fail(Loss{error_of(refused->reason), refused->text, *refused});
  }
  co_return with_prefix(std::move(pipe), std::move(std::get<connect::Opened>(event).early));
}

asio::awaitable<Opened> open_direct(std::string host, std::uint16_t port, Duration time) {
  auto connected = co_await connect_host(std::move(host), port, time);
  if (!connected) co_return fail(Loss{connected.error(), std::string(to_string(connected.error()))});
  co_return std::move(*connected);
}

}  // namespace

asio::awaitable<void> Dialer::attempt(std::shared_ptr<Race> race, std::shared_ptr<const Order> order, Road road) {
  const Url& url = order->url;
  Opened opened = fail(Loss{});
  if (road == Road::kDirect) {
    opened = co_await open_direct(url.host, url.port, order->left());
  } else {
    opened = co_await open_proxied(url.host, url.port, *order->proxy, order->left());
  }
  if (race->is_over) co_return;
  if (opened && url.is_tls()) {
    auto secured = co_await tls_connect(std::move(*opened), *order->tls, url.host, order->left());
    if (race->is_over) co_return;
    if (secured) {
      opened = std::unique_ptr<BytePipe>(std::move(*secured));
    } else {
      race->reached_tls = race->reached_tls || secured.error() == IoError::kTls;
      opened = fail(Loss{secured.error(), secured.error() == IoError::kTls
                                              ? std::string("TLS failed")
                                              : "TLS: " + std::string(to_string(secured.error()))});
    }
  }
  --race->running;
  race->changed.set();
  if (opened) {
    if (!race->winner) race->winner = Dialed{std::move(*opened), road};
    co_return;
  }
  race->losses.push_back({road, opened.error().error, opened.error().text});
  if (opened.error().refused) race->refused = opened.error().refused;
}

asio::awaitable<Result<Dialed, DialFailure>> Dialer::dial(Url url, std::optional<TlsClientContext> tls,
                                                          Duration timeout) {
  const auto loop = co_await asio::this_coro::executor;
  if (url.is_tls() && !tls) co_return fail(DialFailure{IoError::kTls, "no trust was given"});
  const connect::ProxyUrl* const proxy = proxies_.proxy_for(url.host, url.port, url.is_tls());
  const std::string target = connect::authority_of(url.host, url.port);
  const auto plan = roads_.plan(now(), target, proxy != nullptr);
  const auto order = std::make_shared<Order>();
  order->url = url;
  order->tls = std::move(tls);
  if (proxy != nullptr) order->proxy = *proxy;
  order->deadline = now() + timeout;

  const auto race = std::make_shared<Race>(loop);
  Deadline deadline(loop, [race] {
    race->is_over = true;
    race->changed.set();
  });
  deadline.arm(timeout);
  std::size_t next = 0;
  while (!race->winner && !race->is_over) {
    if (next == plan.size() && race->running == 0) break;
    std::unique_ptr<Deadline> stagger;
    if (next < plan.size()) {
      ++race->running;
      asio::co_spawn(loop, attempt(race, order, plan[next].road), asio::detached);
      if (++next < plan.size()) {
        stagger = std::make_unique<Deadline>(loop, [race] { race->changed.set(); });
        stagger->arm(plan[next].after);
      }
    }
    co_await race->changed.wait();
    race->changed.reset();
  }
  race->is_over = true;
  if (race->refused) roads_.handle_refusal(now(), *race->refused);
  if (race->winner) {
    roads_.handle_success(target, race->winner->road);
    co_return std::move(*race->winner);
  }
  co_return fail(failure_of(*race, proxy, now()));
}

DialFailure Dialer::failure_of(const Race& race, const connect::ProxyUrl* proxy, Instant now) const {
  DialFailure out{race.reached_tls ? IoError::kTls : IoError::kTimeout, {}};
  const auto of = [&](Road road) {
    const auto found = std::ranges::find(race.losses, road, &Race::Loss::road);
    return found == race.losses.end() ? nullptr : &*found;
  };
  const Race::Loss* const direct = of(Road::kDirect);
  const Race::Loss* const proxied = of(Road::kProxy);
  if (direct != nullptr && !race.reached_tls) out.error = direct->error;
  out.text = direct != nullptr ? direct->text : std::string(to_string(IoError::kTimeout));
  if (proxy == nullptr) return out;
  out.text = "direct: " + out.text + "; through the proxy " + proxy->shown() + ": ";
  const auto rest = roads_.rests_until(now);
  if (proxied != nullptr) {
    out.text += proxied->text;
  } else {
    out.text += rest ? roads_.refusal() : std::string(to_string(IoError::kTimeout));
  }
  if (rest) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(*rest - now).count();
    out.text += "; it is asked again in " + std::to_string(seconds) + " s";
  }
  return out;
}

}  // namespace turnpike::io
