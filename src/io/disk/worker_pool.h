// The few threads on which all blocking file work and hashing is done. Results come back to the loop.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <type_traits>
#include <utility>

namespace turnpike::io {

namespace asio = boost::asio;

/// Must be destroyed, or stopped, before the loop's io_context is destroyed. Long work is many jobs of a few MiB each,
/// so that nothing waits long for a thread, nor stop() for a job.
class WorkerPool {
 public:
  WorkerPool(asio::any_io_executor loop, unsigned threads)
      : loop_(std::move(loop)), size_(threads), threads_(threads) {}
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  ~WorkerPool() { stop(); }

  /// Waits for the jobs that have begun and drops the others; whoever waits for those waits until the loop is
  /// destroyed.
  void stop() {
    threads_.stop();
    threads_.join();
  }
  [[nodiscard]] const asio::any_io_executor& loop() const { return loop_; }
  [[nodiscard]] unsigned size() const { return size_; }

  /// Runs `work()` on a thread of the pool and resumes the caller, on its own executor, with what it returned (not
  /// void). `work` must not throw. What it touches must stay until it is done: nothing interrupts it.
  template <class F>
  [[nodiscard]] asio::awaitable<std::invoke_result_t<F&>> run(F work) {
    using R = std::invoke_result_t<F&>;
    auto start = [this](auto handler, F job) {
      auto executor = asio::get_associated_executor(handler, loop_);
      asio::post(threads_, [handler = std::move(handler), job = std::move(job),
                            guard = asio::make_work_guard(executor)]() mutable {
        asio::post(guard.get_executor(),
                   [handler = std::move(handler), result = job()]() mutable { std::move(handler)(std::move(result)); });
      });
    };
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(R)>(
        std::move(start), asio::use_awaitable, std::move(work));
  }

 private:
  asio::any_io_executor loop_;
  unsigned size_;
  asio::thread_pool threads_;
};

}  // namespace turnpike::io
