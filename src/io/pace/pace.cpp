#include "io/pace/pace.h"

#include "io/loop/convert.h"
#include "io/loop/event.h"

namespace turnpike::io {

namespace {

/// One coroutine that waits; on its frame.
struct Waiter {
  explicit Waiter(const asio::any_io_executor& loop) : granted(loop) {}
  Event granted;
  std::uint64_t bytes = 0;
};

}  // namespace

struct Pace::State : std::enable_shared_from_this<State> {
  State(asio::any_io_executor executor, std::optional<std::uint64_t> rate) : loop(std::move(executor)), timer(loop) {
    if (rate) pacer.emplace(*rate);
  }

  void serve() {
    if (!pacer) return;
    while (const auto event = pacer->poll_event()) {
      const auto waiter = waiters.find(event->ask);
      if (waiter == waiters.end()) {
        early.emplace(event->ask, event->bytes);  // granted at once: whoever asked has not seen the number yet
        continue;
      }
      waiter->second->bytes = event->bytes;
      waiter->second->granted.set();
      waiters.erase(waiter);
    }
    const auto next = pacer->poll_timeout();
    if (next == armed) return;
    armed = next;
    timer.cancel();
    if (!next) return;
    timer.expires_at(to_steady(*next));
    timer.async_wait([self = shared_from_this()](const boost::system::error_code& cancelled) {
      if (cancelled || !self->pacer) return;
      self->armed.reset();
      self->pacer->handle_timeout(now());
      self->serve();
    });
  }

  void lift() {
    pacer.reset();
    timer.cancel();
    for (const auto& [ask, waiter] : waiters) waiter->granted.set();  // with 0 bytes: no limit any more
    waiters.clear();
  }

  asio::any_io_executor loop;
  asio::steady_timer timer;
  std::optional<pace::Pacer> pacer;
  std::optional<Instant> armed;
  std::map<pace::AskId, Waiter*> waiters;
  std::map<pace::AskId, std::uint64_t> early;
};

namespace {

/// Takes a waiter off the table when its coroutine ends or is destroyed.
template <class State>
class Waiting {
 public:
  Waiting(State& state, pace::AskId ask, Waiter& waiter) : state_(state), ask_(ask) { state.waiters[ask] = &waiter; }
  ~Waiting() {
    if (state_.waiters.erase(ask_) == 0 || !state_.pacer) return;
    state_.pacer->cancel(now(), ask_);
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  State& state_;
  pace::AskId ask_;
};

}  // namespace

Pace::Pace(asio::any_io_executor loop, std::optional<std::uint64_t> bytes_per_second)
    : state_(std::make_shared<State>(std::move(loop), bytes_per_second)) {}
Pace::~Pace() { state_->lift(); }
bool Pace::is_limited() const { return state_->pacer.has_value(); }
void Pace::lift() { state_->lift(); }

Share::Share(const Pace& pace, const pace::FlowKey& flow) : state_(pace.state_), flow_(flow) {}

bool Share::is_limited() const { return state_ && state_->pacer; }

asio::awaitable<std::uint64_t> Share::take(std::uint64_t wanted) const {
  const auto state = state_;
  if (!state || !state->pacer) co_return wanted;
  const pace::AskId ask = state->pacer->ask(now(), flow_, wanted);
  state->serve();
  const auto early = state->early.extract(ask);
  if (!early.empty()) co_return early.mapped();
  Waiter waiter(state->loop);
  const Waiting waiting(*state, ask, waiter);
  co_await waiter.granted.wait();
  co_return waiter.bytes > 0 ? waiter.bytes : wanted;
}

void Share::give_back(std::uint64_t bytes) const {
  if (!is_limited() || bytes == 0) return;
  state_->pacer->give_back(now(), flow_, bytes);
  state_->serve();
}

}  // namespace turnpike::io
