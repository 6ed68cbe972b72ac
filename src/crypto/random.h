// The operating system's randomness, by way of OpenSSL.
#pragma once

#include "base/random.h"

namespace turnpike::crypto {

class SecureRandom final : public Random {
 public:
  void fill(std::span<std::uint8_t> out) override;
};

}  // namespace turnpike::crypto
