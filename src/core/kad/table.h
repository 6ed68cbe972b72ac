// Whom a node knows, by how close they are to it: Kademlia's buckets, bounded, and with room for no one network alone.
#pragma once

#include <array>
#include <map>
#include <vector>

#include "base/endpoint.h"
#include "base/time.h"
#include "core/kad/key.h"
#include "core/kad/message.h"

namespace turnpike::kad {

constexpr std::size_t kMaxPerNetworkInBucket = 2;    ///< Peer ids are free, networks are not.
constexpr std::size_t kMaxPerNetwork = 10;           ///< In the whole table.
constexpr std::size_t kMaxFailures = 2;              ///< In a row, before a peer may be replaced.
constexpr Duration kSilent = std::chrono::hours(1);  ///< A peer not heard of for so long may be replaced too.

struct Contact {
  Peer peer;
  IpAddress network;  ///< network_of() the address that we have seen it at.
};

enum class Added : std::uint8_t {
  kNew,
  kKnown,        ///< It was there; it has been heard of now, and its addresses are these.
  kFull,         ///< Its bucket is full of peers that answer: those are kept (Kademlia, section 2.2).
  kNetworkFull,  ///< kMaxPerNetworkInBucket or kMaxPerNetwork.
  kSelf,
};

class Table {
 public:
  explicit Table(const identity::AnyPeerId& self) : self_(Place::of(self)) {}

  /// Of a peer that has proved who it is and that serves kProtocol: nobody comes in by another's word.
  Added add(Instant now, Contact contact);
  void remove(const identity::AnyPeerId& peer);
  /// It did not answer. Known peers that fail are kept until somebody better comes.
  void failed(const identity::AnyPeerId& peer);

  /// At most `count`, the closest first; without `but`.
  [[nodiscard]] std::vector<Peer> closest(const Place& target, std::size_t count,
                                          const identity::AnyPeerId* but = nullptr) const;
  [[nodiscard]] bool contains(const identity::AnyPeerId& peer) const;
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Entry {
    Contact contact;
    Place place;
    Instant heard;
    std::size_t failures = 0;
  };
  using Bucket = std::vector<Entry>;

  [[nodiscard]] Bucket& bucket_of(const Place& place);
  [[nodiscard]] std::size_t in_network(const IpAddress& network) const;
  void erase(Bucket& bucket, Bucket::iterator entry);

  Place self_;
  std::map<std::size_t, Bucket> buckets_;  // by shared bits; at most kReplication in each
  std::map<IpAddress, std::size_t> networks_;
  std::size_t size_ = 0;
};

}  // namespace turnpike::kad
