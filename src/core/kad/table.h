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

/// Peer ids are free, networks are not. Those of our own house are not counted: whoever is in there has other ways.
constexpr std::size_t kMaxPerNetworkInBucket = 2;
constexpr std::size_t kMaxPerNetwork = 10;           ///< In the whole table.
constexpr std::size_t kMaxFailures = 2;              ///< In a row, before a peer may be replaced.
constexpr Duration kSilent = std::chrono::hours(1);  ///< A peer not heard of for so long may be replaced too.

struct Contact {
  Peer peer;
  IpAddress seen;  ///< Where we have met it: its addresses are taken as far as realm.h says.
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
  /// It lives. Changes nothing for one that is not there.
  void heard(Instant now, const identity::AnyPeerId& peer);
  /// It did not answer. Known peers that fail are kept until somebody better comes.
  void failed(const identity::AnyPeerId& peer);

  /// At most `count`, the closest first; without `but`.
  [[nodiscard]] std::vector<Peer> closest(const Place& target, std::size_t count,
                                          const identity::AnyPeerId* but = nullptr) const;
  /// The same without those that did not answer last: whom others are told of.
  [[nodiscard]] std::vector<Peer> lively(const Place& target, std::size_t count, const identity::AnyPeerId& but) const;
  /// At most `count` that were not heard of since `since`, the longest silent first.
  [[nodiscard]] std::vector<Peer> silent(Instant since, std::size_t count) const;
  /// Everybody, in no order.
  [[nodiscard]] std::vector<Contact> all() const;
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
  [[nodiscard]] Entry* find(const identity::AnyPeerId& peer);
  [[nodiscard]] std::size_t in_network(const IpAddress& seen) const;
  void count(const IpAddress& seen);
  void discount(const IpAddress& seen);
  template <class Wanted>
  [[nodiscard]] std::vector<Peer> nearest(const Place& target, std::size_t count, Wanted wanted) const;
  void erase(Bucket& bucket, Bucket::iterator entry);

  Place self_;
  std::map<std::size_t, Bucket> buckets_;  // by shared bits; at most kReplication in each
  std::map<IpAddress, std::size_t> networks_;
  std::size_t size_ = 0;
};

}  // namespace turnpike::kad
