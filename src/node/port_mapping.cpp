#include "node/port_mapping.h"

#include "crypto/mac.h"
#include "io/log/log.h"

namespace turnpike::node {
namespace {

// PCP's nonces must be the same after a crash and known to nobody else.
Digest mapping_secret(const crypto::SigningKey& identity) {
  return crypto::hmac_sha256(identity.seed(), bytes_of("turnpike port mapping"));
}

portmap::RouterView switched_off(IpAddress::Family family) {
  portmap::RouterView out;
  out.family = family;
  out.reason = portmap::words_of(portmap::Verdict::kOff);
  return out;
}

}  // namespace

rendezvous::ServiceKind kind_of(portmap::Purpose purpose) {
  switch (purpose) {
    case portmap::Purpose::kPeerTcp:
      return rendezvous::ServiceKind::kTcp;
    case portmap::Purpose::kPeerUdp:
      return rendezvous::ServiceKind::kQuic;
    case portmap::Purpose::kHttp:
      return rendezvous::ServiceKind::kHttp;
    case portmap::Purpose::kTurnUdp:
      return rendezvous::ServiceKind::kTurnUdp;
    case portmap::Purpose::kTurnTcp:
      return rendezvous::ServiceKind::kTurnTcp;
  }
  return rendezvous::ServiceKind::kHttp;
}

PortMapping::PortMapping(boost::asio::any_io_executor loop, const NodeConfig& config,
                         const crypto::SigningKey& identity, Random& random,
                         std::function<void(const std::vector<portmap::Mapping>&)> candidates)
    : candidates_(std::move(candidates)) {
  if (config.portmap.empty()) return;
  io::PortMapperConfig mapper;
  mapper.mapper = {.port = config.port, .protocols = config.portmap, .secret = mapping_secret(identity)};
  mapper_ = std::make_unique<io::PortMapper>(std::move(loop), std::move(mapper), random,
                                             [this](const portmap::Change& change) { handle(change); });
}

void PortMapping::start() {
  if (mapper_) mapper_->start();
}

void PortMapping::network_changed(bool woke_up) {
  if (mapper_) mapper_->network_changed(woke_up);
}

boost::asio::awaitable<void> PortMapping::stop() {
  io::PortMapper* mapper = mapper_.get();
  if (mapper != nullptr) co_await mapper->stop();
}

std::vector<portmap::RouterView> PortMapping::view() const {
  if (mapper_) return mapper_->view();
  return {switched_off(IpAddress::Family::kV4), switched_off(IpAddress::Family::kV6)};
}

void PortMapping::handle(const portmap::Change& change) {
  const bool v4 = change.family == IpAddress::Family::kV4;
  if (change.kind == portmap::Change::Kind::kLost) {
    io::log_info("port mapping ({}): lost: {}", v4 ? "IPv4" : "IPv6", change.reason);
  } else {
    const portmap::Mapping& first = change.mappings.front();
    io::log_info("port mapping ({}): {} by {}, {} ports, {} from {}; not yet proved from outside", v4 ? "IPv4" : "IPv6",
                 portmap::name_of(change.verdict), portmap::name_of(first.protocol), change.mappings.size(),
                 first.in_group ? "in a group" : "singly", first.external.to_string());
  }
  candidates_(mapper_->mappings());
}

}  // namespace turnpike::node
