#include "io/channel/http_source.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "base/hex.h"
#include "io/http/range.h"
#include "io/loop/convert.h"

namespace turnpike::io {

namespace {

SourceFailure failure_of(IoError error) {
  switch (error) {
    case IoError::kTimeout:
      return {SourceError::kTimeout, {}};
    case IoError::kProtocol:
    case IoError::kLimit:
    case IoError::kTls:
      return {SourceError::kProtocol, {}};
    case IoError::kClosed:
    case IoError::kRefused:
    case IoError::kUnreachable:
    case IoError::kCancelled:
    case IoError::kOther:
      break;
  }
  return {SourceError::kConnection, {}};
}

/// Retry-After in seconds; the other form, a date, is not used between nodes and counts as not said.
Duration retry_after(const http::Headers& headers) {
  const std::optional<std::string_view> text = headers.find("Retry-After");
  std::uint64_t seconds = 0;
  if (!text) return {};
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (error != std::errc() || end != text->data() + text->size()) return {};
  constexpr std::uint64_t kMost = std::chrono::duration_cast<std::chrono::seconds>(kMaxRetryAfter).count();
  return std::chrono::seconds(std::min(seconds, kMost));
}

/// Why this answer has no body for us.
SourceFailure failure_of(const http::ResponseHead& head) {
  switch (head.status) {
    case 404:
    case 410:
      return {SourceError::kNotFound, {}};
    case 412:
      return {SourceError::kWrongRoot, {}};
    case 429:
      return {SourceError::kOverQuota, retry_after(head.headers)};
    case 500:
    case 502:
    case 503:
    case 504:
      return {SourceError::kBusy, retry_after(head.headers)};
    default:
      return {SourceError::kProtocol, {}};
  }
}

std::string etag_of(const store::Content& content) { return http::make_etag(content.size, to_hex(content.root)); }

/// Whether the answer is exactly the bytes that were asked for; a tag that is there must be ours.
std::optional<SourceFailure> check_range(const http::ResponseHead& head, const store::Content& content,
                                         const http::ByteRange& wanted) {
  const std::optional<std::string_view> etag = head.headers.find("ETag");
  if (etag && *etag != etag_of(content)) return SourceFailure{SourceError::kWrongRoot, {}};
  const SourceFailure wrong{SourceError::kProtocol, {}};
  if (head.status == 200) {
    if (wanted.offset != 0 || wanted.length != content.size) return wrong;
  } else if (head.status == 206) {
    const auto given = http::parse_content_range(head.headers.find("Content-Range").value_or(""));
    if (!given || given->range != wanted) return wrong;
    if (given->size && *given->size != content.size) return wrong;
  } else {
    return failure_of(head);
  }
  if (head.content_length != wanted.length) return wrong;
  return std::nullopt;
}

http::ClientRequest get(std::string target) {
  http::ClientRequest request;
  request.target = std::move(target);
  return request;
}

SourceFailure unless_stopped(const Stop& stop, SourceFailure failure) {
  return stop.is_requested() ? SourceFailure{SourceError::kStopped, {}} : failure;
}

}  // namespace

HttpSource::~HttpSource() = default;

asio::awaitable<Result<HttpSource::Connection, SourceFailure>> HttpSource::take_connection() {
  http::ClientLimits limits;
  limits.connect_time = patience_.silence;
  limits.head_time = patience_.silence;
  limits.stall_time = patience_.silence;
  while (!idle_.empty()) {
    Connection connection = std::move(idle_.back());
    idle_.pop_back();
    if (connection->is_reusable()) co_return connection;
  }
  Result<Connection, IoError> connected = co_await http::Client::connect(peer_, limits);
  if (!connected) co_return fail(failure_of(connected.error()));
  co_return *std::move(connected);
}

void HttpSource::give_back(Connection connection) {
  if (connection->is_reusable() && idle_.size() < kMaxIdleConnections) idle_.push_back(std::move(connection));
}

asio::awaitable<Result<Bytes, SourceFailure>> HttpSource::get_small(std::string target, std::size_t limit, Stop& stop) {
  bool again = true;
  while (true) {
    const bool reused = !idle_.empty();
    Result<Connection, SourceFailure> taken = co_await take_connection();
    if (!taken) co_return fail(unless_stopped(stop, taken.error()));
    Connection connection = *std::move(taken);
    const Stop::Guard guard(stop, [client = connection.get()] { client->close(); });
    const Result<http::ResponseHead, IoError> head = co_await connection->request(get(target));
    if (!head && reused && !stop.is_requested() && std::exchange(again, false)) {
      idle_.clear();  // the server had closed it while it was idle, and so most likely the others
      continue;
    }
    if (!head) co_return fail(unless_stopped(stop, failure_of(head.error())));
    if (head->status != 200) co_return fail(failure_of(*head));
    Result<Bytes, IoError> body = co_await connection->read_all(limit);
    if (!body) co_return fail(unless_stopped(stop, failure_of(body.error())));
    give_back(std::move(connection));
    co_return *std::move(body);
  }
}

asio::awaitable<Result<Bytes, SourceFailure>> HttpSource::layer_page(store::StoreId store, store::Content content,
                                                                     std::uint32_t first_piece, Stop& stop) {
  const std::string target =
      "/v1/layer/" + store.to_string() + "?root=" + to_hex(content.root) + "&from=" + std::to_string(first_piece);
  co_return co_await get_small(target, exchange::kMaxLayerPageSize, stop);
}

asio::awaitable<Result<Bytes, SourceFailure>> HttpSource::leaves(store::StoreId store, store::Content content,
                                                                 std::uint32_t piece, Stop& stop) {
  const std::string target =
      "/v1/layer/" + store.to_string() + "?root=" + to_hex(content.root) + "&leaves=" + std::to_string(piece);
  const std::uint64_t expected =
      exchange::longest_body({.store = store, .content = content, .ask = exchange::AskLeaves{piece}});
  Result<Bytes, SourceFailure> body = co_await get_small(target, exchange::kMaxLeavesSize, stop);
  if (body && body->size() != expected) co_return fail(SourceFailure{SourceError::kProtocol, {}});
  co_return body;
}

asio::awaitable<Status<SourceFailure>> HttpSource::range(store::StoreId store, store::Content content,
                                                         std::uint64_t offset, std::uint64_t length, RangeSink& sink,
                                                         Stop& stop) {
  const http::ByteRange wanted{.offset = offset, .length = length};
  bool again = true;
  while (true) {
    const bool reused = !idle_.empty();
    Result<Connection, SourceFailure> taken = co_await take_connection();
    if (!taken) co_return fail(unless_stopped(stop, taken.error()));
    Connection connection = *std::move(taken);
    const Stop::Guard guard(stop, [client = connection.get()] { client->close(); });
    http::ClientRequest request = get("/download/" + store.to_string());
    request.headers.add("Range", http::make_range(wanted));
    request.headers.add("If-Match", etag_of(content));
    const Result<http::ResponseHead, IoError> head = co_await connection->request(std::move(request));
    if (!head && reused && !stop.is_requested() && std::exchange(again, false)) {
      idle_.clear();
      continue;
    }
    if (!head) co_return fail(unless_stopped(stop, failure_of(head.error())));
    if (const auto failure = check_range(*head, content, wanted)) co_return fail(*failure);

    exchange::Patience patience(patience_);
    std::uint64_t got = 0;
    while (got < length) {
      const std::span<std::uint8_t> space = co_await sink.space();
      if (space.empty() || stop.is_requested()) co_return fail(SourceFailure{SourceError::kStopped, {}});
      const std::uint64_t turn = co_await download_.take(std::min<std::uint64_t>(space.size(), length - got));
      const auto part = static_cast<std::size_t>(turn);
      std::ignore = patience.wait(now());
      const Result<std::size_t, IoError> read = co_await connection->read_body(space.first(part));
      patience.received(now(), read ? *read : 0);
      if (!read && read.error() == IoError::kTimeout) co_return fail(failure_of(read.error()));
      if (!read || *read == 0) co_return fail(unless_stopped(stop, {SourceError::kConnection, {}}));
      if (patience.is_over(now())) co_return fail(SourceFailure{SourceError::kTimeout, {}});
      got += *read;
      download_.give_back(part - *read);
      sink.commit(*read);
    }
    std::uint8_t beyond = 0;
    const Result<std::size_t, IoError> end = co_await connection->read_body(std::span(&beyond, 1));
    if (end && *end == 0) give_back(std::move(connection));
    co_return Ok{};
  }
}

}  // namespace turnpike::io
