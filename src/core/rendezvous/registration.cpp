#include "core/rendezvous/registration.h"

#include <algorithm>

#include "core/rendezvous/registration.pb.h"

namespace turnpike::rendezvous {
namespace {

// What can be dialled at all, be it from the same network only.
bool is_unicast(const IpAddress& address) {
  if (address.is_unspecified()) return false;
  if (address.family == IpAddress::Family::kV6) return address.octets[0] != 0xff;
  return address.octets[0] != 0 && address.octets[0] < 224;
}

Result<std::vector<Endpoint>, RegistrationError> read_http(ByteView bytes) {
  std::vector<Endpoint> out;
  ByteReader in(bytes);
  while (in.remaining() > 0) {
    if (out.size() == kMaxHttpEndpoints) return fail(RegistrationError::kTooManyEndpoints);
    const std::uint8_t size = in.u8();
    const auto endpoint = endpoint_of(in.take(size));
    if (in.failed()) return fail(RegistrationError::kMalformed);
    if (!endpoint || !endpoint_is_usable(*endpoint)) return fail(RegistrationError::kBadEndpoint);
    out.push_back(*endpoint);
  }
  return out;
}

// A kind of a newer version is passed over: the rest of the registration is as good as before.
Result<std::vector<Service>, RegistrationError> read_services(ByteView bytes) {
  std::vector<Service> out;
  ByteReader in(bytes);
  for (std::size_t read = 0; in.remaining() > 0; ++read) {
    if (read == kMaxServices) return fail(RegistrationError::kTooManyEndpoints);
    const std::uint8_t kind = in.u8();
    const std::uint8_t size = in.u8();
    const auto endpoint = endpoint_of(in.take(size));
    if (in.failed()) return fail(RegistrationError::kMalformed);
    if (!is_kind(kind)) continue;
    const auto known = static_cast<ServiceKind>(kind);
    if (!endpoint || !endpoint_is_usable(*endpoint) || known == ServiceKind::kHttp) {
      return fail(RegistrationError::kBadEndpoint);
    }
    out.push_back({known, *endpoint});
  }
  return out;
}

}  // namespace

void append_entry(Bytes& out, const Entry& entry) {
  ByteWriter writer(out);
  writer.bytes(entry.id.bytes);
  writer.u64(entry.content.size);
  writer.bytes(entry.content.root);
}

Result<std::vector<Entry>, RegistrationError> entries_of(ByteView bytes, std::size_t limit) {
  if (bytes.size() % kStoreEntrySize != 0) return fail(RegistrationError::kMalformed);
  if (bytes.size() / kStoreEntrySize > limit) return fail(RegistrationError::kTooManyStores);
  std::vector<Entry> out;
  out.reserve(bytes.size() / kStoreEntrySize);
  ByteReader in(bytes);
  while (in.remaining() > 0) {
    Entry entry;
    entry.id.bytes = in.array<32>();
    entry.content.size = in.u64();
    entry.content.root = in.array<32>();
    if (!entry.content.is_valid()) return fail(RegistrationError::kBadStore);
    out.push_back(entry);
  }
  return out;
}

bool endpoint_is_usable(const Endpoint& endpoint) { return endpoint.port != 0 && is_unicast(endpoint.address); }

Bytes address_bytes(const IpAddress& address) {
  const IpAddress plain = address.unmapped();
  return copy_of(ByteView(plain.octets).first(plain.size()));
}

std::optional<IpAddress> address_of(ByteView bytes) {
  if (bytes.size() != 4 && bytes.size() != 16) return std::nullopt;
  IpAddress out;
  out.family = bytes.size() == 4 ? IpAddress::Family::kV4 : IpAddress::Family::kV6;
  std::ranges::copy(bytes, out.octets.begin());
  return out.unmapped();
}

Bytes endpoint_bytes(const Endpoint& endpoint) {
  Bytes out = address_bytes(endpoint.address);
  ByteWriter(out).u16(endpoint.port);
  return out;
}

std::optional<Endpoint> endpoint_of(ByteView bytes) {
  if (bytes.size() < 2) return std::nullopt;
  const auto address = address_of(bytes.first(bytes.size() - 2));
  if (!address) return std::nullopt;
  return Endpoint{*address, ByteReader(bytes.last(2)).u16()};
}

Bytes service_bytes(const Service& service) {
  Bytes out{static_cast<std::uint8_t>(service.kind)};
  const Bytes endpoint = endpoint_bytes(service.endpoint);
  out.insert(out.end(), endpoint.begin(), endpoint.end());
  return out;
}

bool knows_kind(ByteView service) { return !service.empty() && is_kind(service[0]); }

std::optional<Service> service_of(ByteView bytes) {
  if (!knows_kind(bytes)) return std::nullopt;
  const auto endpoint = endpoint_of(bytes.subspan(1));
  if (!endpoint || endpoint->port == 0) return std::nullopt;
  return Service{static_cast<ServiceKind>(bytes[0]), *endpoint};
}

Bytes encode_registration(const Registration& registration) {
  Bytes http;
  for (const Endpoint& endpoint : registration.http) {
    const Bytes bytes = endpoint_bytes(endpoint);
    http.push_back(static_cast<std::uint8_t>(bytes.size()));
    http.insert(http.end(), bytes.begin(), bytes.end());
  }
  Bytes services;
  for (const Service& service : registration.services) {
    const Bytes bytes = endpoint_bytes(service.endpoint);
    services.push_back(static_cast<std::uint8_t>(service.kind));
    services.push_back(static_cast<std::uint8_t>(bytes.size()));
    services.insert(services.end(), bytes.begin(), bytes.end());
  }
  Bytes stores;
  stores.reserve(registration.stores.size() * kStoreEntrySize);
  for (const Entry& entry : registration.stores) append_entry(stores, entry);

  wire::Registration out;
  out.set_http(http.data(), http.size());
  out.set_stores(stores.data(), stores.size());
  out.set_services(services.data(), services.size());
  out.set_relays(registration.relays);
  return copy_of(bytes_of(out.SerializeAsString()));
}

Result<Registration, RegistrationError> decode_registration(ByteView body) {
  wire::Registration in;
  if (!in.ParseFromArray(body.data(), static_cast<int>(body.size()))) return fail(RegistrationError::kMalformed);
  auto http = read_http(bytes_of(in.http()));
  if (!http) return fail(http.error());
  auto services = read_services(bytes_of(in.services()));
  if (!services) return fail(services.error());
  auto stores = entries_of(bytes_of(in.stores()), kMaxStoresPerPeer);
  if (!stores) return fail(stores.error());
  std::ranges::sort(*stores);
  if (std::ranges::adjacent_find(*stores, {}, &Entry::id) != stores->end()) {
    return fail(RegistrationError::kRepeatedStore);
  }
  return Registration{*std::move(http), *std::move(stores), *std::move(services), in.relays()};
}

}  // namespace turnpike::rendezvous
