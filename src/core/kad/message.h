// What Kademlia nodes ask and answer (libp2p kad-dht specification), under Turnpike's own protocol name.
#pragma once

#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "core/identity/any_peer_id.h"
#include "core/multiaddr/multiaddr.h"

namespace turnpike::kad {

constexpr std::string_view kProtocol = "/dig/kad/1.0.0";

constexpr std::size_t kReplication = 20;  ///< k: the peers of a bucket, of an answer, and that are told of a store.
constexpr std::size_t kMaxMessage = 64 << 10;    ///< Bytes of one message without its length.
constexpr std::size_t kMaxPeers = kReplication;  ///< Of each list of a message; those beyond are ignored.
constexpr std::size_t kMaxListed = 128;  ///< A message that lists more is refused whole, before anything is made of it.
constexpr std::size_t kMaxAddressSize = 256;  ///< Bytes of an address; a longer one is ignored.
constexpr std::size_t kMaxAddresses = 16;     ///< Of one peer; those beyond are ignored.
constexpr std::size_t kMaxKey = 80;           ///< Bytes; what others allow too.

/// Values are neither kept nor asked for here.
enum class Type : std::uint8_t {
  kPutValue = 0,
  kGetValue = 1,
  kAddProvider = 2,
  kGetProviders = 3,
  kFindNode = 4,
  kPing = 5,
};

struct Peer {
  identity::AnyPeerId id;
  std::vector<multiaddr::Multiaddr> addresses;

  friend bool operator==(const Peer&, const Peer&) = default;
};

struct Message {
  Type type = Type::kFindNode;
  Bytes key;
  std::vector<Peer> closer;
  std::vector<Peer> providers;

  friend bool operator==(const Message&, const Message&) = default;
};

/// The writer is to blame for each.
enum class ParseError : std::uint8_t { kMalformed, kUnknownType, kKeyTooLong, kTooManyPeers };

/// Reads one message without its length. Peers whose id cannot be read, and addresses of kinds that we do not know, are
/// left out; the rest of the message stands. Whether an address may be used is another question: see realm.h.
[[nodiscard]] Result<Message, ParseError> decode(ByteView message);
/// With its length before it. Of each list the first kMaxPeers are written, and no more of each than fits kMaxMessage.
[[nodiscard]] Bytes encode(const Message& message);

}  // namespace turnpike::kad
