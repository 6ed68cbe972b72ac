// Reaching a URL's host: straight, or through an HTTP CONNECT proxy, whichever answers first.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/random.h"
#include "core/connect/environment.h"
#include "core/connect/roads.h"
#include "io/tcp/tls.h"
#include "io/tcp/url.h"

namespace turnpike::io {

/// A pipe on which the URL's protocol may begin: for https and wss, TLS is done.
struct Dialed {
  std::unique_ptr<BytePipe> pipe;
  connect::Road road = connect::Road::kDirect;
};

/// Why no road led there. `text` is for people, names each road that was tried, and holds no secret.
struct DialFailure {
  IoError error = IoError::kOther;  ///< Of the direct road, unless another one came as far as TLS.
  std::string text;
};

/// One for all that goes to a node's bootstraps. Lives on the loop's one thread; outlives every `dial`.
class Dialer {
 public:
  Dialer(connect::Proxies proxies, Random& random) : proxies_(std::move(proxies)), roads_(random) {}

  /// Races the roads as connect::Roads plans them. A TLS host must satisfy `tls` on the road that wins, so a box in
  /// between that answers for it wins nothing. Look-up, TCP, CONNECT and TLS have `timeout` altogether.
  [[nodiscard]] asio::awaitable<Result<Dialed, DialFailure>> dial(Url url, std::optional<TlsClientContext> tls,
                                                                  Duration timeout);
  void handle_network_changed() { roads_.handle_network_changed(); }

  [[nodiscard]] const connect::Proxies& proxies() const { return proxies_; }
  [[nodiscard]] const connect::Roads& roads() const { return roads_; }

 private:
  struct Race;
  struct Order;

  [[nodiscard]] DialFailure failure_of(const Race& race, const connect::ProxyUrl* proxy, Instant now) const;
  static asio::awaitable<void> attempt(std::shared_ptr<Race> race, std::shared_ptr<const Order> order,
                                       connect::Road road);

  connect::Proxies proxies_;
  connect::Roads roads_;
};

}  // namespace turnpike::io
