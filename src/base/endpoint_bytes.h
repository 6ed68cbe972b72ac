// Addresses and endpoints as they stand in our own wire formats.
#pragma once

#include <optional>

#include "base/bytes.h"
#include "base/endpoint.h"

namespace turnpike {

/// Address (4 or 16 bytes) and port (2 bytes, big-endian).
[[nodiscard]] Bytes endpoint_to_bytes(const Endpoint& endpoint);
/// Fails for any other length.
[[nodiscard]] std::optional<Endpoint> endpoint_from_bytes(ByteView bytes);

}  // namespace turnpike
