#include "core/rendezvous/proof.h"

#include <algorithm>

namespace turnpike::rendezvous {

std::optional<ProofNonce> parse_nonce(std::string_view text) {
  ProofNonce out{};
  if (text.size() != 2 * out.size()) return std::nullopt;
  const auto bytes = from_hex(text);
  if (!bytes) return std::nullopt;
  std::ranges::copy(*bytes, out.begin());
  return out;
}

}  // namespace turnpike::rendezvous
