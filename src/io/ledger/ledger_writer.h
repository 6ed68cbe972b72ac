// Writes a ledger on a thread of its own, as many rows at once as have come together meanwhile.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "io/ledger/ledger.h"

namespace turnpike::io {

namespace asio = boost::asio;

/// A failed write is tried again after so long, with the same rows.
constexpr Duration kLedgerRetry = std::chrono::seconds(5);

/// One thread's, the loop's. Must outlive the loop's run.
class LedgerWriter {
 public:
  LedgerWriter(asio::any_io_executor loop, std::unique_ptr<Ledger> ledger);
  ~LedgerWriter();
  LedgerWriter(const LedgerWriter&) = delete;
  LedgerWriter& operator=(const LedgerWriter&) = delete;

  /// `told` hears, on the loop, how many more rows are durable, in order; 0: a write has failed.
  void on_written(std::function<void(std::size_t rows)> told);
  void write(const budget::Row& row);
  /// Returns when all is written, or a write has failed.
  [[nodiscard]] asio::awaitable<void> flush();

 private:
  struct State;
  [[nodiscard]] static asio::awaitable<void> run(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace turnpike::io
