#include "core/datagram/demultiplexer.h"

#include "core/stun/message.h"

namespace turnpike::datagram {

using stun::looks_like_stun;

bool Demultiplexer::add_turn_server(const Endpoint& server) {
  if (turn_servers_.size() >= kMaxTurnServers && !turn_servers_.contains(server)) return false;
  turn_servers_.insert(server);
  return true;
}

Kind Demultiplexer::kind_of(const Endpoint& source, ByteView datagram) const {
  if (turn_servers_.contains(source)) return Kind::kTurn;
  return looks_like_stun(datagram) ? Kind::kStun : Kind::kQuic;
}

std::optional<Demultiplexer::Run> Demultiplexer::take_run(DatagramBatch& rest) const {
  if (rest.bytes.empty()) return std::nullopt;
  std::size_t size = rest.bytes.size();
  Kind kind = Kind::kTurn;
  if (!turn_servers_.contains(rest.remote)) {  // one source a batch: it is looked up once
    kind = looks_like_stun(rest.segment(0)) ? Kind::kStun : Kind::kQuic;
    std::size_t segments = 1;
    while (segments < rest.count() && looks_like_stun(rest.segment(segments)) == (kind == Kind::kStun)) ++segments;
    size = std::min(size, segments * rest.segment_size);
  }
  const Run run{kind, rest.part(0, size)};
  rest.bytes = rest.bytes.subspan(size);
  return run;
}

}  // namespace turnpike::datagram
