// What relayed bytes cost: integers of micro-dollars, by a price for each 10^9 bytes (docs/adr/0005-budget-units.md).
#pragma once

#include <compare>
#include <cstdint>

namespace turnpike::budget {

constexpr std::uint64_t kGigabyte = 1'000'000'000;
/// More is not counted, a petabyte a month, so that no sum here overflows.
constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 50U;

struct MicroUsd {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(const MicroUsd&, const MicroUsd&) = default;
};

constexpr MicroUsd kMaxBudget{1'000'000'000'000};  ///< A million dollars a month.
constexpr MicroUsd kMaxPrice{1'000'000'000};       ///< A thousand dollars for 10^9 bytes.

/// Bytes that came in, and bytes that went out. What is relayed does both.
struct Traffic {
  std::uint64_t in = 0;
  std::uint64_t out = 0;

  friend constexpr bool operator==(const Traffic&, const Traffic&) = default;
  friend constexpr Traffic operator+(const Traffic& a, const Traffic& b) { return {a.in + b.in, a.out + b.out}; }
  /// `b` is within `a`.
  friend constexpr Traffic operator-(const Traffic& a, const Traffic& b) { return {a.in - b.in, a.out - b.out}; }
  [[nodiscard]] constexpr bool holds(const Traffic& other) const { return other.in <= in && other.out <= out; }
  [[nodiscard]] constexpr bool is_none() const { return in == 0 && out == 0; }
};

/// Which way the bytes of one account go: through us, or, where we are an end ourselves, to us or from us.
enum class Way : std::uint8_t { kThrough, kInward, kOutward };
/// What `bytes` of an account may come to. To an account that fetches inwards belong its questions.
[[nodiscard]] Traffic traffic_of(Way way, std::uint64_t bytes);

/// What the operator pays, and how much of it a month.
struct Plan {
  MicroUsd budget{20'000'000};
  MicroUsd per_gb_out{90'000};
  MicroUsd per_gb_in{0};
  MicroUsd fixed{0};             ///< A month, whatever flows: the machine.
  std::uint64_t free_bytes = 0;  ///< Outgoing bytes of each month that cost nothing.

  /// Of a month in which so much flowed. Rounded up to a whole micro-dollar.
  [[nodiscard]] MicroUsd cost_of(const Traffic& traffic) const;
  /// How many bytes more of that way still fit into the budget, beside `spoken_for`. At most kMaxBytes.
  [[nodiscard]] std::uint64_t room_beside(const Traffic& spoken_for, Way way) const;
};

}  // namespace turnpike::budget
