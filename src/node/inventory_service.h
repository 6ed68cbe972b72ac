// /turnpike/inventory/1 over the host's connections: tells every Turnpike peer what is here, and hears what they have.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <list>
#include <map>
#include <memory>

#include "core/identity/statement.h"
#include "core/inventory/shelf.h"
#include "io/channel/wake.h"
#include "io/host/host.h"
#include "node/brain.h"

namespace turnpike::node {

namespace asio = boost::asio;

constexpr std::size_t kInventoryStreams = 2;  ///< Of one connection, inbound.
constexpr std::size_t kMaxFollowed = 128;     ///< Peers that are heard all the time; others are asked now and then.
constexpr std::size_t kMaxRemembered = 1024;  ///< Peers, met and gone ones, whose stores are remembered.
constexpr Duration kPushGap = std::chrono::milliseconds(500);  ///< Changes within it are told together.
constexpr Duration kAskAgain = std::chrono::minutes(5);        ///< Of one that is not followed.
constexpr Duration kInventoryRetry = std::chrono::seconds(30);
constexpr Duration kInventoryFault = std::chrono::minutes(10);  ///< After it broke the protocol.
constexpr Duration kInventoryStall = std::chrono::seconds(30);  ///< An asker that takes nothing for so long.

/// All on the loop; all references outlive its run.
class InventoryService {
 public:
  InventoryService(asio::any_io_executor loop, const crypto::SigningKey& identity, identity::SequenceSource& sequence,
                   io::Host& host, Brain& brain, Random& random);

  /// From now on what is here is known: nobody is told anything before.
  void open();
  /// What may be told has changed, maybe.
  void stores_changed() { wake_.notify_all(); }
  /// Tells a peer what is here, until it has heard enough.
  [[nodiscard]] asio::awaitable<void> serve(std::shared_ptr<io::HostConnection> connection,
                                            std::unique_ptr<io::LinkStream> stream);
  /// Asks it what it has, if it can be asked.
  void peer_identified(const std::shared_ptr<io::HostConnection>& connection);
  void peer_disconnected() { wake_.notify_all(); }
  void stop();

  [[nodiscard]] std::size_t remembered() const { return known_.size(); }

 private:
  struct Telling;
  struct Known;

  void refresh();
  [[nodiscard]] asio::awaitable<void> watch_end(std::shared_ptr<Telling> telling);
  [[nodiscard]] asio::awaitable<void> tell_all(std::shared_ptr<Telling> telling, identity::PeerId peer,
                                               inventory::Request request);
  [[nodiscard]] asio::awaitable<void> keep_asking(std::shared_ptr<Known> known,
                                                  std::shared_ptr<io::HostConnection> connection);
  [[nodiscard]] asio::awaitable<void> ask(std::shared_ptr<Known> known, std::shared_ptr<io::HostConnection> connection,
                                          bool follow);
  [[nodiscard]] asio::awaitable<void> sleep_until(Instant time, const io::HostConnection& connection);
  void make_room();

  asio::any_io_executor loop_;
  const crypto::SigningKey& identity_;
  identity::SequenceSource& sequence_;
  io::Host& host_;
  Brain& brain_;
  inventory::Shelf shelf_;
  std::optional<std::uint64_t> shelved_;  // the version of the brain's list that is on the shelf
  bool open_ = false;
  bool stopping_ = false;
  std::map<identity::PeerId, std::shared_ptr<Known>> known_;
  std::list<identity::PeerId> gone_;  // remembered ones that nobody asks now, the longest ago first
  std::size_t followed_ = 0;
  io::Wake wake_;
};

}  // namespace turnpike::node
