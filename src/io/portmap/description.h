// What a UPnP device says of itself in its description: where its two services of interest are to be spoken to.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "io/tcp/url.h"

namespace turnpike::io {

/// A description is a few KiB; what is longer is not read.
constexpr std::size_t kMaxDescription = std::size_t{128} << 10U;

struct IgdService {
  Url control;
  std::string type;  ///< "urn:schemas-upnp-org:service:WANIPConnection:2"
};

struct IgdDescription {
  std::optional<IgdService> connection;  ///< WANIPConnection or WANPPPConnection.
  std::optional<IgdService> firewall;    ///< WANIPv6FirewallControl, of IGD 2.
  bool is_v2 = false;                    ///< Its connection knows AddAnyPortMapping.
};

/// None when it describes no gateway. A service that is said to be at another host than the description is left out: a
/// device may not send us to third parties.
[[nodiscard]] std::optional<IgdDescription> parse_description(ByteView xml, const Url& from);

/// May a device at this address be our router? `own` is ours, `gateway` the default route's. Nothing else is ever
/// spoken to, whatever the multicast's answers name: not this machine, and not the internet.
[[nodiscard]] bool may_be_router(const IpAddress& address, const IpAddress& own, const IpAddress& gateway);

}  // namespace turnpike::io
