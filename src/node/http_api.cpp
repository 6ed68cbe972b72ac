#include "node/http_api.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "base/hex.h"
#include "io/http/range.h"
#include "io/loop/convert.h"

namespace turnpike::node {
namespace {

namespace asio = boost::asio;
using io::http::Headers;
using io::http::Method;
using io::http::Request;
using io::http::Response;
using nlohmann::json;

constexpr std::string_view kDownload = "/download/";
constexpr std::size_t kMaxStoresInHealth = 50;  // peers read 4 KiB of it; GET /stores has them all
constexpr std::string_view kLayer = "/v1/layer/";

Response refuse(unsigned status, std::string_view text) { return Response::json(status, json{{"error", text}}.dump()); }

Response refuse(io::DiskError error) {
  switch (error) {
    case io::DiskError::kBadRequest:
      return refuse(416, "this store has no such piece");
    case io::DiskError::kNotFound:
    case io::DiskError::kChanged:
      return refuse(404, "no such store here");
    default: {
      Response out = refuse(503, "the disk here cannot give it now");
      out.headers.add("Retry-After", "5");
      return out;
    }
  }
}

std::optional<std::uint32_t> number_of(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

class Api {
 public:
  Api(io::Catalogue& catalogue, Shared shared, std::function<sync::Mark(const store::StoreId&)> mark_of,
      HttpFacts facts)
      : catalogue_(catalogue), shared_(std::move(shared)), mark_of_(std::move(mark_of)), facts_(std::move(facts)) {}

  Response health() const {
    const auto up = std::chrono::duration_cast<std::chrono::seconds>(io::now() - facts_.started).count();
    // Old nodes read `status`, `peerId` and `stores`.
    const json body{{"status", "healthy"},
                    {"service", "turnpike node"},
                    {"version", facts_.version},
                    {"peer_id", facts_.peer_id},
                    {"peerId", facts_.peer_id},
                    {"stores", ids(kMaxStoresInHealth)},
                    {"uptime", up}};
    return Response::json(200, body.dump());
  }

  Response stores() const {
    json out = json::array();
    json names = json::array();
    for (const io::StoreAdded& store : catalogue_.list()) {
      if (!shared_(store.id)) continue;
      json entry{{"store", store.id.to_string()}, {"size", store.content.size}, {"root", to_hex(store.content.root)}};
      if (is_unconfirmed(store.id)) entry["mark"] = "unconfirmed";
      names.push_back(store.id.to_string());
      out.push_back(std::move(entry));
    }
    const std::size_t total = out.size();
    const json body{{"peer_id", facts_.peer_id},
                    {"peerId", facts_.peer_id},
                    {"stores", std::move(names)},
                    {"total", total},
                    {"contents", std::move(out)}};
    Response response = Response::json(200, body.dump());
    response.headers.add("Access-Control-Allow-Origin", "*");
    return response;
  }

  asio::awaitable<Response> download(const Request request) const {
    const auto id = store::StoreId::parse(request.path().substr(kDownload.size()));
    if (!id) co_return refuse(400, "a store id is 64 lower-case hex digits");
    if (!shared_(*id)) co_return refuse(404, "no such store here");
    auto opened = co_await catalogue_.open(*id);
    if (!opened) co_return refuse(opened.error());
    Response out = file_response(request, *std::move(opened));
    co_return out;
  }

  /// An address's part of the upload limit.
  [[nodiscard]] io::Share share_of(const Request& request) const {
    return facts_.upload ? io::Share(*facts_.upload, pace::flow_of(request.remote.address)) : io::Share();
  }

  /// Small bodies are paid for before they are sent.
  asio::awaitable<Response> paid(io::Share share, Bytes bytes) const {
    const io::Share mine = std::move(share);
    for (std::uint64_t left = bytes.size(); left > 0;) {
      const std::uint64_t granted = co_await mine.take(left);
      left -= granted;
    }
    co_return binary(std::move(bytes));
  }

  asio::awaitable<Response> layer(const Request request) const {
    const auto id = store::StoreId::parse(request.path().substr(kLayer.size()));
    const auto root = digest_from_hex(request.query("root").value_or(""));
    if (!id || !root) co_return refuse(400, "ask /v1/layer/<store id>?root=<root>&from=<piece>, or &leaves=<piece>");
    const auto held = catalogue_.find(*id);
    if (!held || held->root != *root || !shared_(*id)) co_return refuse(404, "no such store here");
    const auto leaves = request.query("leaves");
    const auto piece = number_of(leaves ? *leaves : request.query("from").value_or("0"));
    if (!piece || *piece >= held->piece_count()) co_return refuse(416, "this store has no such piece");
    if (leaves) {
      auto bytes = co_await catalogue_.leaves(*id, *held, *piece);
      if (!bytes) co_return refuse(bytes.error());
      co_return co_await paid(share_of(request), *std::move(bytes));
    }
    auto bytes = co_await catalogue_.layer_page(*id, *held, *piece);
    if (!bytes) co_return refuse(bytes.error());
    co_return co_await paid(share_of(request), *std::move(bytes));
  }

 private:
  [[nodiscard]] bool is_unconfirmed(const store::StoreId& id) const { return mark_of_(id) == sync::Mark::kUnconfirmed; }

  [[nodiscard]] json ids(std::size_t limit) const {
    json out = json::array();
    for (const io::StoreAdded& store : catalogue_.list()) {
      if (out.size() == limit) break;
      if (shared_(store.id)) out.push_back(store.id.to_string());
    }
    return out;
  }

  static Response binary(Bytes bytes) {
    Response out;
    out.headers.add("Content-Type", "application/octet-stream");
    out.headers.add("Access-Control-Allow-Origin", "*");
    out.body = std::move(bytes);
    return out;
  }

  [[nodiscard]] Response file_response(const Request& request, io::OpenStore opened) const {
    const std::string etag = io::http::make_etag(opened.content.size, to_hex(opened.content.root));
    const auto if_match = request.headers.find("If-Match");
    if (if_match && !io::http::satisfies_if_match(*if_match, etag))
      return refuse(412, "the store here has other bytes");
    io::http::RangeQuery query;
    query.range = request.headers.find("Range");
    query.if_range = request.headers.find("If-Range");
    query.if_none_match = request.headers.find("If-None-Match");
    query.is_get = request.method == Method::kGet;
    const io::http::Selection selection = io::http::select(query, opened.content.size, etag);

    Response out;
    out.status = selection.status;
    out.headers.add("Content-Type", "application/x-dig-archive");
    out.headers.add("ETag", etag);
    out.headers.add("Accept-Ranges", "bytes");
    out.headers.add("Access-Control-Allow-Origin", "*");
    out.headers.add("Content-Disposition", "attachment; filename=\"" + opened.id.file_name() + "\"");
    if (is_unconfirmed(opened.id)) out.headers.add("Turnpike-Mark", "unconfirmed");
    if (!selection.content_range.empty()) out.headers.add("Content-Range", selection.content_range);
    if (selection.length == 0) return out;
    auto owner = std::make_shared<io::OpenStore>(std::move(opened));
    io::http::FileBody body;
    body.fd = owner->file.get();
    body.on_sent = [store = owner.get()](std::uint64_t) { return store->is_unchanged(); };  // `owner` outlives it
    body.owner = std::move(owner);
    const io::Share share = share_of(request);
    if (share.is_limited()) body.pace = [share](std::uint64_t wanted) { return share.take(wanted); };
    body.offset = selection.offset;
    body.length = selection.length;
    out.body = std::move(body);
    return out;
  }

  io::Catalogue& catalogue_;
  Shared shared_;
  std::function<sync::Mark(const store::StoreId&)> mark_of_;
  HttpFacts facts_;
};

asio::awaitable<Response> ready(Response response) {
  Response out = std::move(response);
  co_return out;
}

}  // namespace

void add_routes(io::http::Server& server, io::Catalogue& catalogue, const Shared& shared,
                const std::function<sync::Mark(const store::StoreId&)>& mark_of, const HttpFacts& facts) {
  const auto api = std::make_shared<const Api>(catalogue, shared, mark_of, facts);
  server.route(Method::kGet, "/health", [api](const Request&) { return ready(api->health()); });
  server.route(Method::kGet, "/stores", [api](const Request&) { return ready(api->stores()); });
  server.route(Method::kGet, std::string(kDownload), [api](const Request& request) { return api->download(request); });
  server.route(Method::kGet, std::string(kLayer), [api](const Request& request) { return api->layer(request); });
}

}  // namespace turnpike::node
