// Addresses that describe themselves (libp2p multiaddr specification): /ip4/192.0.2.1/tcp/4001/p2p/12D3KooW…
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/endpoint.h"
#include "base/result.h"
#include "core/identity/any_peer_id.h"

namespace turnpike::multiaddr {

constexpr std::size_t kMaxSize = 1024;  ///< Of the binary form.
constexpr std::size_t kMaxText = 2048;
constexpr std::size_t kMaxParts = 16;  ///< A relayed WebSocket address with both peers has ten.

/// The codes of the multicodec table that a libp2p address may have today.
enum class Code : std::uint32_t {
  kIp4 = 4,
  kTcp = 6,
  kIp6 = 41,
  kIp6Zone = 42,
  kDns = 53,
  kDns4 = 54,
  kDns6 = 55,
  kDnsaddr = 56,
  kUdp = 273,
  kWebrtcDirect = 280,
  kWebrtc = 281,
  kP2pCircuit = 290,
  kUnix = 400,
  kP2p = 421,
  kTls = 448,
  kSni = 449,
  kNoise = 454,
  kQuic = 460,
  kQuicV1 = 461,
  kWebtransport = 465,
  kCerthash = 466,
  kWs = 477,
  kWss = 478,
  kMemory = 777,
};

/// All of them are the writer's fault, but for kUnknownCode: that address is of a kind that we do not know. Its length
/// is unknown too, so that one address is dropped, and never the message around it.
enum class Error : std::uint8_t {
  kUnknownCode,
  kTruncated,
  kTooLong,   ///< kMaxSize, kMaxText or kMaxParts.
  kBadValue,  ///< A part's value is none of its kind.
  kEmpty,     ///< No part at all.
};

struct Part {
  Code code = Code::kIp4;
  Bytes value;  ///< Without its length prefix, where the code has one.

  friend bool operator==(const Part&, const Part&) = default;
};

/// At least one part, each with a value that is right for its code. Whether the parts make sense together is the
/// reader's business: see tcp_endpoint() and quic_endpoint().
class Multiaddr {
 public:
  [[nodiscard]] static Result<Multiaddr, Error> from_bytes(ByteView bytes);
  /// Also reads the old `/ipfs/` for `/p2p/`.
  [[nodiscard]] static Result<Multiaddr, Error> parse(std::string_view text);
  [[nodiscard]] static Multiaddr tcp(const Endpoint& endpoint);      ///< /ip4/A/tcp/P
  [[nodiscard]] static Multiaddr quic_v1(const Endpoint& endpoint);  ///< /ip4/A/udp/P/quic-v1

  [[nodiscard]] Bytes to_bytes() const;
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] const std::vector<Part>& parts() const { return parts_; }

  /// `/p2p/PEER` behind it, in the place of one that stands there already.
  [[nodiscard]] Multiaddr with_peer(const identity::AnyPeerId& peer) const;
  /// Whom it ends in, if in anybody.
  [[nodiscard]] std::optional<identity::AnyPeerId> peer() const;
  /// Of an address that is exactly IP and TCP, whatever peer it ends in.
  [[nodiscard]] std::optional<Endpoint> tcp_endpoint() const;
  /// Of one that is exactly IP, UDP and QUIC v1.
  [[nodiscard]] std::optional<Endpoint> quic_endpoint() const;
  [[nodiscard]] bool is_relayed() const;  ///< Through /p2p-circuit.

  friend bool operator==(const Multiaddr&, const Multiaddr&) = default;

 private:
  explicit Multiaddr(std::vector<Part> parts) : parts_(std::move(parts)) {}
  [[nodiscard]] std::optional<Endpoint> endpoint_over(Code transport, std::size_t parts) const;

  std::vector<Part> parts_;
};

/// Those of a message that can be read, at most `limit` of them.
template <class Fields>
[[nodiscard]] std::vector<Multiaddr> read_all(const Fields& fields, std::size_t limit) {
  std::vector<Multiaddr> out;
  for (const auto& field : fields) {
    if (out.size() == limit) break;
    if (auto address = Multiaddr::from_bytes(bytes_of(field))) out.push_back(*std::move(address));
  }
  return out;
}

}  // namespace turnpike::multiaddr
