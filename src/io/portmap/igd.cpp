#include "io/portmap/igd.h"

#include <boost/asio/this_coro.hpp>
#include <utility>

#include "io/log/log.h"
#include "io/loop/deadline.h"
#include "io/portmap/ssdp.h"

namespace turnpike::io {
namespace {

namespace upnp = portmap::upnp;
using portmap::Ask;
using portmap::Seconds;
using portmap::Transport;

// What the router's own pages show beside the port.
constexpr std::string_view kDescription = "Turnpike";

std::string protocol_name(Transport transport) { return transport == Transport::kTcp ? "TCP" : "UDP"; }
std::string protocol_number(Transport transport) { return transport == Transport::kTcp ? "6" : "17"; }

std::optional<std::uint16_t> port_of(const std::string& text) {
  if (text.empty() || text.size() > 5 || text.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  const unsigned long value = std::stoul(text);
  return value <= 65535 ? std::optional(static_cast<std::uint16_t>(value)) : std::nullopt;
}

upnp::Failed failed(const std::optional<SoapAnswer>& answer) {
  if (!answer) return {0, "the device did not answer in SOAP"};
  const int code = answer->error().value_or(-1);
  const std::string said = answer->value("errorDescription");
  return {code, "UPnP error " + std::to_string(code) + (said.empty() ? "" : " " + said)};
}

bool is_fault(const std::optional<SoapAnswer>& answer) { return !answer || answer->error().has_value(); }

}  // namespace

const IpAddress& Igd::gateway_of(const IpAddress& own) const {
  const auto& uplink = own.family == IpAddress::Family::kV4 ? here_.network.v4 : here_.network.v6;
  return uplink ? uplink->gateway : own;
}

asio::awaitable<upnp::Answer> Igd::run(upnp::Command command) {
  const std::uint64_t id = command.id;
  const auto loop = co_await asio::this_coro::executor;
  is_late_ = false;
  Deadline limit(loop, [this] {
    is_late_ = true;
    if (talking_ != nullptr) talking_->close();
  });
  limit.arm(command_time_);
  auto what = co_await dispatch(std::move(command));
  upnp::Answer answer{id, std::move(what)};
  co_return answer;
}

asio::awaitable<Igd::What> Igd::dispatch(upnp::Command command) {
  const IpAddress own = command.own;
  if (std::holds_alternative<upnp::Find>(command.what)) co_return co_await find(own);
  if (!device_) co_return What{upnp::Failed{0, "no UPnP gateway is known"}};
  if (auto* check_of = std::get_if<upnp::Check>(&command.what)) co_return co_await check(*check_of, own);
  if (auto* query_of = std::get_if<upnp::Query>(&command.what)) co_return co_await query(*query_of, own);
  if (auto* remove_of = std::get_if<upnp::Remove>(&command.what)) co_return co_await remove(*remove_of, own);
  const auto add = std::get<upnp::Add>(command.what);
  if (own.family == IpAddress::Family::kV6) co_return co_await add_pinhole(add, own);
  co_return co_await add_mapping(add, own);
}

asio::awaitable<Igd::What> Igd::find(IpAddress own) {
  device_.reset();
  auto found = co_await look(own);
  const bool v6 = own.family == IpAddress::Family::kV6;
  if (!found) co_return What{upnp::Failed{0, "no UPnP gateway answered"}};
  device_ = std::move(found);
  if (v6 && !device_->firewall) co_return What{upnp::Failed{upnp::kInvalidAction, "an IGD without an IPv6 firewall"}};
  if (!v6 && !device_->connection) co_return What{upnp::Failed{upnp::kInvalidAction, "an IGD without a connection"}};
  const upnp::Check nothing;
  co_return co_await check(nothing, own);
}

asio::awaitable<std::vector<std::string>> Igd::candidates(bool v6, int wait_ms) {
  std::string interface = here_.interface_v6;
  if (!v6 && here_.network.v4) interface = here_.network.v4->own.to_string();
  if (!known_urls_.empty()) co_return known_urls_;
  auto search = [interface, v6, wait_ms] { return discover_gateways(interface, v6, wait_ms); };
  co_return co_await pool_.run(std::move(search));
}

asio::awaitable<std::optional<IgdDescription>> Igd::look(IpAddress own) {
  const bool v6 = own.family == IpAddress::Family::kV6;
  const IpAddress gateway = gateway_of(own);
  std::size_t read = 0;
  for (const int wait_ms : {kFirstSsdpWaitMs, kSecondSsdpWaitMs}) {
    const auto urls = co_await candidates(v6, wait_ms);
    for (const std::string& text : urls) {
      const auto url = Url::parse(text);
      const auto at = url ? url->endpoint() : std::nullopt;
      if (!at || url->scheme != Url::Scheme::kHttp || !may_be_router(at->address, own, gateway)) {
        log_debug("port mapping: {} is no place for our router", text);
        continue;
      }
      if (++read > kMaxDescriptionsRead || is_late_) co_return std::nullopt;
      http::ClientRequest request;
      request.target = url->target;
      const auto xml = co_await exchange(*url, std::move(request), kMaxDescription);
      auto description = xml ? parse_description(*xml, *url) : std::nullopt;
      if (description) co_return description;
      log_debug("port mapping: {} describes no gateway", text);
    }
  }
  co_return std::nullopt;
}

asio::awaitable<std::optional<Bytes>> Igd::exchange(Url url, http::ClientRequest request, std::size_t limit) {
  http::ClientLimits limits;
  limits.connect_time = std::chrono::seconds(3);
  limits.head_time = std::chrono::seconds(5);
  limits.stall_time = std::chrono::seconds(5);
  auto client = co_await http::Client::connect(*url.endpoint(), limits);
  if (!client || is_late_) co_return std::nullopt;
  talking_ = client->get();
  const auto head = co_await (*client)->request(std::move(request));
  std::optional<Bytes> out;
  if (head) {
    auto body = co_await (*client)->read_all(limit);
    if (body) out = *std::move(body);
  }
  talking_ = nullptr;
  co_return out;
}

asio::awaitable<std::optional<SoapAnswer>> Igd::call(Call call) {
  const Url url = call.service->control;
  const std::string body = soap_body(call.service->type, call.action, call.arguments);
  http::ClientRequest request;
  request.method = http::Method::kPost;
  request.target = url.target;
  request.headers.add("Content-Type", "text/xml; charset=\"utf-8\"");
  request.headers.add("SOAPAction", "\"" + call.service->type + "#" + std::string(call.action) + "\"");
  request.headers.add("Connection", "close");
  request.body = copy_of(bytes_of(body));
  const auto bytes = co_await exchange(url, std::move(request), kMaxSoapAnswer);
  if (!bytes || bytes->empty()) co_return std::nullopt;
  co_return parse_soap(*bytes);
}

asio::awaitable<Igd::What> Igd::check_firewall(std::optional<std::uint16_t> pinhole) {
  upnp::Found found{.external = std::nullopt, .is_v2 = true, .witness_stands = true};
  Call status{&*device_->firewall, "GetFirewallStatus", {}};
  const auto answer = co_await call(std::move(status));
  if (is_fault(answer)) co_return What{failed(answer)};
  if (answer->value("InboundPinholeAllowed") == "0") {
    co_return What{upnp::Failed{upnp::kInboundPinholeNotAllowed, "its firewall allows no pinholes"}};
  }
  if (pinhole) {
    Call packets{&*device_->firewall, "GetPinholePackets", {{"UniqueID", std::to_string(*pinhole)}}};
    const auto counted = co_await call(std::move(packets));
    found.witness_stands = !counted || counted->error() != upnp::kNoSuchEntry;
  }
  co_return What{found};
}

asio::awaitable<Igd::What> Igd::check(upnp::Check about, IpAddress own) {
  if (own.family == IpAddress::Family::kV6) co_return co_await check_firewall(about.pinhole);
  upnp::Found found{.external = std::nullopt, .is_v2 = device_->is_v2, .witness_stands = true};
  Call address{&*device_->connection, "GetExternalIPAddress", {}};
  const auto answer = co_await call(std::move(address));
  if (!answer) co_return What{failed(answer)};  // a fault only says that it has none
  found.external = IpAddress::parse(answer->value("NewExternalIPAddress"));
  if (about.witness) {
    const upnp::Query question{about.witness->transport, about.witness->external_port};
    const auto owner = co_await query(question, own);
    const auto* of = std::get_if<upnp::Owner>(&owner);
    found.witness_stands = of == nullptr || of->is_ours;
  }
  co_return What{found};
}

asio::awaitable<Igd::What> Igd::query(upnp::Query query, IpAddress own) {
  Call entry{&*device_->connection,
             "GetSpecificPortMappingEntry",
             {{"NewRemoteHost", ""},
              {"NewExternalPort", std::to_string(query.external_port)},
              {"NewProtocol", protocol_name(query.transport)}}};
  const auto answer = co_await call(std::move(entry));
  if (!answer) co_return What{failed(answer)};
  upnp::Owner owner;
  owner.internal = IpAddress::parse(answer->value("NewInternalClient"));
  owner.is_ours = owner.internal && *owner.internal == own;
  co_return What{owner};
}

asio::awaitable<Igd::What> Igd::add_mapping(upnp::Add add, IpAddress own) {
  const std::string_view action = add.any ? "AddAnyPortMapping" : "AddPortMapping";
  Call entry{&*device_->connection,
             action,
             {{"NewRemoteHost", ""},
              {"NewExternalPort", std::to_string(add.ask.external_port)},
              {"NewProtocol", protocol_name(add.ask.transport)},
              {"NewInternalPort", std::to_string(add.ask.internal_port)},
              {"NewInternalClient", own.to_string()},
              {"NewEnabled", "1"},
              {"NewPortMappingDescription", std::string(kDescription)},
              {"NewLeaseDuration", std::to_string(add.lease.count())}}};
  const auto answer = co_await call(std::move(entry));
  if (is_fault(answer)) co_return What{failed(answer)};
  const auto reserved = port_of(answer->value("NewReservedPort"));
  upnp::Added added{.external_port = add.any ? reserved.value_or(0) : add.ask.external_port, .pinhole = std::nullopt};
  co_return What{added};
}

asio::awaitable<Igd::What> Igd::add_pinhole(upnp::Add add, IpAddress own) {
  const std::string lease = std::to_string(add.lease.count());
  upnp::Added added{.external_port = add.ask.external_port, .pinhole = add.pinhole};
  if (add.pinhole) {
    Call update{
        &*device_->firewall, "UpdatePinhole", {{"UniqueID", std::to_string(*add.pinhole)}, {"NewLeaseTime", lease}}};
    const auto answer = co_await call(std::move(update));
    if (is_fault(answer)) co_return What{failed(answer)};
    co_return What{added};
  }
  Call entry{&*device_->firewall,
             "AddPinhole",
             {{"RemoteHost", ""},
              {"RemotePort", "0"},
              {"InternalClient", own.to_string()},
              {"InternalPort", std::to_string(add.ask.internal_port)},
              {"Protocol", protocol_number(add.ask.transport)},
              {"LeaseTime", lease}}};
  const auto answer = co_await call(std::move(entry));
  if (is_fault(answer)) co_return What{failed(answer)};
  added.pinhole = port_of(answer->value("UniqueID"));
  if (!added.pinhole) co_return What{upnp::Failed{-1, "a pinhole without an id"}};
  co_return What{added};
}

asio::awaitable<Igd::What> Igd::remove(upnp::Remove remove, IpAddress own) {
  if (own.family == IpAddress::Family::kV6) {
    if (!remove.pinhole) co_return What{upnp::Removed{}};
    Call entry{&*device_->firewall, "DeletePinhole", {{"UniqueID", std::to_string(*remove.pinhole)}}};
    const auto answer = co_await call(std::move(entry));
    if (is_fault(answer)) co_return What{failed(answer)};
    co_return What{upnp::Removed{}};
  }
  Call entry{&*device_->connection,
             "DeletePortMapping",
             {{"NewRemoteHost", ""},
              {"NewExternalPort", std::to_string(remove.ask.external_port)},
              {"NewProtocol", protocol_name(remove.ask.transport)}}};
  const auto answer = co_await call(std::move(entry));
  if (is_fault(answer)) co_return What{failed(answer)};
  co_return What{upnp::Removed{}};
}

}  // namespace turnpike::io
