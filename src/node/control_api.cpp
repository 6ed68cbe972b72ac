#include "node/control_api.h"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/hex.h"
#include "io/loop/convert.h"
#include "node/api_shapes.h"

namespace turnpike::node {
namespace {

using nlohmann::json;

// Exit codes of docs/commands.md.
constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr int kNotFound = 4;

constexpr Duration kProgressPeriod = std::chrono::milliseconds(250);
constexpr Duration kWatchPeriod = std::chrono::seconds(1);

std::optional<store::StoreId> store_of(const json& request) {
  return store::StoreId::parse(request.value("store", std::string()));
}

const peer::TransferView* transfer_of(const std::vector<peer::TransferView>& transfers, const store::StoreId& store) {
  for (const peer::TransferView& transfer : transfers) {
    if (transfer.target.store == store) return &transfer;
  }
  return nullptr;
}

}  // namespace

ControlApi::ControlApi(asio::any_io_executor loop, ControlScope scope)
    : loop_(std::move(loop)), scope_(std::move(scope)) {}

asio::awaitable<void> ControlApi::answer(json request, io::Reply& reply) {
  const std::string command = request.value("command", std::string());
  const peer::Peer& peer = scope_.brain.peer();
  json out;
  if (command == "get") co_return co_await get(request, reply);
  if (command == "why") co_return co_await why(request, reply);
  if (command == "pin") co_return co_await pin(request, reply);
  if (command == "share") co_return co_await share(request, reply);
  if (command == "unwant" || command == "rm") co_return co_await unwant(request, reply);
  if (command == "recheck") co_return co_await recheck(request, reply);
  if (command == "transfers" && request.value("watch", false)) co_return co_await watch_transfers(reply);
  if (command == "status") {
    out = status();
  } else if (command == "ls") {
    out = ls_answer(peer.stores(), scope_.file_notes(), io::now());
  } else if (command == "transfers") {
    out = transfers_answer(peer.transfers());
  } else if (command == "peers") {
    out = peers_answer(peer.peers(), scope_.connections(), io::now());
  } else if (command == "unpin") {
    const auto store = store_of(request);
    if (!store) co_return co_await refuse(reply, "unpin needs a store id of 64 lower-case hex digits", kUsage);
    scope_.memory.forget_pin(*store);
    scope_.brain.tell([&](peer::Peer& brain, Now now) { brain.unpin(now, *store); });
    out = json::object();
  } else if (command == "rescan") {
    co_await scope_.rescan();
    out = json::object();
  } else {
    co_return co_await refuse(
        reply,
        "this node knows no command \"" + command +
            "\", only get, ls, peers, pin, recheck, rescan, rm, share, status, transfers, unpin, unwant, why",
        kUsage);
  }
  (void)co_await reply.done(std::move(out));
}

asio::awaitable<void> ControlApi::refuse(io::Reply& reply, std::string text, int code) {
  const std::string line = std::move(text);
  (void)co_await reply.refuse(line, code);
}

json ControlApi::status() const {
  const peer::Peer& peer = scope_.brain.peer();
  StatusFacts facts;
  facts.peer_id = peer.id();
  facts.listen = scope_.listen();
  facts.external = scope_.external();
  facts.reachability = peer.reachability();
  facts.bootstraps = peer.bootstraps();
  if (scope_.routers) facts.routers = scope_.routers();
  if (scope_.dht) facts.dht = scope_.dht();
  facts.stores = peer.stores();
  facts.bytes_by_rung = peer.bytes_by_rung();
  facts.sync = peer.sync_mode();
  facts.ignored_files = scope_.ignored_files();
  facts.uptime_seconds =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(io::now() - scope_.started).count());
  for (std::size_t i = 0; i < facts.bootstraps.size(); ++i) facts.roads.push_back(scope_.links.road(i));
  const connect::Proxies& proxies = scope_.dialer.proxies();
  const auto& proxy = proxies.for_tls ? proxies.for_tls : proxies.for_plain;
  if (proxy) {
    facts.proxy = ProxyFacts{.address = proxy->shown(),
                             .source = proxies.source,
                             .credentials = proxy->credentials.has_value(),
                             .reason = scope_.dialer.roads().refusal(),
                             .next_action = scope_.dialer.roads().rests_until(io::now())};
  }
  return status_shape(facts, io::now());
}

asio::awaitable<void> ControlApi::pause(Duration time) {
  asio::steady_timer timer(loop_);
  timer.expires_after(time);
  boost::system::error_code woken;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
}

asio::awaitable<void> ControlApi::watch_transfers(io::Reply& reply) {
  bool listening = true;
  while (listening) {
    json line = transfers_answer(scope_.brain.peer().transfers());
    listening = co_await reply.send(std::move(line));
    if (listening) co_await pause(kWatchPeriod);
  }
}

// {"command":"get","store":ID}: progress lines until the store is complete, or the client leaves.
asio::awaitable<void> ControlApi::get(const json request, io::Reply& reply) {
  const auto store = store_of(request);
  if (!store) co_return co_await refuse(reply, "get needs a store id of 64 lower-case hex digits", kUsage);
  scope_.memory.forget_refusal(*store);
  scope_.memory.remember_want(*store);
  scope_.brain.tell([&](peer::Peer& peer, Now now) { peer.want(now, *store); });
  for (;;) {
    const auto view = scope_.brain.peer().store(*store);
    if (!view) co_return co_await refuse(reply, "this node wants no more stores: it is at its limit", kFailed);
    const auto transfers = scope_.brain.peer().transfers();
    json line = get_line(*view, transfer_of(transfers, *store), io::now());
    if (view->state == "complete") {
      line["path"] = (scope_.config.data / store->file_name()).string();
      (void)co_await reply.done(std::move(line));
      co_return;
    }
    const bool listening = co_await reply.send(std::move(line));
    if (!listening) co_return;
    co_await pause(kProgressPeriod);
  }
}

asio::awaitable<void> ControlApi::why(const json request, io::Reply& reply) {
  const auto store = store_of(request);
  if (!store) co_return co_await refuse(reply, "why needs a store id of 64 lower-case hex digits", kUsage);
  const peer::Peer& peer = scope_.brain.peer();
  const auto view = with_note(peer.store(*store), *store, scope_.file_notes());
  if (!view) {
    co_return co_await refuse(
        reply, "nobody has announced that store, and it was not asked for; try: turnpike get " + store->to_string(),
        kNotFound);
  }
  (void)co_await reply.done(why_answer(*view, peer.peers(), peer.bootstraps(), io::now()));
}

// {"command":"pin","store":ID,"size":N,"root":HEX}
asio::awaitable<void> ControlApi::pin(const json request, io::Reply& reply) {
  const auto store = store_of(request);
  const auto root = digest_from_hex(request.value("root", std::string()));
  const store::Content content{request.value("size", std::uint64_t{0}), root.value_or(Digest{})};
  if (!store || !root || !content.is_valid()) {
    co_return co_await refuse(
        reply, "pin needs a store id, and SIZE:ROOT with a size of 1 byte to 1 TiB and 64 hex digits", kUsage);
  }
  scope_.memory.remember_pin({*store, content});
  scope_.brain.tell([&](peer::Peer& peer, Now now) { peer.pin(now, *store, content); });
  (void)co_await reply.done();
}

// {"command":"share","store":ID,"on":true|false}
asio::awaitable<void> ControlApi::share(const json request, io::Reply& reply) {
  const auto store = store_of(request);
  const auto on = request.find("on");
  const bool understood = store && on != request.end() && on->is_boolean();
  if (!understood)
    co_return co_await refuse(reply, "share needs a store id of 64 lower-case hex digits, and on or off", kUsage);
  const bool is_private = !on->get<bool>();
  const auto& configured = scope_.config.private_stores;
  const bool is_fixed = std::ranges::find(configured, *store) != configured.end();
  if (is_fixed && !is_private) {
    co_return co_await refuse(reply, "the configuration says that this store is private: take it out of there", kUsage);
  }
  if (!scope_.memory.set_private(*store, is_private)) {
    co_return co_await refuse(reply, "that cannot be remembered: the state database cannot be written", kFailed);
  }
  scope_.brain.tell([&](peer::Peer& peer, Now now) { peer.set_private(now, *store, is_private); });
  (void)co_await reply.done();
}

// {"command":"unwant"|"rm","store":ID}
asio::awaitable<void> ControlApi::unwant(const json request, io::Reply& reply) {
  const auto store = store_of(request);
  const std::string command = request.value("command", std::string());
  if (!store) co_return co_await refuse(reply, command + " needs a store id of 64 lower-case hex digits", kUsage);
  const bool is_listed = std::ranges::find(scope_.config.stores, *store) != scope_.config.stores.end();
  if (is_listed) co_return co_await refuse(reply, "the configuration wants this store: take it out of there", kUsage);
  const auto is_it = [&](const auto& pin) { return pin.store == *store; };
  const bool is_pinned =
      std::ranges::any_of(scope_.memory.pinned(), is_it) || std::ranges::any_of(scope_.config.pins, is_it);
  if (is_pinned)
    co_return co_await refuse(reply, "this store is pinned; first: turnpike pin --remove " + store->to_string(),
                              kUsage);
  const bool is_known = scope_.brain.peer().store(*store) || scope_.file_notes().contains(*store);
  if (!is_known) co_return co_await refuse(reply, "this node knows nothing of that store", kNotFound);
  scope_.memory.forget_want(*store);
  scope_.memory.remember_refusal(*store);
  scope_.brain.tell([&](peer::Peer& peer, Now now) { peer.refuse(now, *store); });
  if (command == "rm") {
    const std::string wrong = co_await scope_.remove(*store);
    if (!wrong.empty()) co_return co_await refuse(reply, wrong, kFailed);
  }
  (void)co_await reply.done();
}

// {"command":"recheck","store":ID}
asio::awaitable<void> ControlApi::recheck(const json request, io::Reply& reply) {
  const auto store = store_of(request);
  if (!store) co_return co_await refuse(reply, "recheck needs a store id of 64 lower-case hex digits", kUsage);
  co_await scope_.recheck(*store);
  (void)co_await reply.done();
}

}  // namespace turnpike::node
