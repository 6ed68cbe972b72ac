// Whatever strangers do and in whatever order, no limit is passed; and when all is closed, nothing is left counted.
#include <cstdlib>
#include <map>
#include <set>
#include <vector>

#include "core/host/connections.h"

namespace {

using namespace turnpike;

void require(bool holds) {
  if (!holds) std::abort();
}

constexpr host::Limits kLimits{.pending = 5,
                               .pending_per_network = 3,
                               .begun_per_network = 9,
                               .connections = 6,
                               .per_network = 4,
                               .per_peer = 2,
                               .streams_per_peer = 5,
                               .streams_per_network = 7};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  host::Connections table(identity::PeerId{Digest{0}}, kLimits);
  std::set<host::ConnectionId> open;
  std::vector<host::ConnectionId> all;
  Instant now{std::chrono::seconds(1)};
  for (std::size_t i = 0; i + 1 < size; i += 2) {
    const std::uint8_t what = data[i];
    const std::uint8_t which = data[i + 1];
    const host::ConnectionId id = all.empty() ? host::ConnectionId{} : all[which % all.size()];
    const identity::PeerId peer{Digest{static_cast<std::uint8_t>(which % 5)}};
    switch (what % 8) {
      case 0:
      case 1: {
        const Endpoint remote{IpAddress::v4(10, 0, which % 4, which), 1};
        const auto direction = what % 16 < 8 ? host::Direction::kInbound : host::Direction::kOutbound;
        const auto begun = table.begin(now, direction, remote, path::Found::kInbound);
        if (!begun) break;
        require(open.insert(*begun).second);
        all.push_back(*begun);
        break;
      }
      case 2:
      case 3:
        if (open.contains(id)) (void)table.establish(now, id, peer);
        break;
      case 4:
        table.handle_closed(id);
        open.erase(id);
        break;
      case 5:
        (void)table.begin_stream(id, which % 2 == 0 ? "/a" : "/b", {.streams = 3});
        break;
      case 6:
        table.end_stream(id, which % 2 == 0 ? "/a" : "/b");
        break;
      default:
        now += std::chrono::seconds(which);
        table.handle_heard(now, id);
        break;
    }
    while (const auto closing = table.poll_close()) require(open.contains(*closing));
    require(table.established() <= kLimits.connections);
    std::map<identity::PeerId, std::size_t> per_peer;
    std::map<IpAddress, std::size_t> per_network;
    std::map<identity::PeerId, std::size_t> streams;
    for (const host::ConnectionView& row : table.view()) {
      require(++per_peer[row.peer] <= kLimits.per_peer);
      if (row.direction == host::Direction::kInbound) require(++per_network[network_of(row.remote.address)] <= 4);
      require((streams[row.peer] += row.streams) <= kLimits.streams_per_peer);
      require(row.peer.public_key[0] != 0);
    }
    require(table.view().size() == table.established());
  }
  for (const host::ConnectionId id : open) table.handle_closed(id);
  require(table.established() == 0 && table.pending() == 0 && table.view().empty());
  return 0;
}
