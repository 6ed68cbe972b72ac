// The relay's pump: joins two pipes, both ways, with bounded memory and a say for whoever pays.
#pragma once

#include <cstdint>
#include <functional>

#include "base/time.h"
#include "io/tcp/byte_pipe.h"

namespace turnpike::io {

/// The buffer of one direction. Nothing more is read before it is written out, so a slow reader slows the sender down
/// and costs no memory.
inline constexpr std::size_t kPumpBuffer = std::size_t{128} << 10U;

enum class PumpSide : std::uint8_t { kFirstToSecond, kSecondToFirst };

/// What the meter says to `bytes` that were read and not yet passed on.
struct PumpVerdict {
  enum class Kind : std::uint8_t { kPass, kWait, kStop };

  Kind kind = Kind::kPass;
  Duration wait{};  ///< For kWait: ask again after this long. It is reading less that slows the sender down.

  [[nodiscard]] static PumpVerdict pass() { return {}; }
  [[nodiscard]] static PumpVerdict wait_for(Duration time) { return {Kind::kWait, time}; }
  [[nodiscard]] static PumpVerdict stop() { return {Kind::kStop, {}}; }
};

/// Called once for each stretch, and again after each wait. `bytes` ≤ kPumpBuffer.
using PumpMeter = std::function<PumpVerdict(PumpSide side, std::size_t bytes)>;

enum class PumpEnd : std::uint8_t { kFirstClosed, kSecondClosed, kStopped };

struct PumpResult {
  PumpEnd end = PumpEnd::kFirstClosed;
  std::uint64_t first_to_second = 0;  ///< Bytes passed on.
  std::uint64_t second_to_first = 0;
};

/// Runs until either end closes or fails, or the meter stops it; then finishes both. Everything read from an end that
/// closed in order has been written to the other.
[[nodiscard]] asio::awaitable<PumpResult> join_pipes(BytePipe& first, BytePipe& second, PumpMeter meter);

}  // namespace turnpike::io
