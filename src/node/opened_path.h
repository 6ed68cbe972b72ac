// One path of the node's, whatever kind it is, and what it reports.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <optional>

#include "core/channel/close_reason.h"
#include "core/path/path.h"
#include "io/channel/store_source.h"

namespace turnpike::node {

namespace asio = boost::asio;

class PathEvents {
 public:
  virtual ~PathEvents() = default;
  /// `remote` is whom it runs to, where it is a connection of the libp2p host.
  virtual void path_open(path::PathId path, Duration rtt, const std::optional<IpAddress>& remote) = 0;
  virtual void path_closed(path::PathId path, const path::PathFailure& failure) = 0;
};

/// One path, for as long as somebody asks over it. Its source is null until it is open.
class OpenedPath {
 public:
  virtual ~OpenedPath() = default;
  [[nodiscard]] virtual io::StoreSource* source() = 0;
  /// The end: calls under way fail soon, and nothing is reported any more.
  virtual void close() = 0;
};

/// What every kind of path reports, once each, until they are closed from here.
class Report {
 public:
  Report(path::PathId path, PathEvents& events) : path_(path), events_(events) {}

  void open(Duration rtt, const std::optional<IpAddress>& remote = std::nullopt) {
    if (!over_) events_.path_open(path_, rtt, remote);
  }
  void closed(const path::PathFailure& failure) {
    if (over_) return;
    over_ = true;
    events_.path_closed(path_, failure);
  }
  void silence() { over_ = true; }
  [[nodiscard]] bool is_over() const { return over_; }

 private:
  path::PathId path_;
  PathEvents& events_;
  bool over_ = false;
};

[[nodiscard]] path::PathFailure failure_of_link(channel::CloseReason reason);

}  // namespace turnpike::node
