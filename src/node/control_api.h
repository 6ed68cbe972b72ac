// What the commands ask of a running node, over its local API (docs/commands.md).
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>

#include "core/portmap/view.h"
#include "io/control/server.h"
#include "io/disk/catalogue.h"
#include "node/brain.h"
#include "node/config.h"
#include "node/dht_view.h"
#include "node/file_notes.h"
#include "node/memory.h"

namespace turnpike::node {

/// What of the process the commands may see and change. All of it outlives the API.
struct ControlScope {
  const NodeConfig& config;
  Brain& brain;
  Memory& memory;
  std::function<asio::awaitable<void>()> rescan;  ///< Ends when the folder has been looked at once more.
  std::function<std::uint64_t()> ignored_files;   ///< In the folder at the last scan.
  std::function<FileNotes()> file_notes;
  /// Hashes a store again, whatever is known of it.
  std::function<asio::awaitable<void>(store::StoreId)> recheck;
  /// Deletes a store's file and what was fetched of it. Gives what went wrong, or nothing.
  std::function<asio::awaitable<std::string>(store::StoreId)> remove;
  std::function<std::vector<Endpoint>()> listen;    ///< Sockets that are bound.
  std::function<std::vector<Endpoint>()> external;  ///< Addresses that are registered.
  std::function<std::vector<portmap::RouterView>()> routers;
  const io::Dialer& dialer;
  const Links& links;
  std::function<std::vector<io::ConnectionInfo>()> connections;  ///< Of the libp2p host.
  Instant started;
  std::function<DhtView()> dht = {};
};

class ControlApi {
 public:
  ControlApi(asio::any_io_executor loop, ControlScope scope);

  /// One request to its last line. What it does not know is refused, with the commands it knows.
  [[nodiscard]] asio::awaitable<void> answer(nlohmann::json request, io::Reply& reply);

 private:
  [[nodiscard]] asio::awaitable<void> refuse(io::Reply& reply, std::string text, int code);
  [[nodiscard]] asio::awaitable<void> get(const nlohmann::json request, io::Reply& reply);
  [[nodiscard]] asio::awaitable<void> why(const nlohmann::json request, io::Reply& reply);
  [[nodiscard]] asio::awaitable<void> pin(const nlohmann::json request, io::Reply& reply);
  [[nodiscard]] asio::awaitable<void> share(const nlohmann::json request, io::Reply& reply);
  [[nodiscard]] asio::awaitable<void> unwant(const nlohmann::json request, io::Reply& reply);
  [[nodiscard]] asio::awaitable<void> recheck(const nlohmann::json request, io::Reply& reply);
  [[nodiscard]] asio::awaitable<void> watch_transfers(io::Reply& reply);
  [[nodiscard]] asio::awaitable<void> pause(Duration time);
  [[nodiscard]] nlohmann::json status() const;

  asio::any_io_executor loop_;
  ControlScope scope_;
};

}  // namespace turnpike::node
