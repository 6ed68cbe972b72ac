#include "bootstrap/http_api.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "base/hex.h"
#include "io/loop/convert.h"

namespace turnpike::bootstrap {
namespace {

using io::http::Method;
using io::http::Request;
using io::http::Response;
using nlohmann::json;

Response answer(const json& body, unsigned status = 200) { return Response::json(status, body.dump()); }

unsigned status_of(rendezvous::ErrorCode code) {
  switch (code) {
    case rendezvous::ErrorCode::kMessageTooLarge:
    case rendezvous::ErrorCode::kTooManyStores:
      return 413;
    case rendezvous::ErrorCode::kNotAuthenticated:
    case rendezvous::ErrorCode::kBadStatement:
      return 403;
    case rendezvous::ErrorCode::kReplayed:
      return 409;
    case rendezvous::ErrorCode::kTooFast:
      return 429;
    case rendezvous::ErrorCode::kFull:
      return 503;
    case rendezvous::ErrorCode::kTargetOffline:
      return 404;
    default:
      return 400;
  }
}

Response refuse(const rendezvous::Rejected& rejected) {
  Response response = answer({{"error", rejected.text}}, status_of(rejected.code));
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(rejected.retry_after).count();
  if (seconds > 0) response.headers.add("Retry-After", std::to_string(seconds));
  return response;
}

Response refuse(std::string_view text) { return answer({{"error", text}}, 400); }

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

json endpoints_json(const std::vector<Endpoint>& endpoints) {
  json out = json::array();
  for (const Endpoint& endpoint : endpoints) out.push_back(endpoint.to_string());
  return out;
}

json services_json(const std::vector<rendezvous::Service>& services) {
  json out = json::array();
  for (const rendezvous::Service& each : services) {
    out.push_back({{"kind", name_of(each.kind)}, {"endpoint", each.endpoint.to_string()}});
  }
  return out;
}

json announcer_json(const rendezvous::Announcer& announcer) {
  return {{"peer", announcer.peer.to_string()},
          {"http", endpoints_json(announcer.http)},
          {"services", services_json(announcer.services)},
          {"size", announcer.content.size},
          {"root", to_hex(announcer.content.root)},
          {"observed", announcer.observed.to_string()},
          {"connected", announcer.connected}};
}

// "<epoch>.<version>", as an answer before gave it.
std::optional<rendezvous::Cursor> parse_cursor(const std::string& text) {
  const std::size_t dot = text.find('.');
  if (text.empty()) return rendezvous::Cursor{};
  if (dot == std::string::npos) return std::nullopt;
  const auto epoch = number_of(std::string_view(text).substr(0, dot));
  const auto version = number_of(std::string_view(text).substr(dot + 1));
  if (!epoch || !version) return std::nullopt;
  return rendezvous::Cursor{*epoch, *version};
}

class Api {
 public:
  explicit Api(Brain& brain) : brain_(brain) {}

  Response stats() {
    const rendezvous::Stats stats = brain_.server().stats();
    return answer({{"connections", stats.connections},
                   {"authenticated", stats.authenticated},
                   {"peers", stats.peers},
                   {"stores", stats.stores},
                   {"contents", stats.contents},
                   {"entries", stats.entries},
                   {"registrations", stats.registrations},
                   {"registrations_refused", stats.registrations_refused},
                   {"lookups", stats.lookups},
                   {"signals", stats.signals},
                   {"requests_refused", stats.requests_refused},
                   {"proofs",
                    {{"asks", stats.proofs.asks},
                     {"refused", stats.proofs.refused},
                     {"probes", stats.proofs.probes},
                     {"proved", stats.proofs.proved},
                     {"rejected", stats.proofs.rejected}}},
                   {"relay",
                    {{"sessions", stats.relay_sessions},
                     {"sessions_opened", stats.relay.sessions_opened},
                     {"sessions_joined", stats.relay.sessions_joined},
                     {"bytes", stats.relay.bytes},
                     {"refused", stats.relay.refused}}}});
  }

  Response enroll(const Request& request) {
    const auto ttl = brain_.server().register_peer(io::both_now(), request.remote, request.body);
    brain_.pump();
    if (!ttl) return refuse(ttl.error());
    return answer({{"ttl", ttl->count()}});
  }

  Response see(const Request& request) {
    const auto seen = brain_.server().see(io::both_now(), request.remote, request.body);
    brain_.pump();
    if (!seen) return refuse(seen.error());
    return answer({{"observed", seen->to_string()}});
  }

  Response find(const Request& request) {
    const auto id = store::StoreId::parse(request.path().substr(std::string_view("/v1/stores/").size()));
    if (!id) return refuse("a store id is 64 lower-case hex digits");
    const auto found = brain_.server().lookup(io::both_now(), request.remote, *id);
    brain_.pump();
    if (!found) return refuse(found.error());
    json announcers = json::array();
    for (const auto& announcer : found->announcers) announcers.push_back(announcer_json(announcer));
    return answer({{"store", id->to_string()}, {"announcers", announcers}});
  }

  Response inventory(const Request& request) {
    const auto cursor = parse_cursor(request.query("cursor").value_or(""));
    if (!cursor) return refuse("a cursor is what an answer before gave, or nothing");
    const auto page = brain_.server().inventory(io::both_now(), request.remote, *cursor);
    brain_.pump();
    if (!page) return refuse(page.error());
    json stores = json::array();
    for (const auto& entry : page->entries) {
      stores.push_back(
          {{"store", entry.id.to_string()}, {"size", entry.content.size}, {"root", to_hex(entry.content.root)}});
    }
    const std::string next = std::to_string(page->cursor.epoch) + "." + std::to_string(page->cursor.version);
    return answer({{"stores", stores}, {"cursor", next}, {"more", page->more}});
  }

  Response peers(const Request& request) {
    const auto after_text = request.query("after");
    std::optional<identity::PeerId> after;
    if (after_text) {
      after = identity::PeerId::parse(*after_text);
      if (!after) return refuse("`after` is a peer id, 12D3KooW…");
    }
    const auto page = brain_.server().peers(io::both_now(), request.remote, after);
    brain_.pump();
    if (!page) return refuse(page.error());
    json peers = json::array();
    for (const auto& peer : page->peers) {
      const auto expires = std::chrono::duration_cast<std::chrono::seconds>(peer.expires_in).count();
      peers.push_back({{"peer", peer.peer.to_string()},
                       {"http", endpoints_json(peer.http)},
                       {"services", services_json(peer.services)},
                       {"observed", peer.observed.to_string()},
                       {"stores", peer.stores},
                       {"connected", peer.connected},
                       {"expires_in", expires}});
    }
    json out{{"peers", peers}};
    if (page->next) out["next"] = page->next->to_string();
    return answer(out);
  }

 private:
  Brain& brain_;
};

asio::awaitable<Response> ready(Response response) {
  Response out = std::move(response);
  co_return out;
}

// A route whose answer is there at once.
template <class F>
io::http::Handler at_once(F make) {
  return [make = std::move(make)](const Request& request) { return ready(make(request)); };
}

}  // namespace

void add_routes(io::http::Server& server, Brain& brain, RelaySwitch& relays) {
  const auto api = std::make_shared<Api>(brain);
  server.route(Method::kGet, "/v1/stats", at_once([api](const Request&) { return api->stats(); }));
  server.route(Method::kPost, "/v1/register", at_once([api](const Request& r) { return api->enroll(r); }),
               {.max_body = rendezvous::kMaxMessageSize});
  server.route(Method::kPost, "/v1/seen", at_once([api](const Request& r) { return api->see(r); }),
               {.max_body = rendezvous::kMaxSeenSize});
  server.route(Method::kGet, "/v1/stores/", at_once([api](const Request& r) { return api->find(r); }));
  server.route(Method::kGet, "/v1/inventory", at_once([api](const Request& r) { return api->inventory(r); }));
  server.route(Method::kGet, "/v1/peers", at_once([api](const Request& r) { return api->peers(r); }));
  server.route(Method::kGet, std::string(relay::kRelayPath),
               at_once([&relays](const Request& r) { return relays.answer(r); }));
  server.route(Method::kGet, "/v1/connect", at_once([&brain](const Request& r) {
                 io::WebSocketLimits limits;
                 limits.max_message = rendezvous::kMaxMessageSize;
                 return io::accept_websocket(r, {}, limits, [&brain](std::unique_ptr<io::WebSocket> socket) {
                   return brain.serve(std::move(socket));
                 });
               }));
}

}  // namespace turnpike::bootstrap
