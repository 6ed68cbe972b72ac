// A StoreSource over plain HTTP/1.1: GET /download/<id> with Range, GET /v1/layer/<id>. The tree is the protection.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/endpoint.h"
#include "core/exchange/message.h"
#include "core/exchange/patience.h"
#include "io/channel/store_source.h"
#include "io/http/client.h"
#include "io/pace/pace.h"

namespace turnpike::io {

constexpr std::size_t kMaxIdleConnections = 4;  ///< Kept alive for the next call; more are closed.

/// Keeps connections to one peer. Must not be destroyed while a call is under way.
class HttpSource final : public StoreSource {
 public:
  /// `download` is what all answers of this peer share with those of others.
  explicit HttpSource(Endpoint peer, exchange::PatienceLimits patience = {}, Share download = {})
      : peer_(peer), patience_(patience), download_(std::move(download)) {}
  ~HttpSource() override;

  asio::awaitable<Result<Bytes, SourceFailure>> layer_page(store::StoreId store, store::Content content,
                                                           std::uint32_t first_piece, Stop& stop) override;
  asio::awaitable<Result<Bytes, SourceFailure>> leaves(store::StoreId store, store::Content content,
                                                       std::uint32_t piece, Stop& stop) override;
  /// A body that breaks off is kConnection, not kProtocol: without a channel nobody can tell a peer that stops short
  /// from one that died, or from a path that was cut.
  asio::awaitable<Status<SourceFailure>> range(store::StoreId store, store::Content content, std::uint64_t offset,
                                               std::uint64_t length, RangeSink& sink, Stop& stop) override;

 private:
  using Connection = std::unique_ptr<http::Client>;

  asio::awaitable<Result<Connection, SourceFailure>> take_connection();
  void give_back(Connection connection);
  asio::awaitable<Result<Bytes, SourceFailure>> get_small(std::string target, std::size_t limit, Stop& stop);

  Endpoint peer_;
  exchange::PatienceLimits patience_;
  Share download_;
  std::vector<Connection> idle_;
};

}  // namespace turnpike::io
