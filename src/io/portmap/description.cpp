#include "io/portmap/description.h"

#include <miniupnpc/igd_desc_parse.h>
#include <miniupnpc/miniupnpc.h>

#include <cstring>

namespace turnpike::io {
namespace {

bool starts_with(const char* text, std::string_view prefix) { return std::string_view(text).starts_with(prefix); }

std::optional<IgdService> service_of(const char* url, const IGDdatas_service& service, const Url& from) {
  if (url == nullptr || service.controlurl[0] == '\0') return std::nullopt;
  const auto control = Url::parse(url);
  if (!control || control->scheme != Url::Scheme::kHttp || control->host != from.host || !control->endpoint()) {
    return std::nullopt;
  }
  return IgdService{*control, service.servicetype};
}

bool is_same_network(const IpAddress& a, const IpAddress& b) {
  return a.family == b.family && std::memcmp(a.octets.data(), b.octets.data(), 8) == 0;  // a /64
}

}  // namespace

std::optional<IgdDescription> parse_description(ByteView xml, const Url& from) {
  IGDdatas data{};
  parserootdesc(reinterpret_cast<const char*>(xml.data()), static_cast<int>(xml.size()), &data);
  UPNPUrls urls{};
  GetUPNPUrls(&urls, &data, from.to_string().c_str(), 0);
  IgdDescription out;
  if (starts_with(data.first.servicetype, "urn:schemas-upnp-org:service:WANIPConnection:") ||
      starts_with(data.first.servicetype, "urn:schemas-upnp-org:service:WANPPPConnection:")) {
    out.connection = service_of(urls.controlURL, data.first, from);
  }
  if (starts_with(data.IPv6FC.servicetype, "urn:schemas-upnp-org:service:WANIPv6FirewallControl:")) {
    out.firewall = service_of(urls.controlURL_6FC, data.IPv6FC, from);
  }
  FreeUPNPUrls(&urls);
  out.is_v2 = out.connection && out.connection->type.ends_with("WANIPConnection:2");
  if (!out.connection && !out.firewall) return std::nullopt;
  return out;
}

bool may_be_router(const IpAddress& address, const IpAddress& own, const IpAddress& gateway) {
  if (address == gateway) return true;
  if (address.family != own.family || address.is_loopback() || address.is_unspecified() || address == own) return false;
  return own.family == IpAddress::Family::kV4 ? !address.is_global() : is_same_network(address, own);
}

}  // namespace turnpike::io
