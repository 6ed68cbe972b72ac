// The relay that the owner gives to others: kept where its port is proved, told to the brain, and written down.
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include "io/host/host.h"
#include "io/state/state_db.h"
#include "node/brain.h"
#include "node/config.h"
#include "node/doors.h"

namespace turnpike::node {

/// What the owner gives, and what was given in earlier runs.
[[nodiscard]] Donor donor_of(const NodeConfig& config, const io::StateDb& state);

/// One thread's; lives until the loop has run out.
class DonatedRelay {
 public:
  struct Scope {
    asio::any_io_executor loop;
    Brain& brain;
    Doors& doors;
    io::Host& host;
    io::StateDb& state;
  };
  explicit DonatedRelay(const Scope& scope) : scope_(scope) {}

  /// From now on the brain's orders are followed.
  void start();
  /// To be called every second or so: where the port is proved changes, and so does whether there is room.
  void keep();
  void keep_given();
  /// Where it is proved to be reached.
  [[nodiscard]] std::optional<Endpoint> at() const;

 private:
  [[nodiscard]] asio::awaitable<void> dial_back(peer::DialBack order);

  Scope scope_;
  turn::DonationRecord kept_;
};

}  // namespace turnpike::node
