#include "core/store/urn.h"

#include <algorithm>

#include "base/hex.h"

namespace turnpike::store {
namespace {

constexpr std::string_view kPrefix = "urn:dig:chia:";
constexpr std::size_t kDigits = 64;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lowered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

}  // namespace

Result<Urn, UrnError> parse_urn(std::string_view text) {
  if (text.size() > kMaxUrnSize) return fail(UrnError::kTooLong);
  if (lowered(text.substr(0, kPrefix.size())) != kPrefix) return fail(UrnError::kNotAUrn);
  text.remove_prefix(kPrefix.size());

  Urn urn;
  const std::size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    urn.resource = text.substr(slash + 1);
    text = text.substr(0, slash);
  }
  const auto id = StoreId::parse(lowered(text.substr(0, kDigits)));
  if (!id) return fail(UrnError::kBadStoreId);
  urn.id = *id;
  text.remove_prefix(kDigits);
  if (text.empty()) return urn;
  if (text.front() != ':') return fail(UrnError::kBadStoreId);  // more than 64 digits
  const auto generation = digest_from_hex(lowered(text.substr(1)));
  if (!generation) return fail(UrnError::kBadRoot);
  urn.generation = *generation;
  return urn;
}

std::string to_string(const Urn& urn) {
  std::string out = std::string(kPrefix) + urn.id.to_string();
  if (urn.generation) out += ":" + to_hex(*urn.generation);
  if (!urn.resource.empty()) out += "/" + urn.resource;
  return out;
}

Result<Urn, UrnError> parse_id_or_urn(std::string_view text) {
  if (const auto id = StoreId::parse(text)) return Urn{*id, {}, {}};
  return parse_urn(text);
}

}  // namespace turnpike::store
