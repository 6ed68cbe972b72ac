#include "core/mdns/message.h"

#include <algorithm>

namespace turnpike::mdns {
namespace {

constexpr std::uint16_t kPtr = 12;
constexpr std::uint16_t kTxt = 16;
constexpr std::uint16_t kAny = 255;
constexpr std::uint16_t kInternet = 1;
constexpr std::uint16_t kResponse = 0x8400;  // QR and AA: RFC 6762, section 18.4
constexpr std::uint16_t kIsResponse = 0x8000;
constexpr std::uint32_t kLifetime = 120;  // seconds; RFC 6762, section 10
constexpr std::uint8_t kPointer = 0xc0;
constexpr std::size_t kMaxLabel = 63;

char lower(std::uint8_t c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c); }

// Reads a name at `at` of the whole message and sets `at` behind it. RFC 1035, section 4.1.4: a pointer leads to an
// earlier place; as each must lead before the last, no loop is possible.
std::optional<std::string> read_name(ByteView message, std::size_t& at) {
  std::string name;
  std::size_t here = at;
  std::size_t barrier = at;
  std::size_t jumps = 0;
  while (here < message.size()) {
    const std::uint8_t size = message[here];
    if ((size & kPointer) == kPointer) {
      if (here + 1 >= message.size()) return std::nullopt;
      const std::size_t target = static_cast<std::size_t>(size & 0x3fU) << 8U | message[here + 1];
      if (jumps == 0) at = here + 2;
      if (target >= barrier || ++jumps > kMaxJumps) return std::nullopt;
      barrier = here = target;
      continue;
    }
    if (size > kMaxLabel) return std::nullopt;
    ++here;
    if (size == 0) {
      if (jumps == 0) at = here;
      return name;
    }
    if (here + size > message.size() || name.size() + size + 1 > kMaxName) return std::nullopt;
    if (!name.empty()) name += '.';
    for (std::size_t i = 0; i < size; ++i) name += lower(message[here + i]);
    here += size;
  }
  return std::nullopt;
}

void read_texts(Message& out, ByteView data) {
  ByteReader in(data);
  while (in.remaining() > 0 && out.texts.size() < kMaxStrings) {
    const ByteView text = in.take(in.u8());
    if (in.failed()) return;
    if (!text.empty()) out.texts.emplace_back(text_of(text));
  }
}

void write_name(ByteWriter& out, std::string_view name) {
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    out.u8(static_cast<std::uint8_t>(label.size()));
    out.bytes(bytes_of(label));
    name.remove_prefix(std::min(name.size(), label.size() + 1));
  }
  out.u8(0);
}

void write_header(ByteWriter& out, std::uint16_t flags, std::uint16_t questions, std::uint16_t answers,
                  std::uint16_t additionals) {
  out.u16(0);  // RFC 6762, section 18.1
  out.u16(flags);
  out.u16(questions);
  out.u16(answers);
  out.u16(0);
  out.u16(additionals);
}

}  // namespace

Result<Message, ParseError> decode(ByteView datagram) {
  if (datagram.size() > kMaxMessage) return fail(ParseError::kTooLong);
  ByteReader header(datagram);
  header.u16();
  Message out;
  out.is_response = (header.u16() & kIsResponse) != 0;
  const std::size_t questions = header.u16();
  const std::size_t records = std::size_t{header.u16()} + header.u16() + header.u16();
  if (header.failed()) return fail(ParseError::kTruncated);
  if (questions + records > kMaxRecords) return fail(ParseError::kTooLong);

  std::size_t at = datagram.size() - header.remaining();
  for (std::size_t i = 0; i < questions + records; ++i) {
    const auto name = read_name(datagram, at);
    if (!name) return fail(ParseError::kBadName);
    ByteReader in(datagram.subspan(at));
    const std::uint16_t type = in.u16();
    in.u16();  // class
    const bool is_question = i < questions;
    if (is_question) {
      if (in.failed()) return fail(ParseError::kTruncated);
      out.asks_for_service |= *name == kService && (type == kPtr || type == kAny);
      at = datagram.size() - in.remaining();
      continue;
    }
    in.u32();  // lifetime
    const ByteView data = in.take(in.u16());
    if (in.failed()) return fail(ParseError::kTruncated);
    out.names_service |= type == kPtr && (*name == kService || *name == kOldService);
    if (type == kTxt && (name->ends_with(kService) || name->ends_with(kOldService))) read_texts(out, data);
    at = datagram.size() - in.remaining();
  }
  return out;
}

Bytes make_query(std::string_view service) {
  Bytes bytes;
  ByteWriter out(bytes);
  write_header(out, 0, 1, 0, 0);
  write_name(out, service);
  out.u16(kPtr);
  out.u16(kInternet);
  return bytes;
}

Bytes make_response(std::string_view instance, const std::vector<std::string>& texts) {
  instance = instance.substr(0, kMaxLabel);
  const std::string name = std::string(instance) + "." + std::string(kService);
  Bytes bytes;
  ByteWriter out(bytes);
  write_header(out, kResponse, 0, 1, 1);
  write_name(out, kService);
  out.u16(kPtr);
  out.u16(kInternet);
  out.u32(kLifetime);
  out.u16(static_cast<std::uint16_t>(name.size() + 2));
  write_name(out, name);
  write_name(out, name);
  out.u16(kTxt);
  out.u16(kInternet);
  out.u32(kLifetime);
  Bytes data;
  ByteWriter strings(data);
  for (const std::string& text : texts) {
    if (text.size() > kMaxString || bytes.size() + 2 + data.size() + 1 + text.size() > kMaxSent) continue;
    strings.u8(static_cast<std::uint8_t>(text.size()));
    strings.bytes(bytes_of(text));
  }
  if (data.empty()) data.push_back(0);  // RFC 6763, section 6.1: one empty string
  out.u16(static_cast<std::uint16_t>(data.size()));
  out.bytes(data);
  return bytes;
}

}  // namespace turnpike::mdns
