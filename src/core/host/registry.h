// The protocols a host answers, and how many streams of each a connection may have.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace turnpike::host {

struct ProtocolOptions {
  std::size_t streams = 32;  ///< Inbound, under way, over one connection; js-libp2p's own limit.
  bool urgent = false;       ///< Its bytes are sent before any other stream's: for small answers that are waited for.
  bool wide = false;         ///< Streams open with a large window.
  bool advertised = true;    ///< Named in identify.
};

/// By exact name, as multistream-select has it.
class Registry {
 public:
  /// Replaces what was said of `protocol` before.
  void add(std::string protocol, const ProtocolOptions& options) { protocols_[std::move(protocol)] = options; }
  void remove(std::string_view protocol) {
    if (const auto at = protocols_.find(protocol); at != protocols_.end()) protocols_.erase(at);
  }

  /// False: it is so already, or there is no such protocol.
  bool set_advertised(std::string_view protocol, bool advertised) {
    const auto at = protocols_.find(protocol);
    if (at == protocols_.end() || at->second.advertised == advertised) return false;
    at->second.advertised = advertised;
    return true;
  }

  [[nodiscard]] const ProtocolOptions* find(std::string_view protocol) const {
    const auto at = protocols_.find(protocol);
    return at == protocols_.end() ? nullptr : &at->second;
  }
  [[nodiscard]] std::vector<std::string> all() const {
    return names([](const ProtocolOptions&) { return true; });
  }
  [[nodiscard]] std::vector<std::string> advertised() const {
    return names([](const ProtocolOptions& options) { return options.advertised; });
  }
  [[nodiscard]] std::vector<std::string> urgent() const {
    return names([](const ProtocolOptions& options) { return options.urgent; });
  }
  [[nodiscard]] std::vector<std::string> wide() const {
    return names([](const ProtocolOptions& options) { return options.wide; });
  }

 private:
  template <class Wanted>
  [[nodiscard]] std::vector<std::string> names(Wanted wanted) const {
    std::vector<std::string> out;
    for (const auto& [name, options] : protocols_) {
      if (wanted(options)) out.push_back(name);
    }
    return out;
  }

  std::map<std::string, ProtocolOptions, std::less<>> protocols_;
};

}  // namespace turnpike::host
