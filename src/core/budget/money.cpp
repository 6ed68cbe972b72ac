#include "core/budget/money.h"

#include <algorithm>

namespace turnpike::budget {
namespace {

// Questions that go out, for what comes in: a thirty-second, and a page.
constexpr std::uint64_t kQuestionShare = 32;
constexpr std::uint64_t kQuestionsAtLeast = std::uint64_t{64} << 10U;

std::uint64_t price_of(std::uint64_t bytes, MicroUsd per_gb) {
  const std::uint64_t counted = std::min(bytes, kMaxBytes);
  return counted / kGigabyte * per_gb.value + (counted % kGigabyte * per_gb.value + kGigabyte - 1) / kGigabyte;
}

}  // namespace

Traffic traffic_of(Way way, std::uint64_t bytes) {
  switch (way) {
    case Way::kThrough:
      return {bytes, bytes};
    case Way::kInward:
      return {bytes, bytes == 0 ? 0 : bytes / kQuestionShare + kQuestionsAtLeast};
    case Way::kOutward:
      return {0, bytes};
  }
  return {};
}

MicroUsd Plan::cost_of(const Traffic& traffic) const {
  const std::uint64_t charged = traffic.out > free_bytes ? traffic.out - free_bytes : 0;
  return {fixed.value + price_of(charged, per_gb_out) + price_of(traffic.in, per_gb_in)};
}

std::uint64_t Plan::room_beside(const Traffic& spoken_for, Way way) const {
  const auto fits = [&](std::uint64_t bytes) {
    const Traffic all = spoken_for + traffic_of(way, bytes);
    return all.in <= kMaxBytes && all.out <= kMaxBytes && cost_of(all) <= budget;
  };
  std::uint64_t low = 0;  // fits, or is nothing
  std::uint64_t high = kMaxBytes;
  while (low < high) {
    const std::uint64_t middle = low + (high - low + 1) / 2;
    if (fits(middle)) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

}  // namespace turnpike::budget
