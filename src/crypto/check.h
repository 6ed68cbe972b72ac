// The library below failed where only a bug or exhausted memory can make it fail: die rather than go on unprotected.
#pragma once

#include <cstdlib>

namespace turnpike::crypto {

inline void check(int openssl_result) {
  if (openssl_result <= 0) std::abort();
}

}  // namespace turnpike::crypto
