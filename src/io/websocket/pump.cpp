#include "io/websocket/pump.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>
#include <optional>

#include "io/loop/deadline.h"
#include "io/loop/event.h"
#include "io/tcp/buffer_pool.h"

namespace turnpike::io {
namespace {

static_assert(kPumpBuffer == kPooledBuffer);
/// A longer wait is asked for again in pieces, so that the pump sees the other side end.
constexpr Duration kLongestWait = std::chrono::milliseconds(250);

struct Joint {
  explicit Joint(const asio::any_io_executor& loop) : changed(loop) {}

  Event changed;
  std::optional<PumpEnd> end;
  int running = 2;  ///< Coroutines that refer to this.
  PumpResult result;
};

struct Direction {
  BytePipe& from;
  BytePipe& to;
  PumpSide side;
  PumpEnd when_from_ends;
  PumpEnd when_to_ends;
  std::uint64_t& passed;
};

/// False: the meter wants no more, or the other direction ended the session.
asio::awaitable<bool> is_allowed(Joint& joint, const PumpMeter& meter, PumpSide side, std::size_t size) {
  PumpVerdict verdict = PumpVerdict::pass();
  while (!joint.end) {
    verdict = meter(side, size);
    if (verdict.kind == PumpVerdict::Kind::kPass) co_return true;
    if (verdict.kind == PumpVerdict::Kind::kStop) break;
    co_await pause(std::min(verdict.wait, kLongestWait));
  }
  co_return false;
}

asio::awaitable<PumpEnd> pump(Joint& joint, const PumpMeter& meter, Direction direction) {
  BytePipe& from = direction.from;
  while (!joint.end) {
    const auto ready = co_await from.wait_readable();
    if (!ready) co_return direction.when_from_ends;
    PooledBuffer buffer = PooledBuffer::take();
    const auto got = co_await from.read_some(buffer.span());
    if (!got) co_return direction.when_from_ends;
    const bool allowed = co_await is_allowed(joint, meter, direction.side, *got);
    if (!allowed) break;
    const auto wrote = co_await direction.to.write(buffer.span().first(*got));
    if (!wrote) co_return direction.when_to_ends;
    direction.passed += *got;
  }
  co_return PumpEnd::kStopped;
}

asio::awaitable<void> run_pump(Joint& joint, const PumpMeter& meter, Direction direction) {
  const auto end = co_await pump(joint, meter, direction);
  if (!joint.end) joint.end = end;
  --joint.running;
  joint.changed.set();
}

asio::awaitable<void> run_finish(Joint& joint, BytePipe& pipe) {
  int& running = joint.running;
  co_await pipe.finish();
  --running;
  joint.changed.set();
}

void start_finish(const asio::any_io_executor& loop, Joint& joint, BytePipe& pipe) {
  ++joint.running;
  asio::co_spawn(loop, run_finish(joint, pipe), asio::detached);
}

}  // namespace

asio::awaitable<PumpResult> join_pipes(BytePipe& first, BytePipe& second, PumpMeter meter) {
  const auto loop = co_await asio::this_coro::executor;
  Joint joint(loop);
  const Direction there{first,
                        second,
                        PumpSide::kFirstToSecond,
                        PumpEnd::kFirstClosed,
                        PumpEnd::kSecondClosed,
                        joint.result.first_to_second};
  const Direction back{second,
                       first,
                       PumpSide::kSecondToFirst,
                       PumpEnd::kSecondClosed,
                       PumpEnd::kFirstClosed,
                       joint.result.second_to_first};
  asio::co_spawn(loop, run_pump(joint, meter, there), asio::detached);
  asio::co_spawn(loop, run_pump(joint, meter, back), asio::detached);
  while (!joint.end) {
    joint.changed.reset();
    co_await joint.changed.wait();
  }
  // Whoever ended has nothing more to hear; the other is told in order, after everything that was meant for it.
  if (*joint.end == PumpEnd::kFirstClosed) first.close();
  if (*joint.end == PumpEnd::kSecondClosed) second.close();
  if (*joint.end != PumpEnd::kFirstClosed) start_finish(loop, joint, first);
  if (*joint.end != PumpEnd::kSecondClosed) start_finish(loop, joint, second);
  while (joint.running > 0) {
    joint.changed.reset();
    co_await joint.changed.wait();
  }
  joint.result.end = *joint.end;
  co_return joint.result;
}

}  // namespace turnpike::io
