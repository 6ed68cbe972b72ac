// Asks whatever runs under it to end early, once; for one loop.
#pragma once

#include <functional>
#include <list>

namespace turnpike::io {

class Stop {
 public:
  Stop() = default;
  Stop(const Stop&) = delete;
  Stop& operator=(const Stop&) = delete;

  void request() {
    if (requested_) return;
    requested_ = true;
    while (!hooks_.empty()) {
      const std::function<void()> hook = std::move(hooks_.front());
      hooks_.pop_front();
      if (hook) hook();
    }
  }
  [[nodiscard]] bool is_requested() const { return requested_; }

  /// Calls `hook` when the stop is requested (at once where it was), unless the guard was destroyed before.
  class [[nodiscard]] Guard {
   public:
    Guard(Stop& stop, std::function<void()> hook) : stop_(stop) {
      if (stop_.requested_) {
        hook();
        return;
      }
      place_ = stop_.hooks_.insert(stop_.hooks_.end(), std::move(hook));
      armed_ = true;
    }
    ~Guard() {
      if (armed_ && !stop_.requested_) stop_.hooks_.erase(place_);
    }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

   private:
    Stop& stop_;
    std::list<std::function<void()>>::iterator place_;
    bool armed_ = false;
  };

 private:
  std::list<std::function<void()>> hooks_;
  bool requested_ = false;
};

}  // namespace turnpike::io
