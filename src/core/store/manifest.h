// What a peer says it holds: a store id and which bytes. The body of a signed statement, which carries seq and expiry.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "core/store/store_id.h"

namespace turnpike::store {

/// The statement type under which a manifest is signed (core/identity).
constexpr std::string_view kManifestType = "store-manifest";
constexpr std::size_t kManifestSize = 72;

enum class ManifestError : std::uint8_t { kWrongLength, kBadSize };

struct Manifest {
  StoreId id;
  Content content;

  friend bool operator==(const Manifest&, const Manifest&) = default;
};

/// Store id (32 bytes), size (8, big-endian), root (32).
[[nodiscard]] Bytes encode_manifest(const Manifest& manifest);
/// Refuses a size of zero or above kMaxStoreSize.
[[nodiscard]] Result<Manifest, ManifestError> decode_manifest(ByteView bytes);

}  // namespace turnpike::store
