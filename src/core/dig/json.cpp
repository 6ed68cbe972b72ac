#include "core/dig/json.h"

#include <algorithm>

namespace turnpike::dig {
namespace {

using nlohmann::json;

std::string_view words_of(MessageError error) {
  switch (error) {
    case MessageError::kTooLarge:
      return "too large";
    case MessageError::kTooDeep:
      return "nested too deeply";
    case MessageError::kTooMany:
      return "too many values";
    case MessageError::kMalformed:
      return "no JSON object";
    case MessageError::kRepeatedKey:
      return "a key stands twice in one object";
    case MessageError::kMissing:
      return "is required";
    case MessageError::kWrongType:
      return "has the wrong type";
    case MessageError::kOutOfRange:
      return "is out of range";
    case MessageError::kTooLong:
      return "is too long, or not printable";
    case MessageError::kBadPeerId:
      return "is no peer id (12D3KooW…)";
    case MessageError::kBadStoreId:
      return "is no store id (64 lower-case hex digits)";
    case MessageError::kBadAddress:
      return "is no address of the form /ip4/A/tcp/N";
  }
  return "wrong";
}

/// Builds the value while it is read, and stops at the first limit.
class Builder final : public nlohmann::json_sax<json> {
 public:
  explicit Builder(const JsonLimits& limits) : limits_(limits) {}

  bool null() override { return put(nullptr) != nullptr; }
  bool boolean(bool value) override { return put(value) != nullptr; }
  bool number_integer(number_integer_t value) override { return put(value) != nullptr; }
  bool number_unsigned(number_unsigned_t value) override { return put(value) != nullptr; }
  bool number_float(number_float_t value, const string_t& /*text*/) override { return put(value) != nullptr; }
  bool string(string_t& value) override { return put(std::move(value)) != nullptr; }
  bool binary(binary_t& /*value*/) override { return false; }
  bool start_object(std::size_t /*size*/) override { return open(json::object()); }
  bool start_array(std::size_t /*size*/) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& value) override {
    if (open_.back()->contains(value)) return stop(MessageError::kRepeatedKey);
    key_ = std::move(value);
    return true;
  }
  bool parse_error(std::size_t /*at*/, const std::string& /*token*/, const json::exception& /*why*/) override {
    return stop(MessageError::kMalformed);
  }

  json root;
  MessageError error = MessageError::kMalformed;

 private:
  bool stop(MessageError why) {
    error = why;
    return false;
  }
  json* put(json value) {
    if (++values_ > limits_.values) {
      error = MessageError::kTooMany;
      return nullptr;
    }
    if (open_.empty()) {
      root = std::move(value);
      return &root;
    }
    json& within = *open_.back();
    if (within.is_object()) return &(within[std::move(key_)] = std::move(value));
    within.push_back(std::move(value));
    return &within.back();
  }
  bool open(json value) {
    if (open_.size() >= limits_.depth) return stop(MessageError::kTooDeep);
    json* const placed = put(std::move(value));
    if (placed == nullptr) return false;
    open_.push_back(placed);  // stays where it is: its siblings come only after it is closed
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  const JsonLimits& limits_;
  std::vector<json*> open_;
  json::string_t key_;
  std::size_t values_ = 0;
};

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c < '\x7f'; });
}

}  // namespace

std::string to_string(const BadMessage& bad) {
  std::string out(bad.field);
  if (!out.empty()) out += ' ';
  out += words_of(bad.error);
  return out;
}

Result<json, BadMessage> parse_object(ByteView text, const JsonLimits& limits) {
  if (text.size() > limits.bytes) return fail(BadMessage{MessageError::kTooLarge});
  Builder builder(limits);
  if (!json::sax_parse(text_of(text), &builder)) return fail(BadMessage{builder.error});
  if (!builder.root.is_object()) return fail(BadMessage{MessageError::kMalformed});
  return std::move(builder.root);
}

const json* Fields::find(std::string_view name) const {
  if (bad_) return nullptr;
  const auto at = object_.find(name);
  return at == object_.end() || at->is_null() ? nullptr : &*at;
}

bool Fields::flag(std::string_view name, bool absent) {
  const json* const value = find(name);
  if (value == nullptr) return absent;
  if (!value->is_boolean()) refuse(MessageError::kWrongType, name);
  return !bad_ && value->get<bool>();
}

std::optional<std::uint64_t> Fields::number(std::string_view name, std::uint64_t max) {
  const json* const value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) {
    refuse(MessageError::kWrongType, name);
    return std::nullopt;
  }
  if (!value->is_number_unsigned() || value->get<std::uint64_t>() > max) {
    refuse(MessageError::kOutOfRange, name);
    return std::nullopt;
  }
  return value->get<std::uint64_t>();
}

std::optional<std::string> Fields::text(std::string_view name, std::size_t max) {
  const json* const value = find(name);
  if (value == nullptr) return std::nullopt;
  const auto* const text = value->get_ptr<const std::string*>();
  if (text == nullptr) {
    refuse(MessageError::kWrongType, name);
    return std::nullopt;
  }
  if (text->size() > max || !is_printable(*text)) {
    refuse(MessageError::kTooLong, name);
    return std::nullopt;
  }
  return *text;
}

std::optional<PeerId> Fields::peer(std::string_view name) {
  const json* const value = find(name);
  if (value == nullptr) return std::nullopt;
  const auto* const text = value->get_ptr<const std::string*>();
  if (text == nullptr) {
    refuse(MessageError::kWrongType, name);
    return std::nullopt;
  }
  auto peer = text->size() <= kMaxPeerIdText ? PeerId::parse(*text) : std::nullopt;
  if (!peer) refuse(MessageError::kBadPeerId, name);
  return peer;
}

PeerId Fields::required_peer(std::string_view name) {
  const auto peer = this->peer(name);
  if (!peer) refuse(MessageError::kMissing, name);
  return peer.value_or(PeerId{});
}

StoreId Fields::required_store(std::string_view name) {
  const json* const value = find(name);
  if (value == nullptr) {
    refuse(MessageError::kMissing, name);
    return {};
  }
  const auto* const text = value->get_ptr<const std::string*>();
  if (text == nullptr) {
    refuse(MessageError::kWrongType, name);
    return {};
  }
  const auto id = StoreId::parse(*text);
  if (!id) refuse(MessageError::kBadStoreId, name);
  return id.value_or(StoreId{});
}

std::optional<std::vector<std::string>> Fields::texts(std::string_view name, std::size_t max, std::size_t max_text) {
  const json* const value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_array()) {
    refuse(MessageError::kWrongType, name);
    return std::nullopt;
  }
  if (value->size() > max) {
    refuse(MessageError::kTooMany, name);
    return std::nullopt;
  }
  std::vector<std::string> out;
  out.reserve(value->size());
  for (const json& each : *value) {
    const auto* const text = each.get_ptr<const std::string*>();
    if (text == nullptr) {
      refuse(MessageError::kWrongType, name);
      return std::nullopt;
    }
    if (text->size() > max_text || !is_printable(*text)) {
      refuse(MessageError::kTooLong, name);
      return std::nullopt;
    }
    out.push_back(*text);
  }
  return out;
}

const json* Fields::object(std::string_view name) {
  const json* const value = find(name);
  if (value == nullptr) return nullptr;
  if (value->is_object()) return value;
  refuse(MessageError::kWrongType, name);
  return nullptr;
}

}  // namespace turnpike::dig
