// Hosts that are reached without the proxy: the value of no_proxy.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/network.h"

namespace turnpike::connect {

/// Entries of no_proxy that are kept; a longer list is refused.
inline constexpr std::size_t kMaxNoProxyEntries = 1024;

/// Entries are separated by commas or blanks, each of them, with `:port` if it is about that port only:
///   *                    everything: no proxy at all
///   example.com          that host and all below it; so do .example.com and *.example.com
///   192.0.2.1, [::1]     that address
///   10.0.0.0/8           that network
/// Addresses and networks are compared with hosts that are written as addresses: no name is looked up for it.
class NoProxy {
 public:
  NoProxy() = default;
  /// Nothing if an entry is none of the above; see `bad_entry`.
  [[nodiscard]] static std::optional<NoProxy> parse(std::string_view text);
  /// The first entry of `text` that is not understood.
  [[nodiscard]] static std::string_view bad_entry(std::string_view text);

  [[nodiscard]] bool covers(std::string_view host, std::uint16_t port) const;

 private:
  struct Entry {
    std::string domain;  ///< Lower case; empty if `network` is set.
    std::optional<IpNetwork> network;
    std::optional<std::uint16_t> port;
  };
  [[nodiscard]] static std::optional<Entry> parse_entry(std::string_view text);

  bool all_ = false;
  std::vector<Entry> entries_;
};

}  // namespace turnpike::connect
