#include "io/tcp/prefixed_pipe.h"

#include <algorithm>

namespace turnpike::io {
namespace {

class PrefixedPipe final : public BytePipe {
 public:
  PrefixedPipe(std::unique_ptr<BytePipe> lower, Bytes prefix) : lower_(std::move(lower)), prefix_(std::move(prefix)) {}

  asio::awaitable<Result<std::size_t, IoError>> read_some(std::span<std::uint8_t> into) override {
    const std::size_t size = std::min(into.size(), prefix_.size() - taken_);
    if (size == 0) co_return co_await lower_->read_some(into);
    std::copy_n(prefix_.begin() + static_cast<std::ptrdiff_t>(taken_), size, into.begin());
    taken_ += size;
    if (taken_ == prefix_.size()) {
      taken_ = 0;
      prefix_ = Bytes();
    }
    co_return size;
  }
  asio::awaitable<Status<IoError>> wait_readable() override {
    const bool has_prefix = !prefix_.empty();
    if (has_prefix) co_return Ok{};
    co_return co_await lower_->wait_readable();
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
  asio::awaitable<void> finish() override { return lower_->finish(); }
  void close() override { lower_->close(); }
  Endpoint remote() const override { return lower_->remote(); }

 private:
  std::unique_ptr<BytePipe> lower_;
  Bytes prefix_;
  std::size_t taken_ = 0;
};

}  // namespace

std::unique_ptr<BytePipe> with_prefix(std::unique_ptr<BytePipe> lower, Bytes prefix) {
  if (prefix.empty()) return lower;
  return std::make_unique<PrefixedPipe>(std::move(lower), std::move(prefix));
}

}  // namespace turnpike::io
