// Randomness as an argument: the core asks whoever owns it, so a test or a simulated world can choose it.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace turnpike {

/// Fills buffers with unpredictable bytes. Outlives every machine that borrows it.
class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::uint8_t> out) = 0;

  template <std::size_t N>
  std::array<std::uint8_t, N> array() {
    std::array<std::uint8_t, N> out{};
    fill(out);
    return out;
  }

  /// Uniform in [0, bound), up to a bias of bound / 2^64. `bound` must not be zero.
  std::uint64_t below(std::uint64_t bound) {
    std::uint64_t value = 0;
    for (const std::uint8_t byte : array<8>()) value = value << 8U | byte;
    return value % bound;
  }
};

/// Reproducible, and predictable: for tests, fuzzers and simulated worlds only (splitmix64).
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}

  void fill(std::span<std::uint8_t> out) override {
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (i % 8 == 0) word_ = next();
      out[i] = static_cast<std::uint8_t>(word_ >> (8 * (i % 8)));
    }
  }

 private:
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }

  std::uint64_t state_;
  std::uint64_t word_ = 0;
};

}  // namespace turnpike
