// Has the router lost its state? Told from the seconds-since-start that each of its answers carries.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"

namespace turnpike::portmap {

enum class EpochRule : std::uint8_t {
  kNatPmp,  ///< RFC 6886 §3.6: it ran backwards, or slower than 7/8 of our clock.
  kPcp,     ///< RFC 6887 §8.5: that, or it ran faster than ours by more than 1/16.
};

class EpochWatch {
 public:
  explicit EpochWatch(EpochRule rule) : rule_(rule) {}

  /// Takes one answer's epoch in. False when the state before it is lost; the next answers are compared with this one.
  [[nodiscard]] bool is_continuous(Instant now, std::uint32_t epoch);
  [[nodiscard]] std::optional<std::uint32_t> last() const { return last_; }

 private:
  [[nodiscard]] bool fits(std::int64_t ours, std::int64_t theirs) const;

  EpochRule rule_;
  std::optional<std::uint32_t> last_;
  Instant seen_{};
};

}  // namespace turnpike::portmap
