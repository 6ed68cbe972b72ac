// The bootstrap as a peer: encrypted links to sources that only a relay session reaches, for who cannot speak to them.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <map>
#include <memory>
#include <string>

#include "bootstrap/brain.h"
#include "bootstrap/relay_switch.h"
#include "core/identity/replay.h"
#include "crypto/sign.h"
#include "io/channel/store_source.h"

namespace turnpike::bootstrap {

/// How long a link nobody uses is kept: an old node fetches one store after the other.
constexpr Duration kSourceLinger = std::chrono::seconds(20);

enum class SourceLinkError : std::uint8_t {
  kOffline,   ///< The source has no control connection here.
  kRefused,   ///< A limit of the relay; `retry_after` says when it may be otherwise.
  kNoAnswer,  ///< It did not join the session in time, or it broke before it was secure.
};

struct SourceLinkFailure {
  SourceLinkError error{};
  Duration retry_after{};
  std::string text;
};

/// One link to each source, shared by all who fetch from it at the time; each is a relay session like any other, with
/// the bootstrap's own identity at the initiator's end, and charged as such. There are never more than the relay grants
/// one initiator (relay::kMaxSessionsPerInitiator). One loop's.
class SourceLinks {
 public:
  /// All must live until the loop has run out.
  SourceLinks(asio::any_io_executor loop, Brain& brain, RelaySwitch& relays, const crypto::SigningKey& identity,
              Random& random);
  ~SourceLinks();
  SourceLinks(const SourceLinks&) = delete;
  SourceLinks& operator=(const SourceLinks&) = delete;

  /// A way to ask `peer`, open now. The link is held for as long as the result is. `asker` is whom a new session is
  /// counted for.
  [[nodiscard]] asio::awaitable<Result<std::shared_ptr<io::StoreSource>, SourceLinkFailure>> take(identity::PeerId peer,
                                                                                                  IpAddress asker);
  [[nodiscard]] std::size_t size() const { return links_.size(); }
  /// Ends every link: the bootstrap is going down.
  void close_all();

 private:
  struct Link;
  struct Lease;

  [[nodiscard]] Result<std::shared_ptr<Link>, SourceLinkFailure> open(const identity::PeerId& peer,
                                                                      const IpAddress& asker);
  [[nodiscard]] asio::awaitable<void> live(std::shared_ptr<Link> link);
  void forget(const Link& link);

  asio::any_io_executor loop_;
  Brain& brain_;
  RelaySwitch& relays_;
  const crypto::SigningKey& identity_;
  Random& random_;
  identity::SequenceSource sequence_;
  std::map<identity::PeerId, std::shared_ptr<Link>> links_;
  bool closed_ = false;
};

}  // namespace turnpike::bootstrap
