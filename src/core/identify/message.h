// What a peer tells of itself when a connection begins (libp2p identify): `/ipfs/id/1.0.0`, and `/ipfs/id/push/1.0.0`
// when it changes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "core/identity/public_key.h"
#include "core/multiaddr/peer_record.h"

namespace turnpike::identify {

constexpr std::string_view kProtocol = "/ipfs/id/1.0.0";
constexpr std::string_view kPushProtocol = "/ipfs/id/push/1.0.0";
constexpr std::string_view kProtocolVersion = "ipfs/0.1.0";  ///< What everybody says; nobody reads it.

constexpr std::size_t kMaxSent = 4096;         ///< rust-libp2p reads no more.
constexpr std::size_t kMaxMessage = 8192;      ///< Of one message that we read.
constexpr std::size_t kMaxMessages = 10;       ///< go-libp2p splits what is long; a peer may send so many parts.
constexpr std::size_t kMaxAddresses = 64;      ///< Of a peer; those beyond are ignored.
constexpr std::size_t kMaxProtocols = 256;     ///< Likewise.
constexpr std::size_t kMaxProtocolName = 256;  ///< Longer names are ignored.
constexpr std::size_t kMaxAgent = 128;         ///< Longer agent versions are cut.

/// What one peer told. In a push, what is absent has not changed.
struct Info {
  std::optional<identity::PublicKey> key;
  std::vector<multiaddr::Multiaddr> listen;
  std::vector<std::string> protocols;
  std::optional<multiaddr::Multiaddr> observed;  ///< Where it sees us.
  std::string agent;
  /// Its signature holds, and it speaks of its signer. Whether that is the peer at the other end is for is_of() to say.
  std::optional<multiaddr::PeerRecord> record;
  Bytes envelope;              ///< The record as it was signed: what others can check too.
  bool has_protocols = false;  ///< Any was told.
  bool has_listen = false;

  [[nodiscard]] bool speaks(std::string_view protocol) const;
  /// The key and the record, where there are any, are `peer`'s.
  [[nodiscard]] bool is_of(const identity::AnyPeerId& peer) const;
  /// Those of the record, if there is one: it is the surer word.
  [[nodiscard]] const std::vector<multiaddr::Multiaddr>& addresses() const;
  /// Takes what a push tells over what was known. A record with an older number changes nothing.
  void update(const Info& push);
};

/// What we tell. At most kMaxSent bytes: addresses at the end are left out when there are too many, protocols never.
struct Self {
  const crypto::SigningKey* key = nullptr;
  std::vector<multiaddr::Multiaddr> listen;
  std::vector<std::string> protocols;
  std::string agent;
  std::uint64_t record_seq = 0;  ///< Unix milliseconds; the same as long as `listen` is the same.
};

/// One length-delimited message. Fails only if the protocols alone are longer than kMaxSent, which is our own fault.
[[nodiscard]] std::optional<Bytes> encode(const Self& self, const std::optional<multiaddr::Multiaddr>& observed);

/// Adds one message, without its length, to what the ones before it told. False: not an Identify message.
[[nodiscard]] bool merge(Info& into, ByteView message);

}  // namespace turnpike::identify
