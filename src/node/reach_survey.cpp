#include "node/reach_survey.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "io/log/log.h"

namespace turnpike::node {
namespace {

std::vector<IpAddress> own_addresses(const Brain& brain) {
  std::vector<IpAddress> out;
  for (const peer::CandidateView& each : brain.peer().reachability()) out.push_back(each.service.endpoint.address);
  return out;
}

}  // namespace

ReachSurvey::ReachSurvey(asio::any_io_executor loop, io::Host& host, Brain& brain, Random& random)
    : loop_(std::move(loop)),
      host_(host),
      brain_(brain),
      autonat_(host, random, [&brain] { return own_addresses(brain); }) {}

void ReachSurvey::look() {
  if (stopping_) return;
  std::vector<Endpoint> unproved;
  for (const peer::CandidateView& each : brain_.peer().reachability()) {
    const bool holds = each.proved_until && *each.proved_until > io::now() + autonat::kAskAgain / 2;
    const bool is_libp2p = each.service.kind == rendezvous::ServiceKind::kTcp;
    if (is_libp2p && !holds && each.service.endpoint.address.is_global()) unproved.push_back(each.service.endpoint);
  }
  if (unproved.empty()) return;
  for (const std::shared_ptr<io::HostConnection>& connection : host_.all()) {
    // Whom we dialled could come in through the hole that the dial has made: its word would prove nothing.
    const bool is_asked = connection->direction() == host::Direction::kInbound && connection->info() &&
                          connection->info()->speaks(autonat::kDialRequestProtocol);
    if (!is_asked) continue;
    const auto door = survey_.next(io::now(), connection->remote().address, unproved);
    if (!door) continue;
    asio::co_spawn(loop_, ask(connection, *door), asio::detached);
    return;
  }
}

asio::awaitable<void> ReachSurvey::ask(std::shared_ptr<io::HostConnection> connection, Endpoint door) {
  std::vector<multiaddr::Multiaddr> addresses(1, multiaddr::Multiaddr::tcp(door));
  const std::string who = connection->peer().to_string();
  const auto result = co_await autonat_.ask(std::move(connection), std::move(addresses));
  const bool came = result && result->dialled_from;
  io::log_debug("{} tried {} for us: {}", who, door.to_string(), came ? "it came in" : "it did not come in");
  if (!came || stopping_) co_return;
  const IpAddress from = result->dialled_from->address;
  brain_.tell(
      [&](peer::Peer& peer, Now now) { peer.handle_dialled_back(now, {rendezvous::ServiceKind::kTcp, door}, from); });
}

}  // namespace turnpike::node
