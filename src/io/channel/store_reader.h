// What the serving end needs of whoever keeps the stores: four verbs, none of which blocks the loop.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/bytes.h"
#include "base/result.h"
#include "core/exchange/message.h"
#include "core/store/store_id.h"
#include "io/loop/convert.h"

namespace turnpike::io {

/// Why a request is not served. `status` is never kOk.
struct Refusal {
  exchange::StatusCode status = exchange::StatusCode::kNotFound;
  std::optional<store::Content> content;  ///< What is held instead; to be set with kWrongRoot.
  std::uint32_t retry_after_ms = 0;
};

/// A store open for reading; keeps the same bytes open even if the file is renamed away meanwhile.
class ReadableStore {
 public:
  virtual ~ReadableStore() = default;
  /// Fills all of `out` from `offset`, on a worker. False when it cannot, or when the file is no longer what was
  /// announced: the stream is then reset, since a body once promised cannot be withdrawn.
  virtual asio::awaitable<bool> read_at(std::uint64_t offset, std::span<std::uint8_t> out) = 0;
};

/// One for each peer that is served, or one for all. Must outlive every stream it serves.
class StoreReader {
 public:
  virtual ~StoreReader() = default;
  virtual asio::awaitable<Result<std::unique_ptr<ReadableStore>, Refusal>> open(store::StoreId store,
                                                                                store::Content content) = 0;
  /// Encoded, at most exchange::kMaxLayerPageSize.
  virtual asio::awaitable<Result<Bytes, Refusal>> layer_page(store::StoreId store, store::Content content,
                                                             std::uint32_t first_piece) = 0;
  /// Exactly 32 bytes for each leaf of the piece.
  virtual asio::awaitable<Result<Bytes, Refusal>> leaves(store::StoreId store, store::Content content,
                                                         std::uint32_t piece) = 0;
  struct Manifest {
    store::Content content;
    Bytes signed_statement;  ///< At most exchange::kMaxManifestSize.
  };
  virtual asio::awaitable<Result<Manifest, Refusal>> manifest(store::StoreId store) = 0;
};

}  // namespace turnpike::io
