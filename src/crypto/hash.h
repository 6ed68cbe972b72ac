// SHA-256 (FIPS 180-4).
#pragma once

#include <initializer_list>
#include <memory>

#include "base/bytes.h"

namespace turnpike::crypto {

[[nodiscard]] Digest sha256(ByteView bytes);
/// The digest of all parts, one after the other.
[[nodiscard]] Digest sha256(std::initializer_list<ByteView> parts);

/// The same over bytes that do not stand in memory at once. `finish` ends it; it must not be used afterwards.
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
