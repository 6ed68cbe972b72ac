// Asks whatever runs under it to end early, once; for one loop.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

namespace turnpike::io {

class Stop {
 public:
  Stop() = default;
  Stop(const Stop&) = delete;
  Stop& operator=(const Stop&) = delete;

  void request() {
    if (std::exchange(requested_, true)) return;
    while (!hooks_.empty()) {  // a hook may end other guards, and then theirs is not called
      const auto first = hooks_.extract(hooks_.begin());
      first.mapped()();
    }
  }
  [[nodiscard]] bool is_requested() const { return requested_; }

  /// Calls `hook` when the stop is requested (at once where it was), unless the guard was destroyed before.
  class [[nodiscard]] Guard {
   public:
    Guard(Stop& stop, std::function<void()> hook) : stop_(stop), id_(stop.next_++) {
      if (stop_.requested_) {
        hook();
      } else {
        stop_.hooks_.emplace(id_, std::move(hook));
      }
    }
    ~Guard() { stop_.hooks_.erase(id_); }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

   private:
    Stop& stop_;
    std::uint64_t id_;
  };

 private:
  std::map<std::uint64_t, std::function<void()>> hooks_;
  std::uint64_t next_ = 0;
  bool requested_ = false;
};

}  // namespace turnpike::io
