#include "core/store/store_id.h"

#include "base/hex.h"

namespace turnpike::store {

std::optional<StoreId> StoreId::parse(std::string_view text) {
  const auto digest = digest_from_hex(text);
  if (!digest) return std::nullopt;
  return StoreId{*digest};
}

std::optional<StoreId> StoreId::from_file_name(std::string_view name) {
  constexpr std::string_view kSuffix = ".dig";
  if (!name.ends_with(kSuffix)) return std::nullopt;
  return parse(name.substr(0, name.size() - kSuffix.size()));
}

std::string StoreId::to_string() const { return to_hex(bytes); }

}  // namespace turnpike::store
