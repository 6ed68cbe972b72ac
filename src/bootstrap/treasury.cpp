#include "bootstrap/treasury.h"

#include "io/log/log.h"
#include "io/loop/convert.h"

namespace turnpike::bootstrap {
namespace {

std::string percent(budget::Ratio ratio) { return std::to_string(ratio / 100) + " %"; }

void tell(const budget::Budget::Event& event) {
  if (const auto* began = std::get_if<budget::MonthBegan>(&event)) {
    io::log_info("the month {} begins, and its budget", began->month.to_string());
    return;
  }
  const auto& changed = std::get<budget::ModeChanged>(event);
  io::log_warning("relaying is {} now, and was {}: {} of the month's budget is spent, {} by its end at this rate",
                  name_of(changed.to), name_of(changed.from), percent(changed.spent), percent(changed.projected));
}

}  // namespace

Treasury::Treasury(asio::any_io_executor loop, const budget::Budget::Config& config, const std::filesystem::path& file)
    : timer_(loop) {
  std::optional<budget::Books> books;
  auto opened = io::Ledger::open(file);
  if (opened) {
    books = std::move(opened->books);
    writer_.emplace(loop, std::move(opened->ledger));
    writer_->on_written([this](std::size_t rows) {
      if (rows == 0) return budget_->handle_write_failed();
      budget_->handle_written(rows);
    });
  } else {
    damage_ = opened.error();
    io::log_error(
        "{}. Nothing is relayed; peers find each other as before. Put the file right, or move it away to begin "
        "a new one",
        damage_->text);
  }
  budget_.emplace(io::both_now(), config, std::move(books));
  purse_ = budget_->open_purse(io::both_now());
  pump();
}

void Treasury::pump() {
  while (const auto row = budget_->poll_row()) writer_->write(*row);
  while (const auto event = budget_->poll_event()) tell(*event);
  const std::optional<Instant> next = budget_->poll_timeout();
  if (stopped_ || !next || next == armed_) return;
  armed_ = next;
  timer_.expires_at(io::to_steady(*next));
  timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (cancelled || stopped_) return;
    armed_.reset();
    budget_->handle_timeout(io::both_now());
    pump();
  });
}

asio::awaitable<void> Treasury::flush() {
  const bool has_writer = writer_.has_value();
  if (has_writer) co_await writer_->flush();
}

void Treasury::stop() {
  stopped_ = true;
  timer_.cancel();
  budget_->close_all(io::both_now());
  pump();
}

turn::Payer::Answer Treasury::pay(Now now, std::uint64_t bytes) {
  const budget::Take take = budget_->take(now, purse_, {bytes, bytes});
  pump();
  return {.allowed = take.verdict == budget::Take::Verdict::kPass,
          .rest = take.verdict == budget::Take::Verdict::kLater ? take.rest : Duration{}};
}

bool Treasury::is_spent(Now now) {
  const budget::Figures figures = budget_->figures(now);
  pump();
  return !figures.is_writing || figures.mode >= budget::Mode::kFinishQuotes;
}

}  // namespace turnpike::bootstrap
