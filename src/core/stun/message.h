// STUN messages (RFC 8489): a checked view of one that came in, and a writer for one that goes out.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"

namespace turnpike::stun {

using TransactionId = std::array<std::uint8_t, 12>;

constexpr std::uint32_t kMagicCookie = 0x2112'A442;
constexpr std::size_t kHeaderSize = 20;
constexpr std::size_t kMaxMessageSize = kHeaderSize + 0xFFFC;  ///< The length field counts whole words.

/// Any value of 12 bits may come off the wire; these are the ones with a name.
enum class Method : std::uint16_t {
  kBinding = 0x001,
  kAllocate = 0x003,
  kRefresh = 0x004,
  kSend = 0x006,
  kData = 0x007,
  kCreatePermission = 0x008,
  kChannelBind = 0x009,
};

enum class Class : std::uint8_t { kRequest, kIndication, kSuccess, kError };

/// Any value may come off the wire; these are the ones with a name here.
enum class AttributeType : std::uint16_t {
  // RFC 8489
  kMappedAddress = 0x0001,
  kUsername = 0x0006,
  kMessageIntegrity = 0x0008,
  kErrorCode = 0x0009,
  kUnknownAttributes = 0x000A,
  kRealm = 0x0014,
  kNonce = 0x0015,
  kMessageIntegritySha256 = 0x001C,
  kPasswordAlgorithm = 0x001D,
  kUserhash = 0x001E,
  kXorMappedAddress = 0x0020,
  kPasswordAlgorithms = 0x8002,
  kAlternateDomain = 0x8003,
  kSoftware = 0x8022,
  kAlternateServer = 0x8023,
  kFingerprint = 0x8028,
  // RFC 5780
  kChangeRequest = 0x0003,
  kPadding = 0x0026,
  kResponsePort = 0x0027,
  kResponseOrigin = 0x802B,
  kOtherAddress = 0x802C,
  // RFC 8445
  kPriority = 0x0024,
  kUseCandidate = 0x0025,
  kIceControlled = 0x8029,
  kIceControlling = 0x802A,
  // RFC 8656
  kChannelNumber = 0x000C,
  kLifetime = 0x000D,
  kXorPeerAddress = 0x0012,
  kData = 0x0013,
  kXorRelayedAddress = 0x0016,
  kRequestedAddressFamily = 0x0017,
  kEvenPort = 0x0018,
  kRequestedTransport = 0x0019,
  kDontFragment = 0x001A,
  kReservationToken = 0x0022,
  kAdditionalAddressFamily = 0x8000,
  kAddressErrorCode = 0x8001,
  kIcmp = 0x8004,
};

/// One that a receiver must understand or refuse the message (RFC 8489, section 14).
[[nodiscard]] constexpr bool is_comprehension_required(AttributeType type) {
  return static_cast<std::uint16_t>(type) < 0x8000;
}

enum class ParseError : std::uint8_t {
  kTruncated,  ///< Shorter than it says, or an attribute reaches past the end.
  kNotStun,    ///< The first two bits or the magic cookie are another protocol's.
  kBadLength,  ///< The length is not the datagram's, or not whole words.
};

struct Attribute {
  AttributeType type{};
  ByteView value;          ///< Without the padding.
  std::size_t offset = 0;  ///< Of its header, from the start of the message.
};

/// A whole message whose structure has been checked: every attribute lies within it. Borrows the bytes.
///
/// What stands behind MESSAGE-INTEGRITY is not protected by it, so `find` and `next` do not give it (RFC 8489,
/// section 14.5): there can be the other integrity and FINGERPRINT only, and those have getters.
class MessageView {
 public:
  /// `datagram` is exactly one message.
  [[nodiscard]] static Result<MessageView, ParseError> parse(ByteView datagram);

  [[nodiscard]] Class message_class() const;
  [[nodiscard]] Method method() const;
  [[nodiscard]] TransactionId id() const;
  [[nodiscard]] ByteView bytes() const { return bytes_; }

  /// The first one: a receiver ignores the others (RFC 8489, section 14).
  [[nodiscard]] std::optional<ByteView> find(AttributeType type) const;
  [[nodiscard]] bool has(AttributeType type) const { return find(type).has_value(); }
  /// The attribute that begins at or follows `offset`: start with kHeaderSize, go on with `end_of` the last.
  [[nodiscard]] std::optional<Attribute> next(std::size_t offset) const;
  [[nodiscard]] static std::size_t end_of(const Attribute& attribute);

  [[nodiscard]] const std::optional<Attribute>& integrity() const { return integrity_; }
  [[nodiscard]] const std::optional<Attribute>& integrity_sha256() const { return integrity_sha256_; }
  [[nodiscard]] const std::optional<Attribute>& fingerprint() const { return fingerprint_; }

 private:
  explicit MessageView(ByteView bytes) : bytes_(bytes) {}
  [[nodiscard]] bool scan();
  [[nodiscard]] std::optional<Attribute> read(std::size_t offset, std::size_t end) const;

  ByteView bytes_;
  std::size_t protected_end_ = 0;  // where MESSAGE-INTEGRITY, its SHA-256 sibling or FINGERPRINT begins
  std::optional<Attribute> integrity_;
  std::optional<Attribute> integrity_sha256_;
  std::optional<Attribute> fingerprint_;
};

/// Whether a datagram that shares a socket with other protocols is STUN: its first byte is below 4, its cookie is right
/// and its length is the datagram's (RFC 7983). Says nothing of its attributes.
[[nodiscard]] bool looks_like_stun(ByteView datagram);

/// Builds one message. Attributes come out in the order they went in; the integrity and then FINGERPRINT must be last.
class MessageWriter {
 public:
  MessageWriter(Class message_class, Method method, const TransactionId& id);

  /// Pads with zeros. The whole message must stay within kMaxMessageSize.
  void add(AttributeType type, ByteView value);
  void add(AttributeType type, std::string_view text) { add(type, bytes_of(text)); }
  void add_u32(AttributeType type, std::uint32_t value);
  void add_u64(AttributeType type, std::uint64_t value);
  void add_flag(AttributeType type) { add(type, ByteView{}); }

  [[nodiscard]] const TransactionId& id() const { return id_; }
  [[nodiscard]] ByteView bytes() const { return out_; }
  /// Makes the length field say that `more` bytes of attributes will follow what stands there now: what an integrity
  /// is computed over (RFC 8489, section 14.5).
  void announce(std::size_t more);
  [[nodiscard]] Bytes take() && { return std::move(out_); }

 private:
  TransactionId id_;
  Bytes out_;
};

}  // namespace turnpike::stun
