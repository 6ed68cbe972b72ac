#include "io/portmap/default_route.h"

#include <arpa/inet.h>
#include <linux/in6.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

#include "base/hex.h"

namespace turnpike::io {
namespace {

constexpr std::uint32_t kUp = 0x1;
constexpr std::uint32_t kGateway = 0x2;
constexpr std::uint32_t kReject = 0x200;

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> out;
  while (!line.empty()) {
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos) break;
    line.remove_prefix(begin);
    const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
    out.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
  return out;
}

std::optional<std::uint32_t> number_of(std::string_view text, int base) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The kernel prints the four bytes as one number of this machine's own byte order.
std::optional<IpAddress> kernel_v4(std::string_view text) {
  const auto number = number_of(text, 16);
  if (!number || text.size() != 8) return std::nullopt;
  IpAddress out;
  std::memcpy(out.octets.data(), &*number, sizeof *number);
  return out;
}

std::optional<IpAddress> kernel_v6(std::string_view text) {
  const auto bytes = from_hex(text);
  if (!bytes || bytes->size() != 16) return std::nullopt;
  IpAddress out{IpAddress::Family::kV6, {}};
  std::ranges::copy(*bytes, out.octets.begin());
  return out;
}

std::optional<Route> parse_v4_line(std::string_view line) {
  const auto words = words_of(line);  // Iface Destination Gateway Flags RefCnt Use Metric Mask ..
  if (words.size() < 8) return std::nullopt;
  const auto gateway = kernel_v4(words[2]);
  const auto flags = number_of(words[3], 16);
  const auto metric = number_of(words[6], 10);
  const bool is_default = words[1] == "00000000" && words[7] == "00000000";
  if (!gateway || !flags || !metric || !is_default || (*flags & (kUp | kGateway)) != (kUp | kGateway))
    return std::nullopt;
  return Route{*gateway, std::string(words[0]), *metric};
}

std::optional<Route> parse_v6_line(std::string_view line) {
  const auto words = words_of(line);  // dest length source length next-hop metric refcnt use flags iface
  if (words.size() < 10) return std::nullopt;
  const auto target = kernel_v6(words[0]);
  const auto gateway = kernel_v6(words[4]);
  const auto metric = number_of(words[5], 16);
  const auto flags = number_of(words[8], 16);
  if (!target || !gateway || !metric || !flags || !target->is_unspecified() || words[1] != "00") return std::nullopt;
  if ((*flags & (kUp | kGateway)) != (kUp | kGateway) || (*flags & kReject) != 0) return std::nullopt;
  return Route{*gateway, std::string(words[9]), *metric};
}

template <class ParseLine>
std::optional<Route> best_of(std::string_view text, ParseLine parse_line) {
  std::optional<Route> best;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const auto route = parse_line(text.substr(0, end));
    if (route && (!best || route->metric < best->metric)) best = route;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return best;
}

std::string read_all(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// What the kernel would send from. Connecting a datagram socket sends nothing.
std::optional<IpAddress> source_towards_v4(const IpAddress& target) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::nullopt;
  sockaddr_in to{}, from{};
  to.sin_family = AF_INET;
  to.sin_port = htons(5351);
  std::memcpy(&to.sin_addr, target.octets.data(), sizeof to.sin_addr);
  socklen_t size = sizeof from;
  const bool ok = connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 &&
                  getsockname(fd, reinterpret_cast<sockaddr*>(&from), &size) == 0;
  close(fd);
  if (!ok) return std::nullopt;
  IpAddress out;
  std::memcpy(out.octets.data(), &from.sin_addr, sizeof from.sin_addr);
  return out;
}

// The lasting address, not one of those that change daily (RFC 8981): a pinhole is for a while.
std::optional<IpAddress> source_towards_v6(const IpAddress& target) {
  const int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::nullopt;
  constexpr int kPreferPublic = 0x0002;  // IPV6_PREFER_SRC_PUBLIC of RFC 5014
  setsockopt(fd, IPPROTO_IPV6, 72 /* IPV6_ADDR_PREFERENCES */, &kPreferPublic, sizeof kPreferPublic);
  sockaddr_in6 to{}, from{};
  to.sin6_family = AF_INET6;
  to.sin6_port = htons(5351);
  std::memcpy(&to.sin6_addr, target.octets.data(), sizeof to.sin6_addr);
  socklen_t size = sizeof from;
  const bool ok = connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 &&
                  getsockname(fd, reinterpret_cast<sockaddr*>(&from), &size) == 0;
  close(fd);
  if (!ok) return std::nullopt;
  IpAddress out{IpAddress::Family::kV6, {}};
  std::memcpy(out.octets.data(), &from.sin6_addr, sizeof from.sin6_addr);
  return out;
}

}  // namespace

std::optional<Route> parse_ipv4_routes(std::string_view text) { return best_of(text, parse_v4_line); }
std::optional<Route> parse_ipv6_routes(std::string_view text) { return best_of(text, parse_v6_line); }

Surroundings look_around() {
  Surroundings out;
  if (const auto route = parse_ipv4_routes(read_all("/proc/net/route"))) {
    const auto own = source_towards_v4(route->gateway);
    if (own && !own->is_loopback()) {
      out.network.v4 = portmap::Uplink{.gateway = route->gateway, .own = *own};
      out.interface_v4 = route->interface;
    }
  }
  if (const auto route = parse_ipv6_routes(read_all("/proc/net/ipv6_route"))) {
    // Towards the gateway itself a link-local source would be chosen; towards the internet it is a global one.
    const IpAddress far{IpAddress::Family::kV6, {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10}};
    const auto own = source_towards_v6(far);
    if (own && own->is_global()) {
      out.network.v6 = portmap::Uplink{.gateway = route->gateway, .own = *own};
      out.interface_v6 = route->interface;
      out.scope_v6 = if_nametoindex(route->interface.c_str());
    }
  }
  return out;
}

}  // namespace turnpike::io
