// Datagrams as they come from and go to a UDP socket with segmentation offload: several of one size in one buffer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/endpoint.h"

namespace turnpike {

/// The two ECN bits of an IP header (RFC 3168, section 5).
enum class Ecn : std::uint8_t { kNotEct = 0, kEct1 = 1, kEct0 = 2, kCe = 3 };

/// Datagrams between the same two endpoints with the same mark, one behind the other: all `segment_size` long but the
/// last, which may be shorter. Borrows its bytes.
struct DatagramBatch {
  Endpoint remote;
  /// Ours: where it came to, or shall leave from. Unspecified where the route may choose.
  IpAddress local = {};
  ByteView bytes = {};
  std::size_t segment_size = 0;  ///< 0 only when there are no bytes.
  Ecn ecn = Ecn::kNotEct;

  [[nodiscard]] constexpr std::size_t count() const {
    return segment_size == 0 ? 0 : (bytes.size() + segment_size - 1) / segment_size;
  }
  /// `index` must be below count().
  [[nodiscard]] constexpr ByteView segment(std::size_t index) const {
    const std::size_t begin = index * segment_size;
    return bytes.subspan(begin, std::min(segment_size, bytes.size() - begin));
  }
  /// The same with `size` bytes from `begin` on, which must be a multiple of segment_size.
  [[nodiscard]] constexpr DatagramBatch part(std::size_t begin, std::size_t size) const {
    DatagramBatch out = *this;
    out.bytes = bytes.subspan(begin, size);
    return out;
  }
};

}  // namespace turnpike
