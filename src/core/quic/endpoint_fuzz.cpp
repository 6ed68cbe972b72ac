// Two whole endpoints in virtual time, and a network that does as the input says: loses, repeats, changes, invents.
// Properties: what a stream delivers is what was written to it, from its beginning; half-open connections and
// connection ids stay within their limits; and when the network is left alone, both ends come to rest.
#include <algorithm>
#include <cstdlib>

#include "core/quic/endpoint_test_support.h"

using namespace turnpike;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace std::chrono_literals;
  if (size > 400) return 0;
  ByteReader in(ByteView(data, size));
  quic::World world({.limits = {.connections = 8, .half_open = 8}, .seed = in.u64()});
  const Bytes sent = quic::pattern(60'000);
  std::vector<Bytes> seen;
  std::uint8_t trouble = 0;
  std::uint16_t where = 0;
  world.tap = [&](bool to_server, Bytes& datagram) {
    if (seen.size() < 64) seen.push_back(datagram);
    switch (std::exchange(trouble, 0)) {
      case 1:
        return false;
      case 2:
        datagram[where % datagram.size()] ^= static_cast<std::uint8_t>(1 + (where >> 8U));
        return true;
      case 3:
        datagram.resize(1 + where % datagram.size());
        return true;
      case 4:
        world.inject(to_server, to_server ? world.client_seen_as : quic::EndpointPair::kServer, datagram);
        return true;
      default:
        return true;
    }
  };
  world.dial();
  std::optional<channel::StreamId> stream;
  std::size_t written = 0;
  while (in.remaining() > 0) {
    const std::uint8_t what = in.u8();
    where = static_cast<std::uint16_t>(in.u8() << 8U | in.u8());
    quic::Connection* const connection = world.dialling();
    switch (what % 16) {
      case 0:
      case 1:
      case 2:
      case 3:
        trouble = static_cast<std::uint8_t>(1 + what % 4);
        break;
      case 4:
        if (!seen.empty()) {
          world.inject((where & 1U) != 0, {IpAddress::v4(203, 0, 113, what), where}, seen[where % seen.size()]);
        }
        break;
      case 5:
        world.inject((where & 1U) != 0, quic::EndpointPair::kClient,
                     copy_of(in.take(std::min<std::size_t>(in.remaining(), where % 64))));
        break;
      case 6:
        world.client_seen_as.port = where;
        break;
      case 7:
        world.to_server.mtu = 1200 + where % 300;
        break;
      case 8:
        if (connection != nullptr) connection->update_keys(world.now);
        world.client.touch(world.id);
        break;
      case 9:
        if (stream && connection != nullptr && where % 8 == 0) connection->reset(*stream);
        world.client.touch(world.id);
        break;
      case 10:
        if (connection != nullptr && where % 16 == 0) connection->close();
        world.client.touch(world.id);
        break;
      default:
        break;
    }
    if (connection != nullptr && connection->is_established() && !stream) stream = connection->open_stream("/echo/1");
    if (stream)
      written +=
          world.write(*stream, ByteView(sent).subspan(written, std::min<std::size_t>(where, sent.size() - written)));
    world.run(Duration(where), [&] {
      world.drain();
      return false;
    });
    require(world.server.half_open() <= 8);
    require(world.server.connection_ids() <= 8 * 32);
    require(world.at_server.size() <= written);
    require(std::equal(world.at_server.begin(), world.at_server.end(), sent.begin()));
  }
  world.tap = {};
  if (quic::Connection* const connection = world.dialling()) connection->close();
  world.client.touch(world.id);
  world.run(5min, [&] {
    world.drain();
    quic::events_of<channel::Closed>(world.client);
    return world.client.connections() + world.server.connections() == 0;
  });
  require(world.client.connections() + world.server.connections() == 0);
  require(world.server.half_open() == 0);
  return 0;
}
