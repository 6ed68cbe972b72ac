#include "io/ledger/ledger_writer.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "io/disk/worker_pool.h"
#include "io/log/log.h"
#include "io/loop/event.h"

namespace turnpike::io {

struct LedgerWriter::State {
  State(const asio::any_io_executor& on, std::unique_ptr<Ledger> to)
      : loop(on), ledger(std::move(to)), retry(on), settled(on) {
    settled.set();
  }

  asio::any_io_executor loop;
  std::unique_ptr<Ledger> ledger;
  std::function<void(std::size_t)> told;
  std::vector<budget::Row> waiting;
  bool is_running = false;
  bool is_over = false;
  asio::steady_timer retry;
  Event settled;  // nothing is waiting, or the last write has failed
  WorkerPool pool{loop, 1};
};

LedgerWriter::LedgerWriter(asio::any_io_executor loop, std::unique_ptr<Ledger> ledger)
    : state_(std::make_shared<State>(loop, std::move(ledger))) {}

LedgerWriter::~LedgerWriter() {
  state_->is_over = true;
  state_->told = {};
  state_->retry.cancel();
  state_->pool.stop();
}

void LedgerWriter::on_written(std::function<void(std::size_t)> told) { state_->told = std::move(told); }

void LedgerWriter::write(const budget::Row& row) {
  state_->waiting.push_back(row);
  if (state_->is_running) return;
  state_->is_running = true;
  state_->settled.reset();
  asio::co_spawn(state_->loop, run(state_), asio::detached);
}

asio::awaitable<void> LedgerWriter::flush() {
  const std::shared_ptr<State> state = state_;
  co_await state->settled.wait();
}

asio::awaitable<void> LedgerWriter::run(std::shared_ptr<State> given) {
  const std::shared_ptr<State> state = std::move(given);
  std::vector<budget::Row> rows;
  while (!state->is_over && (!rows.empty() || !state->waiting.empty())) {
    rows.insert(rows.end(), state->waiting.begin(), state->waiting.end());
    state->waiting.clear();
    auto work = [ledger = state->ledger.get(), &rows] { return ledger->append(rows); };
    const auto written = co_await state->pool.run(std::move(work));
    if (state->is_over) co_return;
    if (written) {
      const std::size_t count = rows.size();
      rows.clear();
      if (state->told) state->told(count);
      continue;
    }
    log_error("{}; nothing new is relayed until it works, and it is tried again every {} s", written.error().text,
              std::chrono::duration_cast<std::chrono::seconds>(kLedgerRetry).count());
    if (state->told) state->told(0);
    state->settled.set();
    state->retry.expires_after(kLedgerRetry);
    boost::system::error_code woken;
    co_await state->retry.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
  state->is_running = false;
  state->settled.set();
}

}  // namespace turnpike::io
