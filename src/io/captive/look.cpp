#include "io/captive/look.h"

#include <algorithm>

#include "io/http/client.h"
#include "io/loop/convert.h"
#include "io/tcp/tcp.h"

namespace turnpike::io {
namespace {

constexpr Duration kOneTime = std::chrono::milliseconds(1300);

asio::awaitable<std::optional<captive::WebAnswer>> ask_health(std::unique_ptr<BytePipe> pipe, std::string authority) {
  std::optional<captive::WebAnswer> none;
  http::ClientLimits limits;
  limits.head_time = kOneTime;
  limits.stall_time = kOneTime;
  http::Client client(std::move(pipe), std::move(authority), limits);
  http::ClientRequest request;
  request.target = "/health";
  const auto head = co_await client.request(std::move(request));
  if (!head) co_return none;
  const auto body = co_await client.read_all(captive::kMaxBody);
  const Bytes bytes = body ? *body : Bytes();
  const auto field = [&](std::string_view name) { return head->headers.find(name).value_or(""); };
  none = captive::read_answer(head->status, field("Location"), field("Content-Type"), bytes);
  co_return none;
}

}  // namespace

asio::awaitable<captive::Facts> look_who_answers(Url bootstrap, std::optional<TlsClientContext> trust,
                                                 std::uint16_t portal_port) {
  captive::Facts facts;
  facts.host = bootstrap.host;
  facts.tls = bootstrap.is_tls() ? captive::Tls::kFailed : captive::Tls::kNone;
  auto connected = co_await connect_host(bootstrap.host, bootstrap.port, kOneTime);
  facts.reached = static_cast<bool>(connected);
  std::unique_ptr<BytePipe> pipe;
  if (connected) pipe = std::move(*connected);
  if (pipe && bootstrap.is_tls()) {
    auto trusted = co_await tls_connect(std::move(pipe), *trust, bootstrap.host, kOneTime);
    pipe = nullptr;
    if (trusted) {
      facts.tls = captive::Tls::kTrusted;
      pipe = std::move(*trusted);
    } else {
      auto again = co_await connect_host(bootstrap.host, bootstrap.port, kOneTime);
      if (again) {
        auto anyone = co_await tls_connect(std::move(*again), TlsClientContext::anyone(), bootstrap.host, kOneTime);
        if (anyone) {
          facts.tls = captive::Tls::kUntrusted;
          facts.seen_pin = (*anyone)->peer_pin();
          pipe = std::move(*anyone);
        }
      }
    }
  }
  std::optional<captive::WebAnswer> answer;
  if (pipe) {
    answer = co_await ask_health(std::move(pipe), bootstrap.authority());
    facts.at_port = std::move(answer);
  }
  const bool is_settled = facts.at_port || bootstrap.port == portal_port;
  if (is_settled) co_return facts;
  auto plain = co_await connect_host(bootstrap.host, portal_port, kOneTime);
  if (!plain) co_return facts;
  answer = co_await ask_health(std::move(*plain), bootstrap.host);
  facts.at_80 = std::move(answer);
  co_return facts;
}

}  // namespace turnpike::io
