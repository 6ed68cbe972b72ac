// Whom a node met, in the bytes that it keeps of that across restarts.
#pragma once

#include <vector>

#include "base/bytes.h"
#include "base/endpoint.h"
#include "core/identity/peer_id.h"

namespace turnpike::contacts {

constexpr std::size_t kMaxRemembered = 128;  ///< Those met last; more are forgotten.
constexpr std::size_t kMaxAddresses = 8;     ///< Of one peer; those beyond are dropped.

struct Remembered {
  identity::PeerId peer;
  std::vector<Endpoint> tcp;
  std::uint64_t met = 0;  ///< Unix milliseconds.

  friend bool operator==(const Remembered&, const Remembered&) = default;
};

[[nodiscard]] Bytes encode(const std::vector<Remembered>& peers);
/// What cannot be read is left out: it is our own file, and a worse memory is no reason not to start.
[[nodiscard]] std::vector<Remembered> decode(ByteView bytes);

}  // namespace turnpike::contacts
