// A store being fetched: verified pieces on disk, a journal that survives kill -9 and power loss, and the commit.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "core/merkle/layer_page.h"
#include "core/store/store_id.h"
#include "io/disk/file.h"
#include "io/disk/worker_pool.h"

namespace turnpike::io {

/// kWrongLength, kWrongHash, kBadPage: the source's fault. kNoHash: the caller has not put the layer page first.
enum class PieceFault : std::uint8_t { kWrongLength, kWrongHash, kBadPage, kNoHash };

/// Either the source was wrong or our disk failed; never both.
using WriteError = std::variant<PieceFault, DiskError>;

struct PieceRefused {
  WriteError error;
  Bytes data;  ///< What the caller gave, back again: for blame leaf by leaf, or for another try.
};

struct PartialOptions {
  /// Free space that must remain after the whole store is written.
  std::uint64_t reserve = std::uint64_t{256} << 20U;
  std::uint64_t promised = 0;  ///< Free space that others will still use: their partial files grow as they are filled.
  /// Written pieces are made durable, and a checkpoint journalled, this long after they came.
  std::chrono::milliseconds checkpoint_delay{900};
  FileOps* ops = &system_file_ops();
};

/// May a later file of the same id take the place of one that stands there?
enum class Replace : std::uint8_t { kNo, kYes };

/// `<data>/.turnpike/partial/<id>-<first 16 digits of root>.part`, `.journal` and `.layer`. One object at a time may
/// have a partial store open; its destructor leaves everything on disk for the next. Lives on the loop.
class PartialStore {
 public:
  /// Creates or resumes. Pieces since the last checkpoint are hashed again; those that fail are to be fetched again.
  /// kNoSpace when what is missing, plus the reserve, does not fit.
  [[nodiscard]] static asio::awaitable<Result<std::unique_ptr<PartialStore>, DiskError>> open(
      WorkerPool& pool, std::filesystem::path data, store::StoreId id, store::Content content, PartialOptions options);
  ~PartialStore();
  PartialStore(const PartialStore&) = delete;
  PartialStore& operator=(const PartialStore&) = delete;

  [[nodiscard]] const store::StoreId& id() const;
  [[nodiscard]] const store::Content& content() const;
  /// By piece: verified and written.
  [[nodiscard]] const std::vector<bool>& verified() const;
  [[nodiscard]] bool is_complete() const;

  /// The proved hash of a piece, or nothing while its page has not been put. One-piece stores need no page.
  [[nodiscard]] std::optional<Digest> piece_hash(std::uint32_t index) const;
  [[nodiscard]] bool has_page(std::uint32_t first_piece) const;
  /// Proves an encoded page against the root and keeps it. Again: no effect.
  [[nodiscard]] asio::awaitable<Status<WriteError>> put_layer_page(std::uint32_t first_piece, Bytes encoded);

  /// Hashes `data`, compares, writes and journals it, in one job on the pool. Several may run at once, also for the
  /// same piece. On kNoSpace or kIo the piece simply stays missing, and a later write may succeed. Where the source is
  /// at fault nothing is written.
  [[nodiscard]] asio::awaitable<Status<PieceRefused>> write_piece(std::uint32_t index, Bytes data);

  /// Makes what is written durable now. Also done by itself, checkpoint_delay after a write.
  [[nodiscard]] asio::awaitable<Status<DiskError>> checkpoint();

  /// Only when complete: fsync, rename to `<data>/<id>.dig`, fsync of the folder; journal and pages are removed.
  /// Returns the tree, which Catalogue::adopt takes. With kNo a file already there is kExists. After success the object
  /// is spent.
  [[nodiscard]] asio::awaitable<Result<merkle::Tree, DiskError>> commit(Replace replace);

 private:
  struct State;
  explicit PartialStore(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

/// Every partial store of a data folder, as the headers of their journals name them: what can be resumed after a
/// restart.
struct PartialEntry {
  store::StoreId id;
  store::Content content;
};
[[nodiscard]] asio::awaitable<std::vector<PartialEntry>> list_partials(WorkerPool& pool, std::filesystem::path data);
/// Deletes a partial store that nobody has open: the user gave the store up.
[[nodiscard]] asio::awaitable<Status<DiskError>> discard_partial(WorkerPool& pool, std::filesystem::path data,
                                                                 store::StoreId id, store::Content content);

}  // namespace turnpike::io
