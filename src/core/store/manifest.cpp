#include "core/store/manifest.h"

namespace turnpike::store {

Bytes encode_manifest(const Manifest& manifest) {
  Bytes out;
  out.reserve(kManifestSize);
  ByteWriter writer(out);
  writer.bytes(manifest.id.bytes);
  writer.u64(manifest.content.size);
  writer.bytes(manifest.content.root);
  return out;
}

Result<Manifest, ManifestError> decode_manifest(ByteView bytes) {
  if (bytes.size() != kManifestSize) return fail(ManifestError::kWrongLength);
  ByteReader in(bytes);
  Manifest manifest;
  manifest.id.bytes = in.array<32>();
  manifest.content.size = in.u64();
  manifest.content.root = in.array<32>();
  if (!manifest.content.is_valid()) return fail(ManifestError::kBadSize);
  return manifest;
}

}  // namespace turnpike::store
