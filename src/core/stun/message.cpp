#include "core/stun/message.h"

#include <cstdlib>

namespace turnpike::stun {
namespace {

constexpr std::size_t kAttributeHeaderSize = 4;

// The method's bits stand around the two of the class: M11–M7 C1 M6–M4 C0 M3–M0 (RFC 8489, section 5).
constexpr std::uint16_t type_of(Class message_class, Method method) {
  const auto c = static_cast<unsigned>(message_class);
  const auto m = static_cast<unsigned>(method);
  return static_cast<std::uint16_t>((m & 0x00fU) | (m & 0x070U) << 1U | (m & 0xf80U) << 2U | (c & 1U) << 4U |
                                    (c & 2U) << 7U);
}

constexpr std::size_t padded(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

std::uint16_t u16_at(ByteView bytes, std::size_t offset) { return ByteReader(bytes.subspan(offset)).u16(); }

}  // namespace

Result<MessageView, ParseError> MessageView::parse(ByteView datagram) {
  ByteReader in(datagram);
  const std::uint16_t type = in.u16();
  const std::uint16_t length = in.u16();
  const std::uint32_t cookie = in.u32();
  in.take(sizeof(TransactionId));
  if (in.failed()) return fail(ParseError::kTruncated);
  if (type >= 0x4000 || cookie != kMagicCookie) return fail(ParseError::kNotStun);
  if (length > in.remaining()) return fail(ParseError::kTruncated);
  if (length != in.remaining() || length % 4 != 0) return fail(ParseError::kBadLength);
  MessageView message(datagram);
  if (!message.scan()) return fail(ParseError::kTruncated);
  return message;
}

Class MessageView::message_class() const {
  const unsigned type = u16_at(bytes_, 0);
  return static_cast<Class>((type >> 4U & 1U) | (type >> 7U & 2U));
}

Method MessageView::method() const {
  const unsigned type = u16_at(bytes_, 0);
  return static_cast<Method>((type & 0x00fU) | (type >> 1U & 0x070U) | (type >> 2U & 0xf80U));
}

TransactionId MessageView::id() const { return ByteReader(bytes_.subspan(8)).array<12>(); }

std::optional<Attribute> MessageView::read(std::size_t offset, std::size_t end) const {
  if (offset + kAttributeHeaderSize > end) return std::nullopt;
  const std::size_t size = u16_at(bytes_, offset + 2);
  if (offset + kAttributeHeaderSize + padded(size) > end) return std::nullopt;
  return Attribute{static_cast<AttributeType>(u16_at(bytes_, offset)),
                   bytes_.subspan(offset + kAttributeHeaderSize, size), offset};
}

bool MessageView::scan() {
  protected_end_ = bytes_.size();
  const auto end_here = [this](const Attribute& attribute) {
    protected_end_ = std::min(protected_end_, attribute.offset);
  };
  for (std::size_t at = kHeaderSize; at < bytes_.size();) {
    const auto attribute = read(at, bytes_.size());
    if (!attribute) return false;
    at = end_of(*attribute);
    // One of each, and in the order they have to stand in; others are as if they were not there.
    if (attribute->type == AttributeType::kMessageIntegrity && !integrity_ && !integrity_sha256_ && !fingerprint_) {
      integrity_ = attribute;
      end_here(*attribute);
    } else if (attribute->type == AttributeType::kMessageIntegritySha256 && !integrity_sha256_ && !fingerprint_) {
      integrity_sha256_ = attribute;
      end_here(*attribute);
    } else if (attribute->type == AttributeType::kFingerprint && at == bytes_.size()) {
      fingerprint_ = attribute;
      end_here(*attribute);
    }
  }
  return true;
}

std::optional<Attribute> MessageView::next(std::size_t offset) const { return read(offset, protected_end_); }

std::size_t MessageView::end_of(const Attribute& attribute) {
  return attribute.offset + kAttributeHeaderSize + padded(attribute.value.size());
}

std::optional<ByteView> MessageView::find(AttributeType type) const {
  for (auto at = next(kHeaderSize); at; at = next(end_of(*at))) {
    if (at->type == type) return at->value;
  }
  return std::nullopt;
}

bool looks_like_stun(ByteView datagram) {
  ByteReader in(datagram);
  const std::uint16_t type = in.u16();
  const std::uint16_t length = in.u16();
  const std::uint32_t cookie = in.u32();
  return !in.failed() && type < 0x0400 && cookie == kMagicCookie && length % 4 == 0 &&
         datagram.size() == kHeaderSize + length;
}

MessageWriter::MessageWriter(Class message_class, Method method, const TransactionId& id) : id_(id) {
  out_.reserve(128);
  ByteWriter out(out_);
  out.u16(type_of(message_class, method));
  out.u16(0);
  out.u32(kMagicCookie);
  out.bytes(id);
}

void MessageWriter::add(AttributeType type, ByteView value) {
  const std::size_t end = out_.size() + kAttributeHeaderSize + padded(value.size());
  if (end > kMaxMessageSize) std::abort();  // our own bug: whoever forwards a peer's bytes bounds them first
  ByteWriter out(out_);
  out.u16(static_cast<std::uint16_t>(type));
  out.u16(static_cast<std::uint16_t>(value.size()));
  out.bytes(value);
  out_.resize(end, 0);
  announce(0);
}

void MessageWriter::add_u32(AttributeType type, std::uint32_t value) {
  Bytes bytes;
  ByteWriter(bytes).u32(value);
  add(type, bytes);
}

void MessageWriter::add_u64(AttributeType type, std::uint64_t value) {
  Bytes bytes;
  ByteWriter(bytes).u64(value);
  add(type, bytes);
}

void MessageWriter::announce(std::size_t more) {
  const std::size_t length = out_.size() + more - kHeaderSize;
  out_[2] = static_cast<std::uint8_t>(length >> 8U);
  out_[3] = static_cast<std::uint8_t>(length);
}

}  // namespace turnpike::stun
