#include "io/http/stream_body.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace turnpike::io::http {
namespace {

/// A peer has `stall_time` for each stretch of this size.
constexpr std::size_t kStretch = std::size_t{256} << 10U;

/// Never lets out more than was promised.
class Writer final : public BodyWriter {
 public:
  Writer(BytePipe& pipe, Deadline& deadline, Duration stall_time, std::uint64_t length, std::uint64_t& sent)
      : pipe_(pipe), deadline_(deadline), stall_time_(stall_time), left_(length), sent_(sent) {}

  asio::awaitable<Status<IoError>> write(ByteView bytes) override {
    const Duration stall_time = stall_time_;
    if (bytes.size() > left_) co_return fail(IoError::kLimit);
    while (!bytes.empty()) {
      const ByteView stretch = bytes.first(std::min(bytes.size(), kStretch));
      deadline_.arm(stall_time);
      const auto wrote = co_await pipe_.write(stretch);
      deadline_.disarm();
      if (!wrote) co_return wrote;
      bytes = bytes.subspan(stretch.size());
      left_ -= stretch.size();
      sent_ += stretch.size();
    }
    co_return Ok{};
  }
  [[nodiscard]] std::uint64_t left() const { return left_; }

 private:
  BytePipe& pipe_;
  Deadline& deadline_;
  Duration stall_time_;
  std::uint64_t left_;
  std::uint64_t& sent_;
};

}  // namespace

asio::awaitable<Status<IoError>> send_stream_body(BytePipe& pipe, Deadline& deadline, Duration stall_time,
                                                  StreamBody body, std::uint64_t& sent) {
  const StreamBody stream = std::move(body);
  Writer writer(pipe, deadline, stall_time, stream.length, sent);
  bool whole = false;
  try {
    whole = co_await stream.produce(writer);
  } catch (const std::exception&) {
    whole = false;  // the connection pays, the loop goes on
  }
  if (!whole || writer.left() > 0) co_return fail(IoError::kOther);
  co_return Ok{};
}

}  // namespace turnpike::io::http
