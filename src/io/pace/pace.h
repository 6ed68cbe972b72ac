// A rate that coroutines of one loop share: they wait here for their turn.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include "core/pace/pacer.h"

namespace turnpike::io {

namespace asio = boost::asio;

/// Lives on the loop. Waits may outlive it: they then end with all they asked for.
class Pace {
 public:
  /// Without a rate nobody waits.
  Pace(asio::any_io_executor loop, std::optional<std::uint64_t> bytes_per_second);
  ~Pace();
  Pace(const Pace&) = delete;
  Pace& operator=(const Pace&) = delete;

  [[nodiscard]] bool is_limited() const;
  /// From now on nobody waits: the end has come, and it should be quick.
  void lift();

 private:
  friend class Share;
  struct State;
  std::shared_ptr<State> state_;
};

/// One flow's part of a Pace; a default one has no limit. May be copied, and outlive the Pace, but not the loop.
class Share {
 public:
  Share() = default;
  Share(const Pace& pace, const pace::FlowKey& flow);

  /// Waits for this flow's turn. Gives how many bytes may flow now: 1..`wanted`, which is at least 1.
  [[nodiscard]] asio::awaitable<std::uint64_t> take(std::uint64_t wanted) const;
  /// So many of those that were taken did not flow.
  void give_back(std::uint64_t bytes) const;
  [[nodiscard]] bool is_limited() const;

 private:
  std::shared_ptr<Pace::State> state_;
  pace::FlowKey flow_{};
};

}  // namespace turnpike::io
