// What this node lets peers read: its catalogue, less what is not to be shared.
#pragma once

#include <functional>

#include "core/sync/fetch.h"
#include "io/channel/store_reader.h"
#include "io/disk/catalogue.h"

namespace turnpike::node {

/// Decides who may see a store at all; contested and private ones are as good as absent.
using Shared = std::function<bool(const store::StoreId&)>;

/// A StoreReader over the catalogue. Both arguments must outlive it, and it every stream it serves.
class StoreAccess final : public io::StoreReader {
 public:
  /// `sign_manifest` gives the signed statement about one of our stores (core/store/manifest.h).
  using SignManifest = std::function<Bytes(store::StoreId, store::Content)>;

  StoreAccess(io::Catalogue& catalogue, Shared shared, SignManifest sign_manifest);

  boost::asio::awaitable<Result<std::unique_ptr<io::ReadableStore>, io::Refusal>> open(store::StoreId store,
                                                                                       store::Content content) override;
  boost::asio::awaitable<Result<Bytes, io::Refusal>> layer_page(store::StoreId store, store::Content content,
                                                                std::uint32_t first_piece) override;
  boost::asio::awaitable<Result<Bytes, io::Refusal>> leaves(store::StoreId store, store::Content content,
                                                            std::uint32_t piece) override;
  boost::asio::awaitable<Result<Manifest, io::Refusal>> manifest(store::StoreId store) override;

 private:
  [[nodiscard]] std::optional<io::Refusal> refusal(const store::StoreId& store, const store::Content& content) const;

  io::Catalogue& catalogue_;
  Shared shared_;
  SignManifest sign_manifest_;
};

}  // namespace turnpike::node
