// What is read has one binary form and one text, and both read as the same address.
#include <cstdlib>

#include "core/multiaddr/multiaddr.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike;
  using multiaddr::Multiaddr;
  const auto check = [](const Multiaddr& address) {
    const auto from_bytes = Multiaddr::from_bytes(address.to_bytes());
    const auto from_text = Multiaddr::parse(address.to_string());
    if (!from_bytes || !(*from_bytes == address)) std::abort();
    if (!from_text || !(*from_text == address)) std::abort();
    if (const auto endpoint = address.tcp_endpoint()) {
      if (address.parts().size() > 3) std::abort();
    }
  };
  if (const auto address = Multiaddr::from_bytes({data, size})) {
    if (address->to_bytes() != Bytes(data, data + size)) std::abort();
    check(*address);
  }
  if (const auto address = Multiaddr::parse(text_of({data, size}))) check(*address);
  return 0;
}
