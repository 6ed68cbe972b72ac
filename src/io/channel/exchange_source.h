// A StoreSource over a Link: /turnpike/store/1, with ranges pipelined on streams that are used again.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "core/exchange/client.h"
#include "core/exchange/patience.h"
#include "io/channel/link.h"
#include "io/channel/store_source.h"
#include "io/pace/pace.h"

namespace turnpike::io {

/// Range requests in flight on one stream: while one is sent the next are known, so the peer never waits for us.
constexpr std::size_t kRangesAhead = 3;
constexpr std::size_t kMaxIdleStreams = 4;  ///< Kept for the next call; more are ended.

/// Must not outlive `link`, nor be destroyed while a call is under way.
class ExchangeSource final : public StoreSource {
 public:
  /// `download` is what all answers of this peer share with those of others.
  explicit ExchangeSource(Link& link, exchange::PatienceLimits patience = {}, Share download = {})
      : link_(link), patience_(patience), download_(std::move(download)) {}

  asio::awaitable<Result<Bytes, SourceFailure>> layer_page(store::StoreId store, store::Content content,
                                                           std::uint32_t first_piece, Stop& stop) override;
  asio::awaitable<Result<Bytes, SourceFailure>> leaves(store::StoreId store, store::Content content,
                                                       std::uint32_t piece, Stop& stop) override;
  asio::awaitable<Status<SourceFailure>> range(store::StoreId store, store::Content content, std::uint64_t offset,
                                               std::uint64_t length, RangeSink& sink, Stop& stop) override;
  /// The peer's signed manifest and the content it says it holds. Not verified.
  struct Manifest {
    store::Content content;
    Bytes signed_statement;
  };
  asio::awaitable<Result<Manifest, SourceFailure>> manifest(store::StoreId store, Stop& stop);

 private:
  struct Lane;
  struct Answer {
    store::Content content;
    Bytes body;
  };

  [[nodiscard]] std::unique_ptr<Lane> take_lane();
  void give_back(std::unique_ptr<Lane> lane);
  asio::awaitable<Result<Answer, SourceFailure>> ask_small(exchange::Request request, Stop& stop);

  Link& link_;
  exchange::PatienceLimits patience_;
  Share download_;
  std::vector<std::unique_ptr<LinkStream>> idle_;
};

}  // namespace turnpike::io
