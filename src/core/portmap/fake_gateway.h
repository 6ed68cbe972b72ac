// A home router for tests: PCP, NAT-PMP and UPnP over one table of mappings, with the vices that a test gives it.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/portmap/mapper.h"

namespace turnpike::portmap {

using namespace std::chrono_literals;

class FakeGateway {
 public:
  using Port = std::pair<Transport, std::uint16_t>;

  IpAddress address = IpAddress::v4(192, 168, 1, 1);
  IpAddress external = IpAddress::v4(203, 0, 113, 7);
  bool pcp = true;
  bool nat_pmp = true;
  bool upnp = true;
  bool upnp_v2 = true;
  bool only_permanent = false;
  std::size_t capacity = 100;
  std::uint32_t lease = 7200;                    ///< At most; what is granted.
  std::optional<std::uint32_t> odd_lease;        ///< Granted whatever is asked.
  std::set<Port> taken;                          ///< By other devices.
  bool other_port_when_taken = true;             ///< PCP and NAT-PMP choose another one.
  std::optional<pcp::Code> pcp_refusal;          ///< To every MAP.
  std::optional<nat_pmp::Code> nat_pmp_refusal;  ///< To everything.
  std::optional<int> upnp_refusal;               ///< To every mapping.
  bool upnp_is_there = true;
  std::map<Port, std::uint16_t> table;     ///< External port: internal port.
  std::map<Port, std::uint16_t> pinholes;  ///< Internal port: its id.
  std::uint32_t epoch_base = 1000;
  Instant started{};
  std::vector<upnp::Command> commands;   ///< All it was sent.
  std::map<Port, std::size_t> requests;  ///< To map, by internal port.

  void restart(Instant now) {
    table.clear();
    pinholes.clear();
    started = now;
    epoch_base = 0;
  }
  [[nodiscard]] std::uint32_t epoch(Instant now) const {
    return epoch_base + static_cast<std::uint32_t>(std::chrono::duration_cast<Seconds>(now - started).count());
  }

  std::optional<Bytes> answer(Instant now, ByteView datagram) {
    if (datagram.empty()) return std::nullopt;
    if (datagram.front() == 2 && pcp) return answer_pcp(now, datagram);
    if (datagram.front() == 2 && nat_pmp) return refuse_version();
    return nat_pmp ? answer_nat_pmp(now, datagram) : std::nullopt;
  }

  std::optional<upnp::Answer> answer(const upnp::Command& command) {
    commands.push_back(command);
    if (!upnp) return upnp::Answer{command.id, upnp::Failed{0, "no UPnP device answered"}};
    if (!upnp_is_there) return std::nullopt;
    const bool v4 = command.own.family == IpAddress::Family::kV4;
    upnp::Answer out{command.id, upnp::Removed{}};
    if (std::holds_alternative<upnp::Find>(command.what)) out.what = upnp::Found{external, upnp_v2, true};
    if (const auto* check = std::get_if<upnp::Check>(&command.what)) {
      const bool stands =
          !check->witness || !v4 || table.contains({check->witness->transport, check->witness->external_port});
      out.what = upnp::Found{external, upnp_v2, stands};
    }
    if (const auto* query = std::get_if<upnp::Query>(&command.what)) {
      const bool others = taken.contains({query->transport, query->external_port});
      out.what = upnp::Owner{others ? std::optional(IpAddress::v4(192, 168, 1, 99)) : std::nullopt, false};
    }
    if (const auto* add = std::get_if<upnp::Add>(&command.what)) out.what = upnp_add(*add, v4);
    if (const auto* remove = std::get_if<upnp::Remove>(&command.what)) {
      if (v4) table.erase({remove->ask.transport, remove->ask.external_port});
      if (!v4) pinholes.erase({remove->ask.transport, remove->ask.internal_port});
    }
    return out;
  }

 private:
  static Bytes refuse_version() {
    return nat_pmp::make_response({nat_pmp::Code::kUnsupportedVersion, 0, nat_pmp::ErrorAnswer{0, std::nullopt}});
  }

  // The external port for this internal one, or none.
  std::optional<std::uint16_t> grant(Transport transport, std::uint16_t internal, std::uint16_t wished) {
    ++requests[{transport, internal}];
    for (const auto& [port, inside] : table) {
      if (port.first == transport && inside == internal) return port.second;
    }
    if (table.size() >= capacity) return std::nullopt;
    std::uint16_t port = wished == 0 ? std::uint16_t{30000} : wished;
    while (taken.contains({transport, port}) || table.contains({transport, port})) ++port;
    table[{transport, port}] = internal;
    return port;
  }
  void forget(Transport transport, std::uint16_t internal) {
    std::erase_if(table, [&](const auto& row) { return row.first.first == transport && row.second == internal; });
  }
  [[nodiscard]] std::uint32_t granted_lease(std::uint32_t wished) const {
    return odd_lease.value_or(std::min(wished, lease));
  }

  std::optional<Bytes> answer_pcp(Instant now, ByteView datagram) {
    const auto request = pcp::parse_request(datagram);
    if (!request) return std::nullopt;
    pcp::Response out{.code = pcp::Code::kSuccess, .lifetime = 0, .epoch = epoch(now), .body = request->body};
    if (auto* map = std::get_if<pcp::Map>(&out.body)) {
      if (pcp_refusal) {
        out.code = *pcp_refusal;
        out.lifetime = 30;
      } else if (request->lifetime == 0) {
        if (request->client.family == IpAddress::Family::kV4) forget(map->transport, map->internal_port);
        pinholes.erase({map->transport, map->internal_port});
      } else if (request->client.family == IpAddress::Family::kV6) {
        pinholes[{map->transport, map->internal_port}] = 1;
        map->external = {request->client, map->internal_port};
        out.lifetime = granted_lease(request->lifetime);
      } else if (const auto port = grant(map->transport, map->internal_port, map->external.port)) {
        map->external = {external, *port};
        out.lifetime = granted_lease(request->lifetime);
      } else {
        out.code = pcp::Code::kNoResources;
      }
    }
    return pcp::make_response(out);
  }

  std::optional<Bytes> answer_nat_pmp(Instant now, ByteView datagram) {
    const auto request = nat_pmp::parse_request(datagram);
    if (!request) return std::nullopt;
    nat_pmp::Response out{nat_pmp::Code::kSuccess, epoch(now), nat_pmp::AddressAnswer{external}};
    const auto* map = std::get_if<nat_pmp::MapRequest>(&*request);
    const std::uint8_t opcode = map == nullptr ? 0 : map->transport == Transport::kUdp ? 1 : 2;
    const auto refuse = [&](nat_pmp::Code code) {
      out.code = code;
      out.body = nat_pmp::ErrorAnswer{opcode, map == nullptr ? std::nullopt : std::optional(map->internal_port)};
    };
    if (nat_pmp_refusal) {
      refuse(*nat_pmp_refusal);
    } else if (map != nullptr && map->lifetime == 0) {
      forget(map->transport, map->internal_port);
      out.body = nat_pmp::MapAnswer{map->transport, map->internal_port, 0, 0};
    } else if (map != nullptr) {
      const auto port = grant(map->transport, map->internal_port, map->external_port);
      if (port) out.body = nat_pmp::MapAnswer{map->transport, map->internal_port, *port, granted_lease(map->lifetime)};
      if (!port) refuse(nat_pmp::Code::kOutOfResources);
    }
    return nat_pmp::make_response(out);
  }

  decltype(upnp::Answer::what) upnp_add(const upnp::Add& add, bool v4) {
    if (upnp_refusal) return upnp::Failed{*upnp_refusal, "refused"};
    if (!v4) {
      const std::uint16_t id = add.pinhole.value_or(static_cast<std::uint16_t>(pinholes.size() + 1));
      if (add.pinhole && !pinholes.contains({add.ask.transport, add.ask.internal_port}))
        return upnp::Failed{upnp::kNoSuchEntry, "NoSuchEntry"};
      pinholes[{add.ask.transport, add.ask.internal_port}] = id;
      return upnp::Added{add.ask.external_port, id};
    }
    if (only_permanent && add.lease != Seconds(0))
      return upnp::Failed{upnp::kOnlyPermanentLeases, "OnlyPermanentLeasesSupported"};
    if (add.any && !upnp_v2) return upnp::Failed{upnp::kInvalidAction, "Invalid Action"};
    const Port wished{add.ask.transport, add.ask.external_port};
    const auto there = table.find(wished);
    if (!add.any && (taken.contains(wished) || (there != table.end() && there->second != add.ask.internal_port))) {
      return upnp::Failed{upnp::kConflict, "ConflictInMappingEntry"};
    }
    const auto port = grant(add.ask.transport, add.ask.internal_port, add.ask.external_port);
    if (!port) return upnp::Failed{upnp::kNoPortMapsAvailable, "NoPortMapsAvailable"};
    return upnp::Added{*port, std::nullopt};
  }
};

/// A mapper and its router, in virtual time.
struct Home {
  explicit Home(MapperConfig config = {}) : mapper(config, random) {}

  SeededRandom random{7};
  FakeGateway gateway;
  Mapper mapper;
  Instant now{1000s};
  std::vector<Change> changes;
  std::size_t sent = 0;
  std::function<void(const Transmit&)> instead;  ///< Takes the place of the gateway's answer.
  bool is_cut = false;                           ///< Nothing gets through.

  static constexpr IpAddress kOwn = IpAddress::v4(192, 168, 1, 2);

  void connect() {
    gateway.started = now;
    mapper.handle_network(now, {.v4 = Uplink{gateway.address, kOwn}, .v6 = {}});
    pump();
  }
  void pump() {
    for (bool busy = true; busy;) {
      busy = false;
      while (auto out = mapper.poll_transmit()) {
        busy = true;
        ++sent;
        if (is_cut) continue;
        if (instead) {
          instead(*out);
        } else if (const auto answer = gateway.answer(now, out->payload)) {
          mapper.handle_datagram(now, out->to, *answer);
        }
      }
      while (auto command = mapper.poll_upnp()) {
        busy = true;
        if (is_cut) continue;
        if (const auto answer = gateway.answer(*command)) mapper.handle_upnp(now, *answer);
      }
    }
    while (auto change = mapper.poll_event()) changes.push_back(*std::move(change));
  }
  void advance(Duration time) {
    const Instant end = now + time;
    for (;;) {
      const auto next = mapper.poll_timeout();
      if (!next || *next > end) break;
      now = std::max(now, *next);
      mapper.handle_timeout(now);
      pump();
    }
    now = end;
  }
  [[nodiscard]] RouterView view() const { return mapper.view().front(); }
  [[nodiscard]] Verdict verdict() const { return view().verdict; }
  [[nodiscard]] std::vector<std::uint16_t> external_ports() const {
    std::vector<std::uint16_t> out;
    for (const Mapping& mapping : mapper.mappings()) out.push_back(mapping.external.port);
    return out;
  }
};

}  // namespace turnpike::portmap
