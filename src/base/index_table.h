// A hash table of numbers that stand for records kept elsewhere: four bytes a slot, keyed so that nobody outside can
// choose what collides.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"

namespace turnpike {

/// A hash with a secret. Peers choose the ids that are hashed, so without one they could make them collide.
class KeyedHash {
 public:
  explicit KeyedHash(Random& random) : key_(random.below(UINT64_MAX)), step_(random.below(UINT64_MAX) | 1U) {}

  /// Of whole 8-byte words; a rest is passed over.
  [[nodiscard]] std::uint64_t operator()(ByteView bytes, std::uint64_t more = 0) const {
    std::uint64_t state = mixed(key_ ^ more);
    for (ByteReader in(bytes); in.remaining() >= 8;) state = mixed((state ^ in.u64()) + step_);
    return state;
  }

 private:
  static std::uint64_t mixed(std::uint64_t z) {  // the finaliser of splitmix64
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }

  std::uint64_t key_;
  std::uint64_t step_;
};

/// Linear probing. The owner of the records hashes and compares them.
class IndexTable {
 public:
  [[nodiscard]] std::size_t size() const { return size_; }

  /// The number under `hash` for which `is_it(number)` holds.
  template <class IsIt>
  [[nodiscard]] std::optional<std::uint32_t> find(std::uint64_t hash, IsIt is_it) const {
    if (slots_.empty()) return std::nullopt;
    for (std::size_t at = hash & mask(); slots_[at] != kEmpty; at = (at + 1) & mask()) {
      if (is_it(slots_[at])) return slots_[at];
    }
    return std::nullopt;
  }

  /// `number` must not be in it. `hash_of(n)` gives the hash of any number in it, when it has to grow.
  template <class HashOf>
  void insert(std::uint64_t hash, std::uint32_t number, HashOf hash_of) {
    if ((size_ + 1) * 4 > slots_.size() * 3) resize(slots_.empty() ? 16 : slots_.size() * 2, hash_of);
    place(hash, number);
    ++size_;
  }

  /// `number` must be in it, under `hash`.
  template <class HashOf>
  void erase(std::uint64_t hash, std::uint32_t number, HashOf hash_of) {
    std::size_t hole = slot_of(hash, number);
    // What follows without a gap may have been pushed past the hole: pull it back (Knuth, volume 3, 6.4, algorithm R).
    for (std::size_t at = (hole + 1) & mask(); slots_[at] != kEmpty; at = (at + 1) & mask()) {
      const std::size_t home = hash_of(slots_[at]) & mask();
      if (((at - home) & mask()) < ((at - hole) & mask())) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole] = kEmpty;
    --size_;
    if (slots_.size() > 64 && size_ * 8 < slots_.size()) resize(slots_.size() / 2, hash_of);
  }

  /// Puts `after` where `before` is. Both have the same hash.
  void replace(std::uint64_t hash, std::uint32_t before, std::uint32_t after) { slots_[slot_of(hash, before)] = after; }

 private:
  static constexpr std::uint32_t kEmpty = UINT32_MAX;

  [[nodiscard]] std::size_t mask() const { return slots_.size() - 1; }
  [[nodiscard]] std::size_t slot_of(std::uint64_t hash, std::uint32_t number) const {
    std::size_t at = hash & mask();
    while (slots_[at] != number) at = (at + 1) & mask();
    return at;
  }
  void place(std::uint64_t hash, std::uint32_t number) {
    std::size_t at = hash & mask();
    while (slots_[at] != kEmpty) at = (at + 1) & mask();
    slots_[at] = number;
  }
  template <class HashOf>
  void resize(std::size_t slots, HashOf hash_of) {
    std::vector<std::uint32_t> old(slots, kEmpty);
    old.swap(slots_);
    for (const std::uint32_t number : old) {
      if (number != kEmpty) place(hash_of(number), number);
    }
  }

  std::vector<std::uint32_t> slots_;  // a power of two of them
  std::size_t size_ = 0;
};

}  // namespace turnpike
