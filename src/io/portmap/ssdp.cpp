#include "io/portmap/ssdp.h"

#include <miniupnpc/miniupnpc.h>

#include <algorithm>
#include <array>
#include <memory>

namespace turnpike::io {
namespace {

struct Free {
  void operator()(UPNPDev* devices) const { freeUPNPDevlist(devices); }
};

}  // namespace

std::vector<std::string> discover_gateways(const std::string& interface, bool v6, int wait_ms) {
  static constexpr std::array<const char*, 3> kTypes{"urn:schemas-upnp-org:device:InternetGatewayDevice:2",
                                                     "urn:schemas-upnp-org:device:InternetGatewayDevice:1", nullptr};
  constexpr unsigned char kTtl = 2;  // UDA 1.1 §1.3.2
  constexpr int kAllTypes = 1;
  int error = UPNPDISCOVER_SUCCESS;
  const std::unique_ptr<UPNPDev, Free> devices(upnpDiscoverDevices(
      kTypes.data(), wait_ms, interface.c_str(), nullptr, UPNP_LOCAL_PORT_ANY, v6 ? 1 : 0, kTtl, &error, kAllTypes));
  std::vector<std::string> out;
  for (const UPNPDev* each = devices.get(); each != nullptr && out.size() < kMaxSsdpAnswers; each = each->pNext) {
    if (each->descURL == nullptr || std::ranges::find(out, each->descURL) != out.end()) continue;
    out.emplace_back(each->descURL);
  }
  return out;
}

}  // namespace turnpike::io
