#include "crypto/random.h"

#include <openssl/rand.h>

#include "crypto/check.h"

namespace turnpike::crypto {

void SecureRandom::fill(std::span<std::uint8_t> out) { check(RAND_bytes(out.data(), static_cast<int>(out.size()))); }

}  // namespace turnpike::crypto
