#include "bootstrap/legacy_relay.h"

#include <algorithm>
#include <array>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>
#include <set>
#include <utility>

#include "base/hex.h"
#include "bootstrap/public_base.h"
#include "core/dig/address.h"
#include "io/channel/store_stream.h"
#include "io/http/range.h"
#include "io/log/log.h"
#include "io/loop/convert.h"

namespace turnpike::bootstrap {
namespace {

using io::http::Method;

constexpr std::string_view kRelayEndpoint = "/bootstrap-turn-relay";
constexpr std::string_view kDownload = "/download/";
constexpr std::uint32_t kCost = 2;  // of a network's share of requests
constexpr std::uint64_t kSlotRetrySeconds = 30;
constexpr std::uint64_t kBusyRetrySeconds = 5;

/// What the prototype's bootstrap served, or pretended to, and no old node needs.
struct Unserved {
  Method method;
  std::string_view path;
  unsigned status;
  std::string_view error;
  std::string_view suggestion;
};
constexpr std::string_view kNoSockets =
    "Socket.IO is not served: nothing is relayed through events here. Stores are at turnAddresses and relayEndpoint";
constexpr std::array<Unserved, 12> kUnserved{{
    {Method::kGet, "/socket.io/", 404, kNoSockets, "GET /peers, POST /relay-store"},
    {Method::kPost, "/socket.io/", 404, kNoSockets, "GET /peers, POST /relay-store"},
    {Method::kPost, "/signal-turn-connection", 404, "Target peer not connected via WebSocket", "POST /relay-store"},
    {Method::kPost, "/turn-relay-chunk", 501, "chunks by events are not served", "POST /relay-store with a range"},
    {Method::kPost, "/turn-peer-exchange", 501, "peer exchange by events is not served", "GET /peers"},
    {Method::kPost, "/bootstrap-turn-direct", 501, "not served", "GET /peers: turnAddresses"},
    {Method::kPost, "/bootstrap-turn-http-relay", 501, "not served", "POST /relay-store"},
    {Method::kGet, "/bootstrap-turn-coordinate/", 501, "not served", "POST /relay-store"},
    {Method::kGet, "/available-turn-servers", 501, "not served", "GET /turn-servers"},
    {Method::kPost, "/resolve-crypto-ipv6", 501, "a crypto-IPv6 is nobody's address; not served", "GET /peers"},
    {Method::kGet, "/crypto-ipv6-directory", 501, "a crypto-IPv6 is nobody's address; not served", "GET /peers"},
    {Method::kGet, "/libp2p-bootstrap", 501, "not served", "GET /peers"},
}};

/// Who says the same of the store as most networks do, and can be asked. Null: nobody can.
const rendezvous::Announcer* best_of(const rendezvous::FoundStore& found) {
  std::map<store::Content, std::set<IpAddress>> networks;
  for (const rendezvous::Announcer& each : found.announcers) networks[each.content].insert(network_of(each.observed));
  const rendezvous::Announcer* best = nullptr;
  for (const rendezvous::Announcer& each : found.announcers) {
    if (!each.connected) continue;
    if (best == nullptr || networks[each.content].size() > networks[best->content].size()) best = &each;
  }
  return best;
}

asio::awaitable<io::http::Response> ready(io::http::Response response) {
  io::http::Response out = std::move(response);
  co_return out;
}

io::http::Response refuse(const SourceLinkFailure& failure) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(failure.retry_after).count();
  switch (failure.error) {
    case SourceLinkError::kOffline:
      return legacy_refusal(404, {.error = "Source peer not connected via WebSocket",
                                  .suggestion = "its turnAddresses, or another peer that has the store"});
    case SourceLinkError::kRefused:
      return legacy_refusal(429,
                            {.error = failure.text,
                             .retry_after_seconds = static_cast<std::uint64_t>(std::max<std::int64_t>(1, seconds))});
    case SourceLinkError::kNoAnswer:
      break;
  }
  return legacy_refusal(408, {.error = "Request timeout: the source did not answer (" + failure.text + ")"});
}

io::http::Response refuse(const io::SourceFailure& failure) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(failure.retry_after).count();
  const auto retry = std::max<std::uint64_t>(kBusyRetrySeconds, static_cast<std::uint64_t>(seconds));
  switch (failure.error) {
    case io::SourceError::kNotFound:
    case io::SourceError::kWrongRoot:
      return legacy_refusal(404, {.error = "the source does not hold this store any more"});
    case io::SourceError::kBusy:
    case io::SourceError::kOverQuota:
      return legacy_refusal(503, {.error = "the source is busy", .retry_after_seconds = retry});
    case io::SourceError::kConnection:
    case io::SourceError::kTimeout:
    case io::SourceError::kStopped:
      return legacy_refusal(408, {.error = "Request timeout: the source went silent"});
    case io::SourceError::kProtocol:
      break;
  }
  return legacy_refusal(500, {.error = "the source sent bytes that are not the store's"});
}

}  // namespace

/// One store on its way to one old node. Holds its slot, and the source's link, until its last byte or its end.
struct LegacyRelay::Transfer {
  Transfer(Brain& brain_, budget::Budget* budget_, SourceLinks& links_, std::shared_ptr<dig::Slots> slots_,
           IpAddress asker_, identity::PeerId source_)
      : brain(brain_), budget(budget_), links(links_), slots(std::move(slots_)), asker(asker_), source(source_) {}
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer() {
    slots->give_back(asker);
    if (account == 0) return;
    budget->close(io::both_now(), account);
    brain.pump();
  }

  Brain& brain;
  budget::Budget* budget;
  budget::AccountId account = 0;  ///< That what goes out is charged to; 0: none.

  SourceLinks& links;
  std::shared_ptr<dig::Slots> slots;
  IpAddress asker;
  identity::PeerId source;
  std::optional<SourceLinkFailure> link_failure;
  Bytes first;  ///< Verified before anything was promised.
  std::optional<io::StoreStream> stream;
};

LegacyRelay::LegacyRelay(Brain& brain, Legacy& legacy, SourceLinks& links, io::WorkerPool& pool)
    : brain_(brain), legacy_(legacy), links_(links), pool_(pool) {}

void LegacyRelay::add_routes(io::http::Server& server) {
  const io::http::RouteOptions options{.max_body = dig::kMaxRequestSize};
  server.route(Method::kPost, "/relay-store", [this](const Request& r) { return ready(relay_store(r)); }, options);
  server.route(Method::kPost, std::string(kRelayEndpoint), [this](Request r) { return relay(std::move(r)); }, options);
  server.route(Method::kGet, std::string(kDownload), [this](Request r) { return download(std::move(r)); });
  for (const Unserved& each : kUnserved) {
    server.route(
        each.method, std::string(each.path),
        [&each](const Request&) {
          return ready(legacy_refusal(each.status,
                                      {.error = std::string(each.error), .suggestion = std::string(each.suggestion)}));
        },
        options);
  }
}

std::optional<io::http::Response> LegacyRelay::charge(const Request& request) {
  const auto limited = brain_.server().charge(io::both_now(), request.remote, kCost);
  if (!limited) return std::nullopt;
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(limited->retry_after).count();
  return legacy_refusal(429, {.error = limited->text,
                              .retry_after_seconds = static_cast<std::uint64_t>(std::max<std::int64_t>(1, seconds))});
}

// Of the two, the one that has the store and can be asked: old nodes name the source in either place.
Result<rendezvous::Announcer, io::http::Response> LegacyRelay::source_of(const Request& request,
                                                                         const dig::RelayRequest& asked) {
  const Now now = io::both_now();
  rendezvous::Server& server = brain_.server();
  std::optional<rendezvous::Announcer> found;
  for (const identity::PeerId& peer : {asked.from, asked.to}) {
    auto held = server.held_by(now, request.remote, peer, asked.store);
    if (held && (!found || (held->connected && !found->connected))) found = std::move(held);
  }
  if (found) return *std::move(found);
  const bool is_known = server.is_registered(asked.from) || server.is_registered(asked.to);
  if (is_known) return fail(legacy_refusal(404, {.error = "Store not found: the source has not announced it"}));
  const bool is_old = legacy_.registry.contains(asked.from) && legacy_.registry.contains(asked.to);
  if (is_old) {
    return fail(legacy_refusal(404, {.error = "Source peer not connected via WebSocket",
                                     .suggestion = "its turnAddresses, or another peer that has the store"}));
  }
  return fail(legacy_refusal(404, {.error = "Source peer not found"}));
}

// An old node that has the store, and whose HTTP was found, can be asked directly; nobody can relay it.
std::vector<Endpoint> LegacyRelay::unsigned_turn(const dig::RelayRequest& asked) const {
  for (const identity::PeerId& peer : {asked.from, asked.to}) {
    const auto old = legacy_.registry.find(io::now(), peer);
    if (old && !old->turn.empty() && std::ranges::binary_search(old->stores, asked.store)) return old->turn;
  }
  return {};
}

io::http::Response LegacyRelay::relay_store(const Request& request) {
  if (auto limited = charge(request)) return *std::move(limited);
  const auto asked = dig::parse_relay(request.body);
  if (!asked) return legacy_refusal(asked.error());
  dig::RelayAnswer out{.endpoint = {}, .host = {}, .port = 0, .direct = {}, .range = asked->range};
  auto source = source_of(request, *asked);
  if (!source) {
    out.direct = unsigned_turn(*asked);
    if (out.direct.empty()) return source.error();
    return legacy_answer(200, dig::encode_relay(out));
  }
  out.direct = dig::told_for(source->http);
  if (!source->connected && out.direct.empty()) {
    return refuse(SourceLinkFailure{.error = SourceLinkError::kOffline, .retry_after = {}, .text = {}});
  }
  if (source->connected) {
    const auto base = public_base(request, legacy_.public_url);
    if (!base) {
      return legacy_refusal(400, {.error = "the Host header names no host that an absolute relayEndpoint could be "
                                           "made of"});
    }
    std::optional<Response> refused;
    if (legacy_.budget != nullptr) {
      const Now now = io::both_now();
      const budget::Asker asker{.from = request.remote.address, .way = budget::Way::kOutward};
      const auto terms = legacy_.budget->consider(now, asker);
      brain_.pump();
      if (!terms) refused = legacy_refusal(legacy_, now, terms.error(), false);
    }
    // Where the source can be asked directly, that is what costs nobody anything.
    if (refused && out.direct.empty()) return *std::move(refused);
    if (refused) return legacy_answer(200, dig::encode_relay(out));
    if (!legacy_.slots->has_room(request.remote.address)) {
      return legacy_refusal(429, {.error = "Cost-aware throttling: too many transfers run for you, or in all",
                                  .retry_after_seconds = kSlotRetrySeconds,
                                  .suggestion = "attempt_p2p_first"});
    }
    out.endpoint = absolute(*base, kRelayEndpoint);
    out.host = base->host;
    out.port = base->port;
  }
  return legacy_answer(200, dig::encode_relay(out));
}

asio::awaitable<io::http::Response> LegacyRelay::relay(Request request) {
  auto limited = charge(request);
  if (limited) co_return *std::move(limited);
  const auto asked = dig::parse_relay(request.body);
  if (!asked) co_return legacy_refusal(asked.error());
  auto source = source_of(request, *asked);
  if (!source) co_return source.error();
  co_return co_await start(std::move(request), *std::move(source), asked->store, asked->range);
}

// What `ourselves` of the directory leads to.
asio::awaitable<io::http::Response> LegacyRelay::download(Request request) {
  auto limited = charge(request);
  if (limited) co_return *std::move(limited);
  const auto id = store::StoreId::parse(request.path().substr(kDownload.size()));
  if (!id) co_return legacy_refusal(400, {.error = "a store id is 64 lower-case hex digits"});
  const auto found = brain_.server().lookup(io::both_now(), request.remote, *id);
  if (!found) co_return legacy_refusal(429, {.error = found.error().text, .retry_after_seconds = 1});
  const rendezvous::Announcer* const source = best_of(*found);
  if (source == nullptr) {
    co_return legacy_refusal(404,
                             {.error = "Store " + id->to_string() + " not found: nobody here who has it can be asked"});
  }
  const rendezvous::Announcer chosen = *source;
  co_return co_await start(std::move(request), chosen, *id, std::nullopt);
}

asio::awaitable<io::http::Response> LegacyRelay::start(Request request, rendezvous::Announcer source,
                                                       store::StoreId store, std::optional<dig::ByteSpan> range) {
  const store::Content content = source.content;
  const std::string etag = io::http::make_etag(content.size, to_hex(content.root));
  io::http::Response out;
  out.headers.add("Content-Type", "application/octet-stream");
  out.headers.add("Content-Disposition", "attachment; filename=\"" + store.file_name() + "\"");
  out.headers.add("ETag", etag);
  out.headers.add("Cache-Control", "no-store");
  std::uint64_t offset = 0;
  std::uint64_t length = content.size;
  if (range) {
    if (range->last >= content.size) {
      co_return legacy_refusal(416,
                               {.error = "Invalid range: the store has " + std::to_string(content.size) + " bytes"});
    }
    offset = range->first;
    length = range->last - range->first + 1;
    out.status = 206;
    out.headers.add("Content-Range", "bytes " + std::to_string(range->first) + "-" + std::to_string(range->last) + "/" +
                                         std::to_string(content.size));
  }
  if (request.method == Method::kHead) {
    io::http::StreamBody nothing;
    nothing.length = length;
    out.body = std::move(nothing);
    co_return out;
  }
  if (!legacy_.slots->take(request.remote.address)) {
    co_return legacy_refusal(
        429, {.error = "too many transfers run for you, or in all", .retry_after_seconds = kSlotRetrySeconds});
  }
  const auto transfer =
      std::make_shared<Transfer>(brain_, legacy_.budget, links_, legacy_.slots, request.remote.address, source.peer);
  if (legacy_.budget != nullptr) {
    const Now now = io::both_now();
    const budget::Asker asker{.from = request.remote.address, .way = budget::Way::kOutward, .whole = length};
    const auto terms = legacy_.budget->open(now, asker);
    brain_.pump();
    if (!terms) co_return legacy_refusal(legacy_, now, terms.error(), false);
    transfer->account = terms->account;
  }
  // The stream is the transfer's own: it must not keep it alive.
  const std::weak_ptr<Transfer> weak = transfer;
  transfer->stream.emplace(pool_, store, content, offset, length, [weak] { return connect(weak.lock()); });
  auto first = co_await transfer->stream->next();
  if (!first && transfer->link_failure) co_return refuse(*transfer->link_failure);
  if (!first) co_return refuse(first.error());
  transfer->first = *std::move(first);
  io::http::StreamBody body;
  body.length = length;
  body.produce = [transfer](io::http::BodyWriter& writer) { return send(transfer, writer); };
  out.body = std::move(body);
  co_return out;
}

asio::awaitable<Result<std::shared_ptr<io::StoreSource>, io::SourceFailure>> LegacyRelay::connect(
    std::shared_ptr<Transfer> transfer) {
  const std::shared_ptr<Transfer> held = std::move(transfer);
  if (!held) co_return fail(io::SourceFailure{io::SourceError::kStopped, {}});
  auto link = co_await held->links.take(held->source, held->asker);
  if (link) co_return *std::move(link);
  held->link_failure = link.error();
  co_return fail(io::SourceFailure{io::SourceError::kConnection, {}});
}

// Waits until so many bytes may go out. False: the promise is used up, which a whole transfer cannot reach.
asio::awaitable<bool> LegacyRelay::pay(Transfer& transfer, std::size_t bytes) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor);
  while (transfer.account != 0) {
    const budget::Take take = transfer.budget->take(io::both_now(), transfer.account, {0, bytes});
    transfer.brain.pump();
    if (take.verdict == budget::Take::Verdict::kOver) co_return false;
    if (take.rest > Duration::zero()) {
      timer.expires_after(take.rest);
      boost::system::error_code woken;
      co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    }
    if (take.verdict == budget::Take::Verdict::kPass) break;
  }
  co_return true;
}

asio::awaitable<bool> LegacyRelay::send(std::shared_ptr<Transfer> transfer, io::http::BodyWriter& writer) {
  const std::shared_ptr<Transfer> held = std::move(transfer);
  Bytes bytes = std::move(held->first);
  while (!bytes.empty()) {
    const bool paid = co_await pay(*held, bytes.size());
    if (!paid) co_return false;
    const auto wrote = co_await writer.write(bytes);
    if (!wrote) co_return false;
    auto more = co_await held->stream->next();
    if (!more) {
      io::log_info("relaying to an old node broke off: {}", io::to_string(more.error().error));
      co_return false;
    }
    bytes = *std::move(more);
  }
  co_return true;
}

}  // namespace turnpike::bootstrap
