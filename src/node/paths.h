// Paths to peers as the brain orders them: an HTTP connection to ask over, or a secure channel through a relay.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <map>
#include <memory>
#include <vector>

#include "base/random.h"
#include "core/peer/command.h"
#include "io/channel/store_reader.h"
#include "io/channel/store_source.h"
#include "io/dial/dialer.h"
#include "io/host/host.h"
#include "io/pace/pace.h"
#include "io/tcp/url.h"
#include "node/opened_path.h"
#include "node/turn_path.h"

namespace turnpike::node {

namespace asio = boost::asio;

struct PathSettings {
  const crypto::SigningKey* identity = nullptr;
  std::vector<io::Url> bootstraps{};  ///< By the index that relay targets name.
  std::vector<std::string> pins{};
  io::Dialer* dialer = nullptr;      ///< Opens the way to a bootstrap's relay. Outlives the paths.
  const io::Pace* upload = nullptr;  ///< What all that peers fetch from us shares; none: no limit.
  const io::Pace* download = nullptr;
  io::Host* host = nullptr;  ///< For direct paths; outlives the loop's run. None are opened without.
};

/// Lives on the loop, and until it has run out.
class Paths final : private PathEvents {
 public:
  /// `reader` answers what peers ask over paths that are opened to serve them. All references outlive the loop's run.
  Paths(asio::any_io_executor loop, PathSettings settings, io::StoreReader& reader, Random& random, PathEvents& events);

  /// Ends in path_open, then path_closed some day; or in path_closed at once.
  void open(const peer::OpenPath& order);
  void close(path::PathId path);
  void close_all();
  [[nodiscard]] std::shared_ptr<OpenedPath> find(path::PathId path) const;

 private:
  void path_open(path::PathId path, Duration rtt, const std::optional<IpAddress>& remote) override {
    events_.path_open(path, rtt, remote);
  }
  void path_closed(path::PathId path, const path::PathFailure& failure) override;

  asio::any_io_executor loop_;
  PathSettings settings_;
  io::StoreReader& reader_;
  Random& random_;
  PathEvents& events_;
  RelayedQuic relayed_;
  std::map<path::PathId, std::shared_ptr<OpenedPath>> paths_;
};

}  // namespace turnpike::node
