// SHA-256 (FIPS 180-4), and MD5 (RFC 1321) where a protocol prescribes it.
#pragma once

#include <initializer_list>
#include <memory>

#include "base/bytes.h"

namespace turnpike::crypto {

[[nodiscard]] Digest sha256(ByteView bytes);
/// The digest of all parts, one after the other.
[[nodiscard]] Digest sha256(std::initializer_list<ByteView> parts);

/// Broken as a hash. Only for STUN's long-term keys (RFC 8489, section 9.2.2), which prescribe it.
[[nodiscard]] std::array<std::uint8_t, 16> md5(ByteView bytes);

/// SHA-256 over bytes that do not stand in memory at once. `finish` ends it; it must not be used afterwards.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(ByteView bytes);
  [[nodiscard]] Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace turnpike::crypto
