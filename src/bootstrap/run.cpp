#include "bootstrap/run.h"

#include <boost/asio/io_context.hpp>
#include <cstdio>

#include "bootstrap/control_api.h"
#include "bootstrap/http_api.h"
#include "bootstrap/legacy_directory.h"
#include "bootstrap/legacy_relay.h"
#include "bootstrap/metrics.h"
#include "bootstrap/treasury.h"
#include "bootstrap/turn_service.h"
#include "crypto/random.h"
#include "io/control/data_folder.h"
#include "io/log/log.h"
#include "io/loop/convert.h"
#include "io/process/process.h"

namespace turnpike::bootstrap {
namespace {

constexpr unsigned kHashThreads = 1;  // only what is relayed to old nodes is verified here
constexpr Duration kGrace = std::chrono::seconds(3);
constexpr std::string_view kVersion = TURNPIKE_VERSION;

io::http::ServerLimits server_limits() {
  io::http::ServerLimits limits;
  limits.max_connections = rendezvous::kMaxConnections + 2 * relay::kMaxSessions;
  limits.max_connections_per_address = 512;  // a carrier's NAT: the brain counts control connections by itself
  return limits;
}

Result<io::TlsServerContext, io::TlsSetupError> tls_context(const BootstrapConfig& config) {
  if (config.certificate.empty()) return io::TlsServerContext::self_signed(config.data / ".turnpike");
  return io::TlsServerContext::from_files(config.certificate, config.key);
}

budget::Budget::Config budget_config(const BootstrapConfig& config) {
  budget::Budget::Config out = config.budget;
  if (config.budget_date) {
    out.shift_ms =
        static_cast<std::int64_t>(config.budget_date->unix_ms) - static_cast<std::int64_t>(io::wall_now().unix_ms);
  }
  return out;
}

class Process {
 public:
  Process(const BootstrapConfig& config, const crypto::SigningKey& identity)
      : config_(config),
        treasury_(loop_.get_executor(), budget_config(config), config.data / ".turnpike" / "ledger.db"),
        brain_(loop_.get_executor(),
               {.id = {identity.public_key()},
                .relay = {},
                .budget = &treasury_.budget(),
                .probe_addresses = config.probe_addresses},
               random_),
        relays_(loop_.get_executor(), brain_),
        facts_{.started = io::now(), .version = std::string(kVersion)},
        links_(loop_.get_executor(), brain_, relays_, identity, random_),
        pool_(loop_.get_executor(), kHashThreads),
        legacy_{.budget = &treasury_.budget(),
                .public_url = config.public_url,
                .sees_clients = !config.public_url || !config.trusted_proxies.empty()},
        legacy_directory_(loop_.get_executor(), brain_, legacy_, facts_, random_),
        legacy_relay_(brain_, legacy_, links_, pool_),
        server_(loop_.get_executor(), server_limits()),
        turn_(loop_.get_executor(), config, random_, &treasury_),
        control_(treasury_) {
    brain_.watch_money(&treasury_);
  }

  int run() {
    server_.trust_proxies(io::http::TrustedProxies(config_.trusted_proxies));
    add_routes(server_, brain_, relays_);
    legacy_directory_.add_routes(server_);
    legacy_relay_.add_routes(server_);
    server_.route(io::http::Method::kGet, "/metrics", [this](const io::http::Request&) { return metrics(); });
    std::printf("peer id: %s\n", brain_.server().id().to_string().c_str());
    if (const auto why = open_ports()) return io::give_up(*why);
    if (const auto why = open_control()) return io::give_up(*why);
    std::fflush(stdout);
    io::run_until_signalled(loop_, kGrace, [this] { return shut_down(); });
    return 0;
  }

 private:
  std::optional<std::string> open_ports() {
    std::vector<std::string> opened;
    for (const IpAddress& each : config_.probe_addresses) {
      if (!io::TcpListener::open(loop_.get_executor(), {each, 0})) {
        return "cannot send from the probe address " + each.to_string() + ": it is no address of this machine";
      }
    }
    for (const Listen& listen : config_.listen) {
      auto listener = io::TcpListener::open(loop_.get_executor(), listen.endpoint);
      if (!listener) {
        const bool taken = listener.error() == io::IoError::kRefused;
        return "cannot listen on " + listen.endpoint.to_string() + ": " +
               (taken ? "another program has that port; stop it, or choose another --listen"
                      : "not allowed, or no address of this machine; ports below 1024 need root");
      }
      opened.push_back((listen.tls ? "tls://" : "http://") + (*listener)->local().to_string());
      if (!listen.tls) {
        server_.listen(*std::move(listener));
        continue;
      }
      auto context = tls_context(config_);
      if (!context) return context.error().text;
      std::printf("pin: %s\n", context->pin().c_str());
      server_.listen_tls(*std::move(listener), *std::move(context));
    }
    server_.on_turn([this](std::unique_ptr<io::BytePipe> pipe) { turn_.serve_tls(std::move(pipe)); });
    const auto deaf = config_.stun.empty() ? std::nullopt : turn_.open(config_.stun);
    if (deaf && !config_.stun_is_default) return deaf;
    if (deaf) io::log_warning("no STUN, and TURN over TLS only: {}", *deaf);
    for (const Endpoint& each : turn_.local()) opened.push_back("stun://" + each.to_string());
    for (const std::string& place : opened) std::printf("listening %s\n", place.c_str());
    if (config_.public_url) std::printf("reached at %s\n", config_.public_url->to_string().c_str());
    return std::nullopt;
  }

  std::optional<std::string> open_control() {
    auto opened = io::ControlServer::open(
        loop_.get_executor(), io::control_socket_path(config_.data),
        [this](nlohmann::json request, io::Reply& reply) { return control_.answer(std::move(request), reply); });
    if (!opened) return opened.error().text;
    control_server_ = *std::move(opened);
    return std::nullopt;
  }

  asio::awaitable<io::http::Response> metrics() {
    const Now now = io::both_now();
    MetricsInput input{.stats = brain_.server().stats(),
                       .old_nodes = legacy_.registry.size(),
                       .version = facts_.version,
                       .budget = treasury_.budget().figures(now),
                       .turn = turn_.server().core().counters(),
                       .turn_allocations = turn_.server().core().allocations()};
    input.uptime_seconds = static_cast<std::uint64_t>((now.mono - facts_.started) / std::chrono::seconds(1));
    treasury_.pump();
    io::http::Response out;
    out.headers.add("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    out.body = copy_of(bytes_of(metrics_text(input)));
    co_return out;
  }

  asio::awaitable<void> shut_down() {
    const Duration grace = kGrace;
    io::log_info("going down");
    control_server_.reset();
    turn_.close();
    links_.close_all();
    relays_.close_all();
    brain_.close_all();
    co_await server_.stop(grace);
    treasury_.stop();
    co_await treasury_.flush();
  }

  const BootstrapConfig& config_;
  asio::io_context loop_{1};
  crypto::SecureRandom random_;
  Treasury treasury_;
  Brain brain_;
  RelaySwitch relays_;
  Facts facts_;
  SourceLinks links_;
  io::WorkerPool pool_;
  Legacy legacy_;
  LegacyDirectory legacy_directory_;
  LegacyRelay legacy_relay_;
  io::http::Server server_;
  TurnService turn_;
  ControlApi control_;
  std::unique_ptr<io::ControlServer> control_server_;
};

}  // namespace

int run(const BootstrapConfig& config) {
  io::set_log_level(config.log_level);
  io::prepare_process();
  const auto lock = io::DataFolderLock::take(config.data);
  if (!lock) return io::give_up(lock.error().text);
  crypto::SecureRandom random;
  const auto identity = io::load_identity(config.data, random);
  if (!identity) return io::give_up(identity.error().text);
  Process process(config, *identity);
  return process.run();
}

}  // namespace turnpike::bootstrap
