#include "bootstrap/turn_service.h"

#include <algorithm>

#include "io/interfaces/interfaces.h"

namespace turnpike::bootstrap {
namespace {

constexpr std::size_t kMaxTurnSessions = 8'192;

turn::ServerConfig server_config(const BootstrapConfig& config, turn::Payer* payer) {
  turn::ServerConfig out;
  out.external = external_addresses(config, io::own_addresses());
  out.users = config.turn_users;
  out.sessions.max_sessions = kMaxTurnSessions;
  out.payer = payer;
  return out;
}

void keep_new(std::vector<IpAddress>& addresses, const IpAddress& address) {
  if (std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(address);
}

bool is_any_v6(const Endpoint& at) {
  return at.address.family == IpAddress::Family::kV6 && at.address.is_unspecified();
}

template <class Socket>
std::unique_ptr<Socket> opened(const asio::any_io_executor& loop, const Endpoint& at) {
  auto socket = Socket::open(loop, at);
  if (!socket && is_any_v6(at)) socket = Socket::open(loop, {IpAddress{}, at.port});  // a machine without IPv6
  return socket ? std::move(*socket) : nullptr;
}

}  // namespace

std::vector<IpAddress> external_addresses(const BootstrapConfig& config, const std::vector<IpAddress>& machines_own) {
  std::vector<IpAddress> out;
  for (const IpAddress& address : config.turn_external) keep_new(out, address);
  if (!out.empty()) return out;
  for (const Endpoint& at : config.stun) {
    if (!at.address.is_unspecified()) keep_new(out, at.address.unmapped());
  }
  if (!out.empty()) return out;
  for (const IpAddress& address : machines_own) {
    if (address.is_global()) keep_new(out, address);
  }
  for (const IpAddress& address : machines_own) keep_new(out, address);
  if (out.empty()) out.push_back(IpAddress::v4(127, 0, 0, 1));
  return out;
}

TurnService::TurnService(const asio::any_io_executor& loop, const BootstrapConfig& config, Random& random,
                         turn::Payer* payer)
    : loop_(loop), server_(loop, server_config(config, payer), random) {}

std::optional<std::string> TurnService::open(const std::vector<Endpoint>& at) {
  const bool has_two = at.size() == 2;
  if (has_two && (at[0].address == at[1].address || at[0].port == at[1].port)) {
    return "two STUN addresses must differ in both address and port";
  }
  std::vector<Endpoint> wanted = at;
  if (has_two) wanted = {at[0], {at[0].address, at[1].port}, {at[1].address, at[0].port}, at[1]};
  const auto failed = [](const char* kind, const Endpoint& where) {
    return std::string("cannot listen on ") + kind + " " + where.to_string() +
           ": another program has that port, or it is no address of this machine; choose another --stun, or none";
  };

  std::vector<std::unique_ptr<io::UdpSocket>> sockets;
  std::vector<std::unique_ptr<io::TcpListener>> listeners;
  for (const Endpoint& each : wanted) {
    auto socket = opened<io::UdpSocket>(loop_, each);
    if (!socket) return failed("UDP", each);
    sockets.push_back(std::move(socket));
  }
  for (Endpoint each : at) {
    if (each.port == 0) each.port = sockets.front()->local().port;
    auto listener = opened<io::TcpListener>(loop_, each);
    if (!listener) return failed("TCP", each);
    listeners.push_back(std::move(listener));
  }
  for (auto& socket : sockets) {
    local_.push_back(socket->local());
    server_.serve(std::move(socket));
  }
  for (auto& listener : listeners) server_.serve(std::move(listener));
  if (has_two) server_.discover({at[0], at[1]});
  return std::nullopt;
}

}  // namespace turnpike::bootstrap
