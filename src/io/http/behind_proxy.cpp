#include "io/http/behind_proxy.h"

#include <boost/asio/this_coro.hpp>

#include "io/loop/deadline.h"
#include "io/tcp/prefixed_pipe.h"

namespace turnpike::io::http {
namespace {

class ClientsPipe final : public BytePipe {
 public:
  ClientsPipe(std::unique_ptr<BytePipe> lower, const Endpoint& client) : lower_(std::move(lower)), client_(client) {}

  asio::awaitable<Result<std::size_t, IoError>> read_some(std::span<std::uint8_t> into) override {
    return lower_->read_some(into);
  }
  asio::awaitable<Status<IoError>> write(ByteView bytes) override { return lower_->write(bytes); }
  asio::awaitable<Status<IoError>> write_both(ByteView head, ByteView body) override {
    return lower_->write_both(head, body);
  }
  asio::awaitable<Status<IoError>> write_ahead(ByteView bytes) override { return lower_->write_ahead(bytes); }
  asio::awaitable<Result<std::uint64_t, IoError>> write_some_file(int fd, std::uint64_t offset,
                                                                  std::uint64_t length) override {
    return lower_->write_some_file(fd, offset, length);
  }
  asio::awaitable<Status<IoError>> wait_readable() override { return lower_->wait_readable(); }
  asio::awaitable<void> finish() override { return lower_->finish(); }
  void close() override { lower_->close(); }
  Endpoint remote() const override { return client_; }

 private:
  std::unique_ptr<BytePipe> lower_;
  Endpoint client_;
};

}  // namespace

std::unique_ptr<BytePipe> with_remote(std::unique_ptr<BytePipe> lower, const Endpoint& client) {
  if (lower->remote() == client) return lower;
  return std::make_unique<ClientsPipe>(std::move(lower), client);
}

asio::awaitable<Result<std::unique_ptr<BytePipe>, IoError>> take_proxy_header(std::unique_ptr<BytePipe> pipe,
                                                                              Duration time) {
  const auto loop = co_await asio::this_coro::executor;
  Deadline deadline(loop, [&pipe] { pipe->close(); });
  deadline.arm(time);
  Bytes head(kMaxProxyHeader);
  std::size_t size = 0;
  for (;;) {
    const auto got = co_await pipe->read_some(std::span(head).subspan(size));
    if (!got) co_return fail(deadline.expired() ? IoError::kTimeout : got.error());
    size += *got;
    const ByteView seen = ByteView(head).first(size);
    const bool is_header = may_be_proxy_header(seen);
    const auto parsed = parse_proxy_header(seen);
    if (is_header && !parsed && parsed.error() == ProxyHeaderError::kIncomplete) continue;
    if (is_header && !parsed) co_return fail(IoError::kProtocol);
    deadline.disarm();
    const std::size_t taken = parsed ? parsed->size : 0;
    const Endpoint client = parsed ? parsed->client.value_or(pipe->remote()) : pipe->remote();
    Bytes rest = copy_of(seen.subspan(taken));
    co_return with_remote(with_prefix(std::move(pipe), std::move(rest)), client);
  }
}

}  // namespace turnpike::io::http
