#include "io/channel/memory_pipe.h"

#include <algorithm>
#include <array>

#include "io/channel/wake.h"

namespace turnpike::io {

namespace {

/// One direction.
struct Lane {
  Bytes bytes;
  std::size_t read = 0;  ///< Of `bytes`, from the front.
  Wake changed;

  [[nodiscard]] std::size_t waiting() const { return bytes.size() - read; }
};

struct Shared {
  std::array<Lane, 2> lanes;  ///< lanes[i] is what end i writes.
  bool closed = false;
};

class MemoryPipe final : public BytePipe {
 public:
  MemoryPipe(std::shared_ptr<Shared> shared, std::size_t end) : shared_(std::move(shared)), end_(end) {}
  ~MemoryPipe() override { MemoryPipe::close(); }

  asio::awaitable<Result<std::size_t, IoError>> read_some(std::span<std::uint8_t> into) override {
    const Status<IoError> ready = co_await wait_readable();
    if (!ready) co_return fail(ready.error());
    Lane& lane = shared_->lanes[1 - end_];
    const std::size_t size = std::min(into.size(), lane.waiting());
    std::copy_n(lane.bytes.begin() + static_cast<std::ptrdiff_t>(lane.read), size, into.begin());
    lane.read += size;
    if (lane.waiting() == 0) {
      lane.bytes.clear();
      lane.read = 0;
    } else if (lane.read >= kMemoryPipeCapacity) {  // a reader that never catches up must not make it grow
      lane.bytes.erase(lane.bytes.begin(), lane.bytes.begin() + static_cast<std::ptrdiff_t>(lane.read));
      lane.read = 0;
    }
    lane.changed.notify_all();
    co_return size;
  }

  asio::awaitable<Status<IoError>> write(ByteView bytes) override {
    const std::shared_ptr<Shared> shared = shared_;
    Lane& lane = shared->lanes[end_];
    while (!bytes.empty()) {
      if (shared->closed) co_return fail(IoError::kClosed);
      const std::size_t size = std::min(bytes.size(), kMemoryPipeCapacity - lane.waiting());
      if (size == 0) {
        co_await lane.changed.wait();
        continue;
      }
      lane.bytes.insert(lane.bytes.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
      bytes = bytes.subspan(size);
      lane.changed.notify_all();
    }
    co_return Ok{};
  }

  asio::awaitable<Status<IoError>> wait_readable() override {
    const std::shared_ptr<Shared> shared = shared_;
    Lane& lane = shared->lanes[1 - end_];
    while (lane.waiting() == 0) {
      if (shared->closed) co_return fail(IoError::kClosed);
      co_await lane.changed.wait();
    }
    co_return Ok{};
  }

  void close() override {
    shared_->closed = true;
    for (Lane& lane : shared_->lanes) lane.changed.notify_all();
  }
  [[nodiscard]] Endpoint remote() const override { return {}; }

 private:
  std::shared_ptr<Shared> shared_;
  std::size_t end_;
};

}  // namespace

std::pair<std::unique_ptr<BytePipe>, std::unique_ptr<BytePipe>> make_memory_pipes() {
  const auto shared = std::make_shared<Shared>();
  return {std::make_unique<MemoryPipe>(shared, 0), std::make_unique<MemoryPipe>(shared, 1)};
}

}  // namespace turnpike::io
