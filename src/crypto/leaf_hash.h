// SHA-256 over many equal leaves at once: several lanes of one core where the processor has them (ipsec-mb), else one
// after the other (OpenSSL). Chosen at run time.
#pragma once

#include <memory>
#include <span>

#include "base/bytes.h"

namespace turnpike::crypto {

enum class LeafHashEngine : std::uint8_t { kOpenSsl, kIpsecMb };

/// Hashes consecutive leaves of one buffer. One per thread: it keeps the state of its lanes.
class LeafHasher {
 public:
  /// The fastest engine this processor and build offer.
  LeafHasher();
  /// For tests and benchmarks; falls back to kOpenSsl where kIpsecMb is not to be had.
  explicit LeafHasher(LeafHashEngine engine);
  ~LeafHasher();
  LeafHasher(LeafHasher&&) noexcept;
  LeafHasher& operator=(LeafHasher&&) noexcept;

  [[nodiscard]] LeafHashEngine engine() const;

  /// out[i] = SHA-256 of the i-th `leaf_size` bytes of `data`; the last leaf may be shorter.
  /// `out` must hold exactly ceil(data.size() / leaf_size) digests; leaf_size is in 1..65520.
  void hash(ByteView data, std::size_t leaf_size, std::span<Digest> out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace turnpike::crypto
