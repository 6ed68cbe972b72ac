#include "core/multiaddr/multiaddr.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/base64.h"

namespace turnpike::multiaddr {
namespace {

enum class Shape : std::uint8_t { kNone, kIp4, kIp6, kPort, kNumber, kText, kPath, kPeer, kHash };

struct Kind {
  Code code;
  std::string_view name;
  Shape shape;
};

constexpr std::array kKinds{
    Kind{Code::kIp4, "ip4", Shape::kIp4},
    Kind{Code::kTcp, "tcp", Shape::kPort},
    Kind{Code::kIp6, "ip6", Shape::kIp6},
    Kind{Code::kIp6Zone, "ip6zone", Shape::kText},
    Kind{Code::kDns, "dns", Shape::kText},
    Kind{Code::kDns4, "dns4", Shape::kText},
    Kind{Code::kDns6, "dns6", Shape::kText},
    Kind{Code::kDnsaddr, "dnsaddr", Shape::kText},
    Kind{Code::kUdp, "udp", Shape::kPort},
    Kind{Code::kWebrtcDirect, "webrtc-direct", Shape::kNone},
    Kind{Code::kWebrtc, "webrtc", Shape::kNone},
    Kind{Code::kP2pCircuit, "p2p-circuit", Shape::kNone},
    Kind{Code::kUnix, "unix", Shape::kPath},
    Kind{Code::kP2p, "p2p", Shape::kPeer},
    Kind{Code::kTls, "tls", Shape::kNone},
    Kind{Code::kSni, "sni", Shape::kText},
    Kind{Code::kNoise, "noise", Shape::kNone},
    Kind{Code::kQuic, "quic", Shape::kNone},
    Kind{Code::kQuicV1, "quic-v1", Shape::kNone},
    Kind{Code::kWebtransport, "webtransport", Shape::kNone},
    Kind{Code::kCerthash, "certhash", Shape::kHash},
    Kind{Code::kWs, "ws", Shape::kNone},
    Kind{Code::kWss, "wss", Shape::kNone},
    Kind{Code::kMemory, "memory", Shape::kNumber},
};

const Kind* kind_of(std::uint64_t code) {
  const auto found = std::ranges::find(kKinds, code, [](const Kind& kind) { return std::uint64_t(kind.code); });
  return found == kKinds.end() ? nullptr : &*found;
}

const Kind* kind_of(std::string_view name) {
  if (name == "ipfs") name = "p2p";
  const auto found = std::ranges::find(kKinds, name, &Kind::name);
  return found == kKinds.end() ? nullptr : &*found;
}

bool has_length(Shape shape) {
  return shape == Shape::kText || shape == Shape::kPath || shape == Shape::kPeer || shape == Shape::kHash;
}

std::size_t fixed_size(Shape shape) {
  switch (shape) {
    case Shape::kIp4:
      return 4;
    case Shape::kIp6:
      return 16;
    case Shape::kPort:
      return 2;
    case Shape::kNumber:
      return 8;
    default:
      return 0;
  }
}

bool is_printable(ByteView value, bool slashes) {
  return std::ranges::all_of(value, [&](std::uint8_t c) { return c > 0x20 && c < 0x7f && (slashes || c != '/'); });
}

bool is_multihash(ByteView value) {
  ByteReader in(value);
  in.varint();
  const std::uint64_t size = in.varint();
  return !in.failed() && size > 0 && size == in.remaining();
}

bool is_valid(Shape shape, ByteView value) {
  switch (shape) {
    case Shape::kText:
      return !value.empty() && is_printable(value, false);
    case Shape::kPath:
      return value.size() > 1 && value.front() == '/' && is_printable(value, true);
    case Shape::kPeer:
      return identity::AnyPeerId::from_bytes(value).has_value();
    case Shape::kHash:
      return is_multihash(value);
    default:
      return value.size() == fixed_size(shape);
  }
}

template <class Number>
std::optional<Bytes> number_bytes(std::string_view text) {
  Number number = 0;
  const bool spare_zero = text.size() > 1 && text.front() == '0';
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || spare_zero) return std::nullopt;
  Bytes out;
  for (std::size_t at = sizeof(Number); at > 0; --at)
    out.push_back(static_cast<std::uint8_t>(number >> (8 * (at - 1))));
  return out;
}

std::optional<Bytes> address_bytes(std::string_view text, IpAddress::Family family) {
  const auto address = IpAddress::parse(text);
  if (!address || address->family != family) return std::nullopt;
  return Bytes(address->octets.begin(), address->octets.begin() + static_cast<std::ptrdiff_t>(address->size()));
}

std::optional<Bytes> value_of(Shape shape, std::string_view text) {
  switch (shape) {
    case Shape::kIp4:
      return address_bytes(text, IpAddress::Family::kV4);
    case Shape::kIp6:
      return address_bytes(text, IpAddress::Family::kV6);
    case Shape::kPort:
      return number_bytes<std::uint16_t>(text);
    case Shape::kNumber:
      return number_bytes<std::uint64_t>(text);
    case Shape::kPeer: {
      const auto peer = identity::AnyPeerId::parse(text);
      return peer ? std::optional(peer->to_bytes()) : std::nullopt;
    }
    case Shape::kHash:  // multibase: base64url without padding
      return text.starts_with('u') ? from_base64url(text.substr(1)) : std::nullopt;
    default:
      return copy_of(bytes_of(text));
  }
}

IpAddress address_of(ByteView value) {
  IpAddress out;
  out.family = value.size() == 4 ? IpAddress::Family::kV4 : IpAddress::Family::kV6;
  std::ranges::copy(value, out.octets.begin());
  return out;
}

std::uint64_t number_of(ByteView value) {
  std::uint64_t out = 0;
  for (const std::uint8_t byte : value) out = out << 8U | byte;
  return out;
}

std::string text_of_value(Shape shape, ByteView value) {
  switch (shape) {
    case Shape::kIp4:
    case Shape::kIp6:
      return address_of(value).to_string();
    case Shape::kPort:
    case Shape::kNumber:
      return std::to_string(number_of(value));
    case Shape::kPeer:
      return identity::AnyPeerId::from_bytes(value)->to_string();
    case Shape::kHash:
      return "u" + to_base64url(value);
    default:
      return std::string(text_of(value));
  }
}

Part ip_part(const IpAddress& address) {
  const ByteView octets = ByteView(address.octets).first(address.size());
  return {address.family == IpAddress::Family::kV4 ? Code::kIp4 : Code::kIp6, copy_of(octets)};
}

Part port_part(Code code, std::uint16_t port) {
  return {code, {static_cast<std::uint8_t>(port >> 8U), static_cast<std::uint8_t>(port)}};
}

}  // namespace

Result<Multiaddr, Error> Multiaddr::from_bytes(ByteView bytes) {
  if (bytes.size() > kMaxSize) return fail(Error::kTooLong);
  if (bytes.empty()) return fail(Error::kEmpty);
  ByteReader in(bytes);
  std::vector<Part> parts;
  while (in.remaining() > 0) {
    const std::uint64_t code = in.varint();
    if (in.failed()) return fail(Error::kTruncated);
    const Kind* const kind = kind_of(code);
    if (kind == nullptr) return fail(Error::kUnknownCode);
    const std::uint64_t size = has_length(kind->shape) ? in.varint() : fixed_size(kind->shape);
    if (in.failed() || size > in.remaining()) return fail(Error::kTruncated);
    const ByteView value = in.take(static_cast<std::size_t>(size));
    if (!is_valid(kind->shape, value)) return fail(Error::kBadValue);
    if (parts.size() == kMaxParts) return fail(Error::kTooLong);
    parts.push_back({kind->code, copy_of(value)});
  }
  return Multiaddr(std::move(parts));
}

Result<Multiaddr, Error> Multiaddr::parse(std::string_view text) {
  if (text.size() > kMaxText) return fail(Error::kTooLong);
  if (text.empty() || text == "/") return fail(Error::kEmpty);
  const auto next = [&text]() -> std::optional<std::string_view> {
    if (!text.starts_with('/')) return std::nullopt;
    text.remove_prefix(1);
    const std::string_view word = text.substr(0, text.find('/'));
    text.remove_prefix(word.size());
    return word;
  };
  std::vector<Part> parts;
  while (!text.empty()) {
    const auto name = next();
    if (!name) return fail(Error::kBadValue);
    const Kind* const kind = kind_of(*name);
    if (kind == nullptr) return fail(Error::kUnknownCode);
    Bytes value;
    if (kind->shape == Shape::kPath) {
      value = copy_of(bytes_of(text));  // a path takes the rest, slashes and all
      text = {};
    } else if (kind->shape != Shape::kNone) {
      const auto word = next();
      if (!word) return fail(Error::kTruncated);
      auto read = value_of(kind->shape, *word);
      if (!read) return fail(Error::kBadValue);
      value = *std::move(read);
    }
    if (!is_valid(kind->shape, value)) return fail(Error::kBadValue);
    if (parts.size() == kMaxParts) return fail(Error::kTooLong);
    parts.push_back({kind->code, std::move(value)});
  }
  Multiaddr out(std::move(parts));
  if (out.to_bytes().size() > kMaxSize) return fail(Error::kTooLong);
  return out;
}

Multiaddr Multiaddr::tcp(const Endpoint& endpoint) {
  return Multiaddr({ip_part(endpoint.address), port_part(Code::kTcp, endpoint.port)});
}

Multiaddr Multiaddr::quic_v1(const Endpoint& endpoint) {
  return Multiaddr({ip_part(endpoint.address), port_part(Code::kUdp, endpoint.port), {Code::kQuicV1, {}}});
}

Bytes Multiaddr::to_bytes() const {
  Bytes out;
  ByteWriter writer(out);
  for (const Part& part : parts_) {
    writer.varint(static_cast<std::uint64_t>(part.code));
    if (has_length(kind_of(std::uint64_t(part.code))->shape)) writer.varint(part.value.size());
    writer.bytes(part.value);
  }
  return out;
}

std::string Multiaddr::to_string() const {
  std::string out;
  for (const Part& part : parts_) {
    const Kind& kind = *kind_of(std::uint64_t(part.code));
    out += '/';
    out += kind.name;
    if (kind.shape == Shape::kNone) continue;
    if (kind.shape != Shape::kPath) out += '/';
    out += text_of_value(kind.shape, part.value);
  }
  return out;
}

Multiaddr Multiaddr::with_peer(const identity::AnyPeerId& peer) const {
  std::vector<Part> parts = parts_;
  if (parts.back().code == Code::kP2p && parts.size() > 1) parts.pop_back();
  parts.push_back({Code::kP2p, peer.to_bytes()});
  return Multiaddr(std::move(parts));
}

std::optional<identity::AnyPeerId> Multiaddr::peer() const {
  if (parts_.back().code != Code::kP2p) return std::nullopt;
  return identity::AnyPeerId::from_bytes(parts_.back().value);
}

std::optional<Endpoint> Multiaddr::endpoint_over(Code transport, std::size_t parts) const {
  const std::size_t size = parts_.size() - (parts_.back().code == Code::kP2p ? 1 : 0);
  if (size != parts) return std::nullopt;
  const bool has_ip = parts_[0].code == Code::kIp4 || parts_[0].code == Code::kIp6;
  if (!has_ip || parts_[1].code != transport) return std::nullopt;
  return Endpoint{address_of(parts_[0].value), static_cast<std::uint16_t>(number_of(parts_[1].value))};
}

std::optional<Endpoint> Multiaddr::tcp_endpoint() const { return endpoint_over(Code::kTcp, 2); }

std::optional<Endpoint> Multiaddr::quic_endpoint() const {
  const auto endpoint = endpoint_over(Code::kUdp, 3);
  return endpoint && parts_[2].code == Code::kQuicV1 ? endpoint : std::nullopt;
}

bool Multiaddr::is_relayed() const {
  return std::ranges::any_of(parts_, [](const Part& part) { return part.code == Code::kP2pCircuit; });
}

}  // namespace turnpike::multiaddr
