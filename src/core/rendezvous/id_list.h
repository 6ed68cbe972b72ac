// A sorted set of small numbers in little memory: two stand inside, more in one array.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace turnpike::rendezvous {

/// Sorted, each number once. Four to five bytes a number, once there are many.
class IdList {
 public:
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::span<const std::uint32_t> ids() const { return {begin(), size_}; }
  [[nodiscard]] std::uint32_t operator[](std::size_t index) const { return begin()[index]; }

  /// False if it was there.
  bool insert(std::uint32_t id) {
    const std::size_t at = place_of(id);
    if (at < size_ && begin()[at] == id) return false;
    if (size_ == capacity()) grow();
    std::uint32_t* const from = mutable_begin() + at;
    std::copy_backward(from, mutable_begin() + size_, mutable_begin() + size_ + 1);
    *from = id;
    ++size_;
    return true;
  }

  /// False if it was not there.
  bool erase(std::uint32_t id) {
    const std::size_t at = place_of(id);
    if (at == size_ || begin()[at] != id) return false;
    std::copy(begin() + at + 1, begin() + size_, mutable_begin() + at);
    --size_;
    if (heap_ && size_ <= heap_capacity_ / 4) shrink();
    return true;
  }

 private:
  [[nodiscard]] std::size_t capacity() const { return heap_ ? heap_capacity_ : inside_.size(); }
  [[nodiscard]] const std::uint32_t* begin() const { return heap_ ? heap_.get() : inside_.data(); }
  [[nodiscard]] std::uint32_t* mutable_begin() { return heap_ ? heap_.get() : inside_.data(); }
  [[nodiscard]] std::size_t place_of(std::uint32_t id) const {
    return static_cast<std::size_t>(std::lower_bound(begin(), begin() + size_, id) - begin());
  }
  void grow() { move_to(size_ + std::max<std::size_t>(size_ / 4, 4)); }
  void shrink() { move_to(size_); }
  void move_to(std::size_t capacity) {
    if (capacity <= inside_.size()) {
      std::copy(begin(), begin() + size_, inside_.begin());
      heap_.reset();
      return;
    }
    auto heap = std::make_unique_for_overwrite<std::uint32_t[]>(capacity);  // NOLINT(modernize-avoid-c-arrays)
    std::copy(begin(), begin() + size_, heap.get());
    heap_ = std::move(heap);
    heap_capacity_ = static_cast<std::uint32_t>(capacity);
  }

  std::uint32_t size_ = 0;
  std::uint32_t heap_capacity_ = 0;
  std::array<std::uint32_t, 2> inside_{};
  std::unique_ptr<std::uint32_t[]> heap_;  // NOLINT(modernize-avoid-c-arrays)
};

}  // namespace turnpike::rendezvous
