// Stores for old nodes, over the bootstrap: POST /relay-store names the way, POST /bootstrap-turn-relay and GET
// /download/<id> are it (docs/protocols/legacy-bootstrap.md). Each piece is verified before it is passed on.
#pragma once

#include "bootstrap/brain.h"
#include "bootstrap/legacy.h"
#include "bootstrap/source_links.h"
#include "core/rendezvous/control.h"
#include "io/disk/worker_pool.h"
#include "io/http/server.h"

namespace turnpike::bootstrap {

/// All arguments must outlive the server that it adds routes to, and live until the loop has run out.
class LegacyRelay {
 public:
  LegacyRelay(Brain& brain, Legacy& legacy, SourceLinks& links, io::WorkerPool& pool);
  LegacyRelay(const LegacyRelay&) = delete;
  LegacyRelay& operator=(const LegacyRelay&) = delete;

  void add_routes(io::http::Server& server);

 private:
  using Request = io::http::Request;
  using Response = io::http::Response;
  struct Transfer;

  [[nodiscard]] Response relay_store(const Request& request);
  [[nodiscard]] asio::awaitable<Response> relay(Request request);
  [[nodiscard]] asio::awaitable<Response> download(Request request);
  [[nodiscard]] asio::awaitable<Response> start(Request request, rendezvous::Announcer source, store::StoreId store,
                                                std::optional<dig::ByteSpan> range);
  [[nodiscard]] static asio::awaitable<Result<std::shared_ptr<io::StoreSource>, io::SourceFailure>> connect(
      std::shared_ptr<Transfer> transfer);
  [[nodiscard]] static asio::awaitable<bool> pay(Transfer& transfer, std::size_t bytes);
  [[nodiscard]] static asio::awaitable<bool> send(std::shared_ptr<Transfer> transfer, io::http::BodyWriter& writer);

  [[nodiscard]] std::optional<Response> charge(const Request& request);
  [[nodiscard]] Result<rendezvous::Announcer, Response> source_of(const Request& request,
                                                                  const dig::RelayRequest& asked);
  [[nodiscard]] std::vector<Endpoint> unsigned_turn(const dig::RelayRequest& asked) const;

  Brain& brain_;
  Legacy& legacy_;
  SourceLinks& links_;
  io::WorkerPool& pool_;
};

}  // namespace turnpike::bootstrap
