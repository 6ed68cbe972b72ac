// The bootstrap's budget between its ledger on disk and the sessions that spend it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <filesystem>
#include <optional>
#include <string>

#include "bootstrap/brain.h"
#include "core/budget/budget.h"
#include "core/turn/payer.h"
#include "io/ledger/ledger_writer.h"

namespace turnpike::bootstrap {

/// One thread's. Must outlive the Brain that borrows its budget, and the loop's run.
class Treasury final : public MoneyWatcher, public turn::Payer {
 public:
  /// Opens the ledger, or makes it. One that is damaged, or cannot be opened, is told in the log, and nothing is
  /// relayed.
  Treasury(asio::any_io_executor loop, const budget::Budget::Config& config, const std::filesystem::path& file);

  [[nodiscard]] budget::Budget& budget() { return *budget_; }
  /// What is wrong with the ledger, if anything is.
  [[nodiscard]] const std::optional<io::LedgerError>& damage() const { return damage_; }

  /// Hands new rows to the disk, tells of changes, and sets the timer. Call it after every call of the budget.
  void pump() override;
  /// Returns when all rows are on disk, or cannot be brought there.
  [[nodiscard]] asio::awaitable<void> flush();
  /// Settles everything: what was not used is free again after the next start. Nothing flows any more.
  void stop();

  // TURN pays out of one purse.
  [[nodiscard]] turn::Payer::Answer pay(Now now, std::uint64_t bytes) override;
  [[nodiscard]] bool is_spent(Now now) override;

 private:
  asio::steady_timer timer_;
  std::optional<Instant> armed_;
  bool stopped_ = false;
  std::optional<io::LedgerError> damage_;
  std::optional<io::LedgerWriter> writer_;
  std::optional<budget::Budget> budget_;
  budget::AccountId purse_ = 0;
};

}  // namespace turnpike::bootstrap
