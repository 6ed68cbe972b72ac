#include "node/memory.h"

#include <charconv>

#include "base/hex.h"
#include "io/log/log.h"

namespace turnpike::node {
namespace {

constexpr std::string_view kMarks = "marks";
constexpr std::string_view kWants = "wants";
constexpr std::string_view kPins = "pins";

// "<size>:<root>"
std::optional<store::Content> parse_content(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  store::Content out;
  const auto [end, error] = std::from_chars(text.data(), text.data() + colon, out.size);
  const auto root = digest_from_hex(text.substr(colon + 1));
  if (error != std::errc{} || end != text.data() + colon || !root) return std::nullopt;
  out.root = *root;
  return out;
}

}  // namespace

sync::Mark Memory::mark_of(const store::StoreId& store) const {
  const auto text = state_.get(kMarks, store.to_string());
  for (int value = 0; text && value <= static_cast<int>(sync::Mark::kPinned); ++value) {
    const auto mark = static_cast<sync::Mark>(value);
    if (*text == sync::name_of(mark)) return mark;
  }
  return sync::Mark::kOwn;
}

void Memory::remember_mark(const store::StoreId& store, sync::Mark mark) {
  keep(state_.put(kMarks, store.to_string(), sync::name_of(mark)));
}

void Memory::forget_mark(const store::StoreId& store) { keep(state_.erase(kMarks, store.to_string())); }

std::vector<store::StoreId> Memory::wanted() const {
  std::vector<store::StoreId> out;
  for (const auto& [key, value] : state_.all(kWants)) {
    if (const auto store = store::StoreId::parse(key)) out.push_back(*store);
  }
  return out;
}

void Memory::remember_want(const store::StoreId& store) { keep(state_.put(kWants, store.to_string(), "")); }

std::vector<sync::Target> Memory::pinned() const {
  std::vector<sync::Target> out;
  for (const auto& [key, value] : state_.all(kPins)) {
    const auto store = store::StoreId::parse(key);
    const auto content = parse_content(value);
    if (store && content) out.push_back({*store, *content});
  }
  return out;
}

void Memory::remember_pin(const sync::Target& target) {
  keep(state_.put(kPins, target.store.to_string(),
                  std::to_string(target.content.size) + ":" + to_hex(target.content.root)));
}

void Memory::forget_pin(const store::StoreId& store) { keep(state_.erase(kPins, store.to_string())); }

void Memory::keep(const Status<io::StateError>& written) {
  if (!written) io::log_error("not remembered across a restart: {}", written.error().text);
}

}  // namespace turnpike::node
