// What a peer gives away as a relay: so many bytes a calendar month, at most at a rate. The default is on.
#pragma once

#include <cstdint>
#include <optional>

#include "core/turn/pace.h"

namespace turnpike::turn {

struct DonationCaps {
  std::uint64_t bytes_per_month = 10'000'000'000;  ///< 0: nothing is given.
  std::uint64_t bytes_per_second = 1'250'000;      ///< 10 Mbit/s; 0 = not limited.
};

/// What has been given, to be kept over restarts.
struct DonationRecord {
  std::uint32_t month = 0;  ///< Months since 1970 began.
  std::uint64_t bytes = 0;

  friend bool operator==(const DonationRecord&, const DonationRecord&) = default;
};

/// A month that is over stays over when the clock is set back, and one that has begun does not begin again.
class Donation {
 public:
  explicit Donation(DonationCaps caps, DonationRecord record = {}) : caps_(caps), record_(record) {}

  /// Nothing left, or too much at once.
  [[nodiscard]] bool is_spent(WallTime now) const { return left(now) == 0; }
  [[nodiscard]] std::uint64_t left(WallTime now) const {
    const std::uint64_t used = month_of(now) > record_.month ? 0 : record_.bytes;
    return caps_.bytes_per_month > used ? caps_.bytes_per_month - used : 0;
  }
  [[nodiscard]] Duration wait(Instant now) const { return pace_.wait(now); }
  void charge(Now now, std::uint64_t bytes) {
    if (const std::uint32_t month = month_of(now.wall); month > record_.month) record_ = {month, 0};
    record_.bytes += bytes;
    pace_.charge(now.mono, bytes, caps_.bytes_per_second);
  }

  [[nodiscard]] const DonationRecord& record() const { return record_; }
  [[nodiscard]] const DonationCaps& caps() const { return caps_; }

  [[nodiscard]] static std::uint32_t month_of(WallTime now) {
    const std::chrono::sys_days day{std::chrono::floor<std::chrono::days>(
        std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(now.unix_ms)))};
    const std::chrono::year_month_day date(day);
    return static_cast<std::uint32_t>((static_cast<int>(date.year()) - 1970) * 12) +
           static_cast<unsigned>(date.month()) - 1;
  }

 private:
  DonationCaps caps_;
  DonationRecord record_;
  Pace pace_;
};

}  // namespace turnpike::turn
