#include "io/http/client.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <cstring>

#include "io/http/parser.h"
#include "io/http/serialize.h"
#include "io/loop/convert.h"
#include "io/loop/deadline.h"
#include "io/tcp/prefixed_pipe.h"
#include "io/tcp/tcp.h"

namespace turnpike::io::http {

using Framing = ResponseParser::Framing;

struct Client::State {
  State(std::unique_ptr<BytePipe> owned, std::string host, ClientLimits given)
      : pipe(std::move(owned)), authority(std::move(host)), limits(given) {}

  void close() {
    is_over = true;
    if (pipe) pipe->close();
  }
  [[nodiscard]] ByteView buffered() const { return ByteView(buffer).subspan(begin, end - begin); }
  void consume(std::size_t size) {
    begin += size;
    if (begin == end) begin = end = 0;
  }

  asio::awaitable<Result<std::size_t, IoError>> fill();
  asio::awaitable<Result<ResponseHead, IoError>> read_head(bool to_head);
  asio::awaitable<Result<std::size_t, IoError>> read_plain(std::span<std::uint8_t> into);
  asio::awaitable<Result<std::size_t, IoError>> read_chunked(std::span<std::uint8_t> into);
  [[nodiscard]] IoError why(IoError error) const { return deadline && deadline->expired() ? IoError::kTimeout : error; }

  std::unique_ptr<BytePipe> pipe;
  std::string authority;
  ClientLimits limits;
  std::unique_ptr<Deadline> deadline;  // made with the first request, on its loop
  std::unique_ptr<ResponseParser> parser;
  Bytes buffer;  // bytes read beyond the head; at most max_header + 1
  std::size_t begin = 0;
  std::size_t end = 0;
  Framing framing = Framing::kNone;
  std::uint64_t left = 0;  ///< With kLength.
  bool keeps_alive = true;
  bool is_over = false;
};

asio::awaitable<Result<std::size_t, IoError>> Client::State::fill() {
  const std::size_t limit = limits.max_header + 1;
  if (begin > 0) {
    std::copy(buffer.begin() + static_cast<std::ptrdiff_t>(begin), buffer.begin() + static_cast<std::ptrdiff_t>(end),
              buffer.begin());
    end -= begin;
    begin = 0;
  }
  if (buffer.size() < limit) buffer.resize(limit);
  if (end == limit) co_return fail(IoError::kLimit);
  const auto got = co_await pipe->read_some(std::span(buffer).subspan(end));
  if (!got) co_return fail(why(got.error()));
  end += *got;
  co_return *got;
}

asio::awaitable<Result<ResponseHead, IoError>> Client::State::read_head(bool to_head) {
  const std::size_t max_header = limits.max_header;
  for (;;) {
    parser = std::make_unique<ResponseParser>(max_header, to_head);
    while (!parser->has_head()) {
      if (begin < end) {
        const auto taken = parser->feed(buffered());
        if (!taken) {
          co_return fail(taken.error() == ParseError::kHeaderTooLarge ? IoError::kLimit : IoError::kProtocol);
        }
        consume(*taken);
        if (parser->has_head()) break;
      }
      const auto more = co_await fill();
      if (!more) co_return fail(more.error());
    }
    // An interim response is followed by the one that counts; 101 is the last on this protocol.
    if (parser->status() >= 200 || parser->status() == 101) break;
  }
  ResponseHead head{parser->status(), parser->headers(), {}};
  framing = parser->status() == 101 ? Framing::kNone : parser->framing();
  keeps_alive = parser->keeps_alive() && framing != Framing::kUntilEnd;
  left = framing == Framing::kLength ? parser->content_length() : 0;
  if (framing == Framing::kLength) head.content_length = left;
  if (framing == Framing::kNone) head.content_length = 0;
  co_return head;
}

asio::awaitable<Result<std::size_t, IoError>> Client::State::read_plain(std::span<std::uint8_t> into) {
  std::size_t size = into.size();
  if (framing == Framing::kLength) size = std::min<std::uint64_t>(size, left);
  into = into.first(size);
  size = std::min(size, end - begin);
  if (size > 0) {
    std::memcpy(into.data(), buffer.data() + begin, size);
    consume(size);
  } else {
    const auto got = co_await pipe->read_some(into);
    if (!got && got.error() == IoError::kClosed && framing == Framing::kUntilEnd && !is_over) {
      framing = Framing::kNone;
      co_return std::size_t{0};
    }
    // The server promised more bytes than it gave: its fault, unless we closed or gave up.
    const bool is_short = !got && got.error() == IoError::kClosed && !is_over && !deadline->expired();
    if (!got) co_return fail(is_short ? IoError::kProtocol : why(got.error()));
    size = *got;
  }
  if (framing == Framing::kLength) {
    left -= size;
    if (left == 0) framing = Framing::kNone;
  }
  co_return size;
}

asio::awaitable<Result<std::size_t, IoError>> Client::State::read_chunked(std::span<std::uint8_t> into) {
  ResponseParser& chunks = *parser;
  for (;;) {
    const auto decoded = chunks.decode(buffered(), into);
    if (!decoded) co_return fail(IoError::kProtocol);
    consume(decoded->taken);
    if (decoded->is_end) framing = Framing::kNone;
    if (decoded->made > 0 || decoded->is_end) co_return decoded->made;
    const auto more = co_await fill();
    if (!more) co_return fail(more.error() == IoError::kClosed && !is_over ? IoError::kProtocol : more.error());
  }
}

Client::Client(std::unique_ptr<BytePipe> pipe, std::string authority, ClientLimits limits)
    : state_(std::make_unique<State>(std::move(pipe), std::move(authority), limits)) {}
Client::~Client() = default;

asio::awaitable<Result<std::unique_ptr<Client>, IoError>> Client::connect(Url url, std::optional<TlsClientContext> tls,
                                                                          ClientLimits limits) {
  const auto started = now();
  auto connected = co_await connect_host(url.host, url.port, limits.connect_time);
  if (!connected) co_return fail(connected.error());
  std::unique_ptr<BytePipe> pipe = std::move(*connected);
  if (url.is_tls()) {
    if (!tls) co_return fail(IoError::kTls);
    auto secured = co_await tls_connect(std::move(pipe), *tls, url.host, limits.connect_time - (now() - started));
    if (!secured) co_return fail(secured.error());
    pipe = std::move(*secured);
  }
  co_return std::make_unique<Client>(std::move(pipe), url.authority(), limits);
}

asio::awaitable<Result<std::unique_ptr<Client>, IoError>> Client::connect(Endpoint to, ClientLimits limits) {
  auto connected = co_await io::connect(to, limits.connect_time);
  if (!connected) co_return fail(connected.error());
  co_return std::make_unique<Client>(std::move(*connected), to.to_string(), limits);
}

asio::awaitable<Result<ResponseHead, IoError>> Client::request(ClientRequest request) {
  State& state = *state_;
  if (!is_reusable()) co_return fail(IoError::kClosed);
  if (!state.deadline) {
    const auto loop = co_await asio::this_coro::executor;
    state.deadline = std::make_unique<Deadline>(loop, [&state] { state.pipe->close(); });
  }
  const bool has_body = !request.body.empty() || request.method == Method::kPost || request.method == Method::kPut;
  std::optional<std::uint64_t> length;
  if (has_body) length = request.body.size();
  const std::string head = serialize_request(request.method, request.target, state.authority, request.headers, length);
  state.deadline->arm(state.limits.head_time);
  const auto wrote = co_await state.pipe->write_both(bytes_of(head), request.body);
  if (!wrote) {
    state.close();
    co_return fail(state.why(wrote.error()));
  }
  auto answered = co_await state.read_head(request.method == Method::kHead);
  state.deadline->disarm();
  if (!answered) state.close();
  co_return answered;
}

asio::awaitable<Result<std::size_t, IoError>> Client::read_body(std::span<std::uint8_t> into) {
  State& state = *state_;
  if (state.framing == Framing::kNone) co_return std::size_t{0};
  if (state.is_over) co_return fail(IoError::kClosed);
  state.deadline->arm(state.limits.stall_time);
  auto got = state.framing == Framing::kChunked ? state.read_chunked(into) : state.read_plain(into);
  auto result = co_await std::move(got);
  state.deadline->disarm();
  if (!result) state.close();
  co_return result;
}

asio::awaitable<Result<Bytes, IoError>> Client::read_all(std::size_t limit) {
  Bytes all;
  for (;;) {
    const std::size_t had = all.size();
    if (had > limit) {
      close();
      co_return fail(IoError::kLimit);
    }
    // One byte beyond the limit is asked for, to tell the end from more.
    all.resize(std::min(limit + 1, had + (std::size_t{16} << 10U)));
    const auto got = co_await read_body(std::span(all).subspan(had));
    if (!got) co_return fail(got.error());
    all.resize(had + *got);
    if (*got == 0) co_return all;
  }
}

bool Client::is_reusable() const {
  return state_->pipe && !state_->is_over && state_->framing == Framing::kNone && state_->keeps_alive;
}

std::unique_ptr<BytePipe> Client::take_pipe() {
  state_->is_over = true;
  state_->deadline.reset();
  Bytes rest = copy_of(state_->buffered());
  return with_prefix(std::move(state_->pipe), std::move(rest));
}

void Client::close() { state_->close(); }

}  // namespace turnpike::io::http
