#include "node/memory.h"

#include <charconv>

#include "base/hex.h"
#include "io/log/log.h"

namespace turnpike::node {
namespace {

constexpr std::string_view kMarks = "marks";
constexpr std::string_view kWants = "wants";
constexpr std::string_view kPins = "pins";
constexpr std::string_view kRefused = "refused";
constexpr std::string_view kPrivate = "private";
constexpr std::string_view kGiven = "given";

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

std::string text_of(const store::Content& content) { return std::to_string(content.size) + ":" + to_hex(content.root); }

// "<store>:<size>:<root>"
std::string text_of(const sync::Target& target) { return target.store.to_string() + ":" + text_of(target.content); }

std::optional<sync::Target> parse_target(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto store = store::StoreId::parse(text.substr(0, colon));
  const auto content = parse_content(text.substr(colon + 1));
  if (!store || !content) return std::nullopt;
  return sync::Target{*store, *content};
}

// "<size>:<mtime ns>:<inode>"
std::string text_of(const io::FileStamp& file) {
  return std::to_string(file.size) + ":" + std::to_string(file.mtime_ns) + ":" + std::to_string(file.inode);
}

std::vector<store::StoreId> stores_in(const io::StateDb& state, std::string_view table) {
  std::vector<store::StoreId> out;
  for (const auto& [key, value] : state.all(table)) {
    if (const auto store = store::StoreId::parse(key)) out.push_back(*store);
  }
  return out;
}

std::optional<sync::Mark> parse_mark(std::string_view text) {
  for (int value = 0; value <= static_cast<int>(sync::Mark::kPinned); ++value) {
    const auto mark = static_cast<sync::Mark>(value);
    if (text == sync::name_of(mark)) return mark;
  }
  return std::nullopt;
}

}  // namespace

Memory::Memory(io::StateDb& state) : state_(state) {
  for (const auto& [key, value] : state_.all(kMarks)) {
    const auto target = parse_target(key);
    const auto mark = parse_mark(value);
    if (target && mark) marks_.emplace(*target, *mark);
  }
  for (const store::StoreId& store : stores_in(state_, kPrivate)) private_.insert(store);
}

sync::Mark Memory::mark_of(const sync::Target& target) const {
  const auto found = marks_.find(target);
  return found == marks_.end() ? sync::Mark::kOwn : found->second;
}

void Memory::remember_mark(const sync::Target& target, sync::Mark mark) {
  marks_[target] = mark;
  keep(state_.put(kMarks, text_of(target), sync::name_of(mark)));
}

void Memory::forget_other_marks(const sync::Target& target) {
  for (auto at = marks_.lower_bound({target.store, {}}); at != marks_.end() && at->first.store == target.store;) {
    if (at->first == target) {
      ++at;
      continue;
    }
    keep(state_.erase(kMarks, text_of(at->first)));
    at = marks_.erase(at);
  }
}

void Memory::forget_mark(const sync::Target& target) {
  if (marks_.erase(target) > 0) keep(state_.erase(kMarks, text_of(target)));
}

void Memory::forget_marks(const store::StoreId& store) { forget_other_marks({store, {}}); }

std::optional<Memory::Fetched> Memory::fetched(const store::StoreId& store) const {
  std::optional<Fetched> surest;
  for (auto at = marks_.lower_bound({store, {}}); at != marks_.end() && at->first.store == store; ++at) {
    if (at->second == sync::Mark::kOwn) return std::nullopt;
    if (!surest || at->second > surest->mark) surest = Fetched{at->first.content, at->second};
  }
  return surest;
}

void Memory::remember_given(const store::StoreId& store, const io::FileStamp& file) {
  keep(state_.put(kGiven, store.to_string(), text_of(file)));
}

bool Memory::is_given(const store::StoreId& store, const io::FileStamp& file) const {
  return state_.get(kGiven, store.to_string()) == text_of(file);
}

void Memory::forget_given(const store::StoreId& store) { keep(state_.erase(kGiven, store.to_string())); }

std::vector<store::StoreId> Memory::wanted() const { return stores_in(state_, kWants); }

void Memory::forget_want(const store::StoreId& store) { keep(state_.erase(kWants, store.to_string())); }

std::vector<store::StoreId> Memory::refused() const { return stores_in(state_, kRefused); }

void Memory::remember_refusal(const store::StoreId& store) { keep(state_.put(kRefused, store.to_string(), "")); }

void Memory::forget_refusal(const store::StoreId& store) { keep(state_.erase(kRefused, store.to_string())); }

bool Memory::set_private(const store::StoreId& store, bool is_private) {
  const auto written =
      is_private ? state_.put(kPrivate, store.to_string(), "") : state_.erase(kPrivate, store.to_string());
  keep(written);
  if (!written) return false;
  if (is_private) private_.insert(store);
  if (!is_private) private_.erase(store);
  return true;
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
  keep(state_.put(kPins, target.store.to_string(), text_of(target.content)));
}

void Memory::forget_pin(const store::StoreId& store) { keep(state_.erase(kPins, store.to_string())); }

void Memory::keep(const Status<io::StateError>& written) {
  if (!written) io::log_error("not remembered across a restart: {}", written.error().text);
}

}  // namespace turnpike::node
