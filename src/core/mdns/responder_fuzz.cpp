// Whatever a neighbour sends, nobody is told of but peers of this network, and what is read is within the limits.
#include <cstdlib>

#include "core/mdns/responder.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike;
  SeededRandom random(1);
  const IpNetwork home{IpAddress::v4(192, 168, 1, 2), 24};
  mdns::Responder node({}, *identity::AnyPeerId::parse("12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"), {},
                       {home}, random);
  node.handle_datagram({}, {IpAddress::v4(192, 168, 1, 9), mdns::kPort}, {data, size});
  std::size_t found = 0;
  while (const auto event = node.poll_event()) {
    ++found;
    if (event->tcp.empty() && event->quic.empty()) std::abort();
    for (const auto& endpoints : {event->tcp, event->quic}) {
      if (endpoints.size() > mdns::kMaxAddresses) std::abort();
      for (const Endpoint& endpoint : endpoints) {
        if (!home.contains(endpoint.address)) std::abort();
      }
    }
  }
  if (found > mdns::kMaxStrings) std::abort();
  if (const auto message = mdns::decode({data, size}); message && message->texts.size() > mdns::kMaxStrings)
    std::abort();
  return 0;
}
