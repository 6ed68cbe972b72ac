// Bounded big-endian readers and writers: the only code that does arithmetic on wire bytes.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace turnpike {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

/// A SHA-256 digest, a public key, a store id: 32 bytes whose meaning the name around them gives.
using Digest = std::array<std::uint8_t, 32>;

/// The bytes of a text. The view borrows `text`.
[[nodiscard]] inline ByteView bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view text_of(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
[[nodiscard]] inline Bytes copy_of(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

/// Reads forward through a view. A read past the end yields zeroes and marks
/// the reader failed for good, so a codec checks once, where it matters.
class ByteReader {
 public:
  explicit constexpr ByteReader(ByteView bytes) : rest_(bytes) {}

  [[nodiscard]] constexpr bool failed() const { return failed_; }
  [[nodiscard]] constexpr std::size_t remaining() const { return rest_.size(); }

  constexpr std::uint8_t u8() { return static_cast<std::uint8_t>(unsigned_of<1>()); }
  constexpr std::uint16_t u16() { return static_cast<std::uint16_t>(unsigned_of<2>()); }
  constexpr std::uint32_t u32() { return static_cast<std::uint32_t>(unsigned_of<4>()); }
  constexpr std::uint64_t u64() { return unsigned_of<8>(); }

  /// An unsigned LEB128 varint as libp2p writes them: at most nine bytes, minimal, else failure.
  constexpr std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 63; shift += 7) {
      const std::uint8_t byte = u8();
      if (failed_) return 0;
      value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
      if ((byte & 0x80U) == 0) {
        if (byte == 0 && shift > 0) failed_ = true;
        return failed_ ? 0 : value;
      }
    }
    failed_ = true;
    return 0;
  }

  template <std::size_t N>
  constexpr std::array<std::uint8_t, N> array() {
    std::array<std::uint8_t, N> out{};
    const ByteView bytes = take(N);
    std::copy(bytes.begin(), bytes.end(), out.begin());
    return out;
  }

  /// The next `size` bytes, or an empty view (and failure) if there are fewer.
  constexpr ByteView take(std::size_t size) {
    if (size > rest_.size()) {
      failed_ = true;
      rest_ = {};
      return {};
    }
    const ByteView head = rest_.first(size);
    rest_ = rest_.subspan(size);
    return head;
  }

 private:
  template <std::size_t N>
  constexpr std::uint64_t unsigned_of() {
    std::uint64_t value = 0;
    for (const std::uint8_t byte : array<N>()) {
      value = value << 8U | byte;
    }
    return value;
  }

  ByteView rest_;
  bool failed_ = false;
};

/// Appends to a buffer it does not own.
class ByteWriter {
 public:
  explicit ByteWriter(Bytes& out) : out_(out) {}

  void u8(std::uint8_t value) { out_.push_back(value); }
  void u16(std::uint16_t value) {
    out_.push_back(static_cast<std::uint8_t>(value >> 8U));
    out_.push_back(static_cast<std::uint8_t>(value));
  }
  void u32(std::uint32_t value) {
    u16(static_cast<std::uint16_t>(value >> 16U));
    u16(static_cast<std::uint16_t>(value));
  }
  void u64(std::uint64_t value) {
    u32(static_cast<std::uint32_t>(value >> 32U));
    u32(static_cast<std::uint32_t>(value));
  }
  /// `value` must be below 2^63.
  void varint(std::uint64_t value) {
    while (value >= 0x80) {
      u8(static_cast<std::uint8_t>(value | 0x80U));
      value >>= 7U;
    }
    u8(static_cast<std::uint8_t>(value));
  }
  void bytes(ByteView view) { out_.insert(out_.end(), view.begin(), view.end()); }

 private:
  Bytes& out_;
};

}  // namespace turnpike
