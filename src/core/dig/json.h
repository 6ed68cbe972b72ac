// The old nodes' JSON, read strictly: bounded in bytes, depth and number of values, each key once, each field of its
// type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "core/identity/peer_id.h"
#include "core/store/store_id.h"

namespace turnpike::dig {

using identity::PeerId;
using store::StoreId;

struct JsonLimits {
  std::size_t bytes = std::size_t{1} << 20U;
  std::size_t depth = 8;        ///< Arrays and objects within each other; the message itself is the first.
  std::size_t values = 32'768;  ///< Altogether, members and elements of all kinds.
};

constexpr std::size_t kMaxPeerIdText = 64;

/// What is wrong with a message, always its sender's fault.
enum class MessageError : std::uint8_t {
  kTooLarge,     ///< JsonLimits::bytes
  kTooDeep,      ///< JsonLimits::depth
  kTooMany,      ///< JsonLimits::values, or the limit of one list.
  kMalformed,    ///< No JSON, or no object.
  kRepeatedKey,  ///< Two readers would see two messages.
  kMissing,      ///< A required field.
  kWrongType,    ///< Numbers as text included.
  kOutOfRange,   ///< A number.
  kTooLong,      ///< A text.
  kBadPeerId,
  kBadStoreId,
  kBadAddress,
};

struct BadMessage {
  MessageError error{};
  std::string_view field{};  ///< Of static storage; empty where it is about the whole.

  friend bool operator==(const BadMessage&, const BadMessage&) = default;
};
/// "stores: too many", for whoever has to mend it.
[[nodiscard]] std::string to_string(const BadMessage& bad);

/// One object. Nothing is built beyond a limit.
[[nodiscard]] Result<nlohmann::json, BadMessage> parse_object(ByteView text, const JsonLimits& limits = {});

/// Reads fields and remembers the first that is wrong; after that everything reads as absent. `null` is as good as
/// absent. Field names must be of static storage.
class Fields {
 public:
  explicit Fields(const nlohmann::json& object) : object_(object) {}

  [[nodiscard]] bool flag(std::string_view name, bool absent = false);
  [[nodiscard]] std::optional<std::uint64_t> number(std::string_view name, std::uint64_t max);
  /// Printable ASCII, at most `max` characters. Unset: absent.
  [[nodiscard]] std::optional<std::string> text(std::string_view name, std::size_t max);
  [[nodiscard]] std::optional<PeerId> peer(std::string_view name);
  [[nodiscard]] PeerId required_peer(std::string_view name);
  [[nodiscard]] StoreId required_store(std::string_view name);
  /// Of an array of at most `max` texts. Unset: absent.
  [[nodiscard]] std::optional<std::vector<std::string>> texts(std::string_view name, std::size_t max,
                                                              std::size_t max_text);
  /// Null: absent, or no object (then an error).
  [[nodiscard]] const nlohmann::json* object(std::string_view name);

  void refuse(MessageError error, std::string_view field) {
    if (!bad_) bad_ = BadMessage{error, field};
  }
  [[nodiscard]] const std::optional<BadMessage>& bad() const { return bad_; }

 private:
  [[nodiscard]] const nlohmann::json* find(std::string_view name) const;

  const nlohmann::json& object_;
  std::optional<BadMessage> bad_;
};

}  // namespace turnpike::dig
