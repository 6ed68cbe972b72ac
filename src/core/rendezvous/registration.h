// What a peer registers at a bootstrap: where it answers what, and the public stores it holds. The body of a signed
// "registration" statement (docs/protocols/bootstrap.md).
#pragma once

#include <compare>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/endpoint.h"
#include "base/result.h"
#include "core/rendezvous/service.h"
#include "core/store/store_id.h"

namespace turnpike::rendezvous {

constexpr std::string_view kRegistrationType = "registration";
constexpr std::string_view kChallengeType = "challenge";  ///< The statement over a Hello's nonce.
constexpr std::string_view kSeenType = "seen";            ///< The statement, empty, of who shows itself elsewhere.
constexpr std::size_t kMaxSeenSize = 1024;                ///< Such a statement's size, to spare.
constexpr std::size_t kMaxStoresPerPeer = 20'000;
constexpr std::size_t kMaxHttpEndpoints = 8;
constexpr std::size_t kMaxServices = 16;  ///< Of the kinds other than http, together.
constexpr std::size_t kStoreEntrySize = 32 + 8 + 32;

/// A store and which bytes it is.
struct Entry {
  store::StoreId id;
  store::Content content;

  friend constexpr auto operator<=>(const Entry&, const Entry&) = default;
};

struct Registration {
  std::vector<Endpoint> http;          ///< Unicast addresses with a port, at most kMaxHttpEndpoints.
  std::vector<Entry> stores;           ///< At most kMaxStoresPerPeer, each id once.
  std::vector<Service> services = {};  ///< Likewise usable, at most kMaxServices, none of kind http.
  bool relays = false;                 ///< It would relay one session more, at its turn services.

  friend bool operator==(const Registration&, const Registration&) = default;
};

/// Each is the registrant's fault.
enum class RegistrationError : std::uint8_t {
  kMalformed,
  kTooManyStores,     ///< kMaxStoresPerPeer
  kTooManyEndpoints,  ///< kMaxHttpEndpoints, kMaxServices
  kBadEndpoint,       ///< No port, or no unicast address.
  kBadStore,          ///< A size of 0 or above store::kMaxStoreSize.
  kRepeatedStore,     ///< One id twice: a peer has one file of each.
};

[[nodiscard]] Bytes encode_registration(const Registration& registration);
/// Sorts the stores. Judges their number before it allocates for them.
[[nodiscard]] Result<Registration, RegistrationError> decode_registration(ByteView body);

/// Store entries and endpoints as they stand in every message here: 72 bytes (id, size big-endian, root), and 6 or 18
/// bytes (address, port big-endian).
void append_entry(Bytes& out, const Entry& entry);
[[nodiscard]] Bytes endpoint_bytes(const Endpoint& endpoint);
[[nodiscard]] std::optional<Endpoint> endpoint_of(ByteView bytes);
/// One byte of kind before the endpoint. Reading fails for kinds this side does not know: ask knows_kind first.
[[nodiscard]] Bytes service_bytes(const Service& service);
[[nodiscard]] std::optional<Service> service_of(ByteView bytes);
[[nodiscard]] bool knows_kind(ByteView service);
/// A port and a unicast address: what may be registered. Private ones may: a neighbour can use them.
[[nodiscard]] bool endpoint_is_usable(const Endpoint& endpoint);
[[nodiscard]] Bytes address_bytes(const IpAddress& address);
[[nodiscard]] std::optional<IpAddress> address_of(ByteView bytes);
/// Fails unless `bytes` is at most `limit` whole entries of valid content.
[[nodiscard]] Result<std::vector<Entry>, RegistrationError> entries_of(ByteView bytes, std::size_t limit);

}  // namespace turnpike::rendezvous
