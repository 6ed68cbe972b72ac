// A registration that decodes is within its limits, sorted, and survives being written and read again.
#include <algorithm>
#include <cstdlib>

#include "core/rendezvous/registration.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike;
  using namespace turnpike::rendezvous;
  const auto registration = decode_registration(ByteView(data, size));
  if (!registration) return 0;
  const bool within = registration->stores.size() <= kMaxStoresPerPeer &&
                      registration->http.size() <= kMaxHttpEndpoints &&
                      std::ranges::all_of(registration->http, endpoint_is_usable) &&
                      std::ranges::is_sorted(registration->stores) && registration->services.size() <= kMaxServices &&
                      std::ranges::all_of(registration->services, [](const Service& each) {
                        return each.kind != ServiceKind::kHttp && endpoint_is_usable(each.endpoint);
                      });
  const auto again = decode_registration(encode_registration(*registration));
  if (!within || !again || *again != *registration) std::abort();
  return 0;
}
