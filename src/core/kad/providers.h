// Who has told us that it has which store, and which stores of ours the others are due to be told of.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "base/endpoint.h"
#include "base/time.h"
#include "core/kad/message.h"

namespace turnpike::kad {

constexpr Duration kProviderExpiry = std::chrono::hours(48);
constexpr Duration kReprovide = std::chrono::hours(22);
constexpr Duration kProvideRetry = std::chrono::minutes(10);  ///< After a round that reached nobody.
constexpr std::size_t kMaxProvidersPerKey = 20;
constexpr std::size_t kMaxKeys = 16384;
constexpr std::size_t kMaxRecords = 65536;
constexpr std::size_t kMaxKeysPerPeer = 4096;
constexpr std::size_t kMaxRecordsPerNetwork = 8192;  ///< Of a /24 or /48: peer ids are free.

enum class Recorded : std::uint8_t {
  kNew,
  kRenewed,
  kBadKey,     ///< No provider_key().
  kNoAddress,  ///< None at which others could reach it (realm.h).
  kKeyFull,    ///< kMaxProvidersPerKey: those who were there first stay until they expire.
  kPeerFull,   ///< kMaxKeysPerPeer or kMaxRecordsPerNetwork.
  kTableFull,  ///< kMaxKeys or kMaxRecords.
};

class Providers {
 public:
  /// `provider` is who sent it, over a connection from `seen` where it has proved that.
  Recorded add(Instant now, ByteView key, Peer provider, const IpAddress& seen);
  /// Those that have not expired at `now`.
  [[nodiscard]] std::vector<Peer> of(Instant now, ByteView key) const;
  /// Forgets what has expired.
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  [[nodiscard]] std::size_t size() const { return expiries_.size(); }

 private:
  struct Record {
    Peer peer;
    IpAddress network;
    Instant expires;
    std::multimap<Instant, std::pair<Bytes, identity::AnyPeerId>>::iterator expiry;
  };

  void forget(std::multimap<Instant, std::pair<Bytes, identity::AnyPeerId>>::iterator expiry);

  std::map<Bytes, std::vector<Record>> keys_;
  std::multimap<Instant, std::pair<Bytes, identity::AnyPeerId>> expiries_;
  std::map<identity::AnyPeerId, std::size_t> by_peer_;
  std::map<IpAddress, std::size_t> by_network_;
};

/// The stores that we have and offer. Each is due at once, and again kReprovide after it was told.
class Offers {
 public:
  void add(Instant now, const Digest& store);
  void remove(const Digest& store);
  /// The next that is due at `now`. It is not due again before told() or kProvideRetry.
  [[nodiscard]] std::optional<Digest> poll_due(Instant now);
  /// `reached` peers have been told of it.
  void told(Instant now, const Digest& store, std::size_t reached);
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  /// What was told is not right any more: all are due again.
  void again(Instant now);
  [[nodiscard]] bool has(const Digest& store) const { return due_.contains(store); }
  [[nodiscard]] std::size_t size() const { return due_.size(); }

 private:
  void set(const Digest& store, Instant due);

  std::map<Digest, Instant> due_;
  std::multimap<Instant, Digest> order_;
};

}  // namespace turnpike::kad
