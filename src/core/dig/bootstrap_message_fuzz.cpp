// Whatever an old node sends, whole or cut: what parses is within every limit, and no part of it parses as another
// message.
#include <cstdlib>

#include "core/dig/address.h"
#include "core/dig/bootstrap_message.h"

namespace turnpike::dig {
namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

void check_register(ByteView text) {
  const auto request = parse_register(text);
  if (!request) {
    must(!to_string(request.error()).empty());
    return;
  }
  must(!request->addresses.empty() && request->addresses.size() <= kMaxAddresses);
  for (const std::string& address : request->addresses) must(is_multiaddr_text(address));
  must(request->stores.size() + request->ignored_stores <= kMaxStoresPerPeer);
  must(request->version.size() <= kMaxVersionText);
  must(request->turn_addresses.size() <= kMaxTurnAddresses && request->turn_capacity <= kMaxTurnCapacity);
  PeerRecord record{.peer = request->peer, .addresses = request->addresses, .stores = request->stores};
  record.version = request->version;
  record.turn = request->turn_addresses;
  // What is told of it is JSON again.
  const std::string told = encode_peers({&record, 1}, {.stores = true, .capabilities = true}, 1, {});
  must(static_cast<bool>(parse_object(bytes_of(told), {.bytes = 8 * kMaxRequestSize})));
}

void check_relay(ByteView text) {
  const auto request = parse_relay(text);
  if (!request) return;
  must(StoreId::parse(request->store.to_string()) == request->store);
  must(!request->range || request->range->first <= request->range->last);
}

}  // namespace
}  // namespace turnpike::dig

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike;
  if (size == 0) return 0;
  const ByteView text(data + 1, size - 1);
  dig::check_register(text);
  dig::check_relay(text);
  (void)dig::parse_turn_server(text);
  (void)dig::parse_allocate(text);
  (void)dig::parse_heartbeat(text);
  // JSON that is split anywhere is no message: an object is whole only with its last brace.
  const auto whole = dig::parse_object(text);
  if (whole && text.size() < 4096) {
    std::size_t end = text.size();
    while (end > 0 && text[end - 1] != '}') --end;
    const std::size_t cut = end == 0 ? 0 : data[0] % end;
    if (dig::parse_object(text.first(cut))) std::abort();
  }
  return 0;
}
