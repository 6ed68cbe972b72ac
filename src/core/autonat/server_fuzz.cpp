// Whatever an asker says, nobody is dialled at an address that is not global or is ours, and none that is not the
// asker's before enough data came.
#include <cstdlib>

#include "core/autonat/client.h"
#include "core/autonat/server.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike;
  SeededRandom random(1);
  const Instant now{std::chrono::seconds(10)};
  const IpAddress asker = IpAddress::v4(203, 0, 113, 7);
  const IpAddress us = IpAddress::v4(198, 51, 100, 1);
  autonat::Server server(now, asker, {us}, true, random);
  std::size_t dialled = 0;
  const std::size_t step = size > 0 ? 1 + data[0] : 1;
  std::size_t given = 0;
  for (std::size_t at = 0; at < size; at += step) {
    const ByteView piece{data + at, std::min(step, size - at)};
    server.handle_bytes(now, piece);
    given += piece.size();
    while (const auto order = server.poll_event()) {
      ++dialled;
      if (!order->to.address.is_global() || order->to.address == us || order->to.port == 0) std::abort();
      if (order->to.address.unmapped() != asker && given < autonat::kMinData) std::abort();
      server.handle_dialled(autonat::DialStatus::kOk);
    }
    while (server.poll_write()) {
    }
  }
  server.handle_end();
  if (dialled > 1) std::abort();
  autonat::Client client(now, {multiaddr::Multiaddr::tcp({asker, 1})}, 1);
  client.handle_bytes({data, size});
  std::size_t sent = 0;
  while (const auto out = client.poll_write()) sent += out->size();
  if (sent > autonat::kMaxData + 2 * autonat::kMaxMessage) std::abort();
  (void)autonat::read_dial_back_response({data, size});
  (void)autonat::decode_dial_back({data, size});
  return 0;
}
