// Any order of asking, carrying, closing, crashing and setting the clock: what has flowed in a month never costs more
// than the budget, every byte was on disk before it flowed, and the rows on disk always read as books.
#include <cstdlib>
#include <vector>

#include "core/budget/budget.h"

namespace turnpike::budget {
namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

class World {
 public:
  World() { start(); }

  void step(std::uint8_t action, std::uint8_t a, std::uint8_t b) {
    switch (action % 10) {
      case 0:
      case 1:
        return open(a, b);
      case 2:
      case 3:
      case 4:
        return carry(a, std::uint64_t{b} << (a % 16U));
      case 5:
        if (!accounts_.empty()) close(a % accounts_.size());
        return;
      case 6:
        return write(b % 4U);
      case 7:
        return crash(a);
      case 8:
        now_.mono += std::chrono::seconds(b);
        now_.wall.unix_ms += std::uint64_t{b} * 1000;
        return budget_->handle_timeout(now_);
      case 9:
        return turn_the_clock(a, b);
      default:
        return;
    }
  }

  void check() {
    const Figures figures = budget_->figures(now_);
    drain();
    if (figures.month == month_) must(figures.flowed.holds(flowed_));
    must(config_.plan.cost_of(figures.flowed + figures.promised) <= config_.plan.budget);
  }

 private:
  struct Open {
    AccountId id = 0;
    std::uint64_t left = 0;
  };

  void start() {
    Books books;
    for (const Row& row : disk_) must(static_cast<bool>(books.apply(row)));
    budget_.emplace(now_, config_, std::move(books));
    drain();
  }
  void drain() {
    while (const auto row = budget_->poll_row()) queued_.push_back(*row);
    while (budget_->poll_event()) {
    }
  }
  void write(std::size_t rows) {
    for (; rows > 0 && !queued_.empty(); --rows) {
      disk_.push_back(queued_.front());
      queued_.pop_front();
      budget_->handle_written(1);
    }
  }
  void crash(std::uint8_t written_yet) {
    // Some of what was handed over may have reached the disk without our hearing of it.
    for (unsigned n = written_yet % 3U; n > 0 && !queued_.empty(); --n) {
      disk_.push_back(queued_.front());
      queued_.pop_front();
    }
    queued_.clear();
    accounts_.clear();
    start();
  }
  void open(std::uint8_t a, std::uint8_t b) {
    Asker asker{.peer = PeerId{{static_cast<std::uint8_t>(a % 5)}}, .from = IpAddress::v4(203, 0, 113, a)};
    asker.way = static_cast<Way>(b % 3);
    asker.is_ourselves = b % 7 == 0;
    if (b % 5 == 0) asker.peer.reset();
    if (b % 11 == 0) asker.whole = std::uint64_t{b} << 12U;
    if (b == 255) (void)budget_->grant(now_, {{a}}, {Tier::kPremium, std::nullopt});
    if (b == 254) {
      accounts_.push_back({budget_->open_purse(now_), UINT64_MAX});
    } else if (const auto terms = budget_->open(now_, asker)) {
      must(terms->bytes > 0);
      accounts_.push_back({terms->account, terms->bytes});
    }
    drain();
  }
  void carry(std::uint8_t a, std::uint64_t bytes) {
    if (accounts_.empty()) return;
    const Traffic traffic{a % 3 == 1 ? 0 : bytes, a % 3 == 2 ? 0 : bytes};
    const Month before = budget_->figures(now_).month;
    const Take take = budget_->take(now_, accounts_[a % accounts_.size()].id, traffic);
    drain();
    if (take.verdict != Take::Verdict::kPass || traffic.is_none()) return;
    must(before == budget_->figures(now_).month);
    must(before >= month_);  // one in which bytes have flowed does not open again
    if (before > month_) flowed_ = {};
    month_ = before;
    flowed_ = flowed_ + traffic;
    must(config_.plan.cost_of(flowed_) <= config_.plan.budget);
  }
  void close(std::size_t which) {
    budget_->close(now_, accounts_[which].id);
    accounts_.erase(accounts_.begin() + static_cast<std::ptrdiff_t>(which));
    drain();
  }
  void turn_the_clock(std::uint8_t a, std::uint8_t b) {
    const std::uint64_t far = std::uint64_t{b} * 6 * 3'600'000;
    now_.wall.unix_ms = a % 2 == 0 ? now_.wall.unix_ms + far : now_.wall.unix_ms - std::min(now_.wall.unix_ms, far);
    budget_->handle_timeout(now_);
    drain();
  }

  Budget::Config config_{.plan = {.budget = {9'000}, .per_gb_in = {10'000}, .fixed = {500}, .free_bytes = 5'000'000}};
  Now now_{Instant{}, WallTime{1'796'000'000'000}};
  std::optional<Budget> budget_;
  std::vector<Row> disk_;
  std::deque<Row> queued_;
  std::vector<Open> accounts_;
  Month month_{};
  Traffic flowed_;
};

}  // namespace
}  // namespace turnpike::budget

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  turnpike::budget::World world;
  turnpike::ByteReader in(turnpike::ByteView(data, size));
  while (in.remaining() >= 3) {
    const std::uint8_t action = in.u8();
    const std::uint8_t a = in.u8();
    world.step(action, a, in.u8());
    world.check();
  }
  return 0;
}
