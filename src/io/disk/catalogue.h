// The stores of one folder: which `<64 hex>.dig` files stand there, what their bytes are, and reading them for others.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "core/merkle/tree.h"
#include "core/store/store_id.h"
#include "io/disk/file.h"
#include "io/disk/worker_pool.h"

namespace turnpike::io {

struct StoreAdded {
  store::StoreId id;
  store::Content content;
};
/// The file's bytes were replaced: it is another content from now on.
struct StoreChanged {
  store::StoreId id;
  store::Content content;
};
struct StoreRemoved {
  store::StoreId id;
};
using CatalogueEvent = std::variant<StoreAdded, StoreChanged, StoreRemoved>;

/// What one scan met.
struct ScanReport {
  std::uint32_t stores = 0;     ///< In the catalogue now.
  std::uint32_t hashed = 0;     ///< Read whole in this scan.
  std::uint32_t unchanged = 0;  ///< Known by their stamp: not read.
  std::uint32_t ignored = 0;    ///< Other names, and what is no regular file.
  std::uint32_t refused = 0;    ///< Empty, or above 1 TiB.
  std::uint32_t settling = 0;  ///< Written less than kSettleTime ago, or while being hashed: looked at again next time.
  std::uint32_t failed = 0;    ///< Could not be read.
};

/// A store opened for serving. The descriptor stays valid whatever happens to the name.
struct OpenStore {
  store::StoreId id;
  store::Content content;
  FileStamp stamp;
  FileHandle file;

  /// One fstat. Ask before bytes are sent and after: if it turns false in between, what was sent may be wrong, and the
  /// connection must be broken off, not completed.
  [[nodiscard]] bool is_unchanged() const;
};

/// Lives on the loop; file work is done on the pool. One scan at a time runs; the others wait for it.
class Catalogue {
 public:
  /// A file is hashed only when its last write is this old: a copy in progress is not taken for a store, and a write
  /// after the hashing always shows in the stamp.
  static constexpr std::chrono::milliseconds kSettleTime{500};
  using OnEvent = std::function<void(const CatalogueEvent&)>;

  /// Creates the folders, at the first scan. `on_event` is called on the loop while scan(), adopt(), open() or a read
  /// runs; not after the catalogue is destroyed. `pool` must outlive the catalogue and the calls under way.
  Catalogue(WorkerPool& pool, std::filesystem::path folder, OnEvent on_event);
  ~Catalogue();
  Catalogue(const Catalogue&) = delete;
  Catalogue& operator=(const Catalogue&) = delete;

  /// Looks at every file of the folder, hashes those whose stamp is new. Call at start, every few seconds, and after
  /// kSettleTime when the report says some are settling. Fails only where the folder cannot be read.
  [[nodiscard]] asio::awaitable<Result<ScanReport, DiskError>> scan();
  /// Takes in a file that PartialStore::commit has just put in place, without reading it again.
  [[nodiscard]] asio::awaitable<Status<DiskError>> adopt(store::StoreId id, merkle::Tree tree);

  [[nodiscard]] std::optional<store::Content> find(const store::StoreId& id) const;
  [[nodiscard]] std::vector<StoreAdded> list() const;
  [[nodiscard]] const std::filesystem::path& folder() const;
  [[nodiscard]] std::filesystem::path path_of(const store::StoreId& id) const;

  /// kNotFound, or kChanged when the file is not the hashed one any more (it leaves the catalogue until the next scan).
  [[nodiscard]] asio::awaitable<Result<OpenStore, DiskError>> open(store::StoreId id);
  /// An encoded layer page (core/merkle/layer_page.h). kNotFound when the store here has another content.
  [[nodiscard]] asio::awaitable<Result<Bytes, DiskError>> layer_page(store::StoreId id, store::Content content,
                                                                     std::uint32_t first_piece);
  /// The leaf hashes of one piece, 32 bytes each, hashed from the file and proved against the piece's hash.
  [[nodiscard]] asio::awaitable<Result<Bytes, DiskError>> leaves(store::StoreId id, store::Content content,
                                                                 std::uint32_t piece);
  /// Fills `out` from `offset` of an open store; both, and the store, must stay in place until the call is done.
  /// kChanged when the file was written meanwhile: what is in `out` may then be wrong.
  [[nodiscard]] asio::awaitable<Status<DiskError>> read(const OpenStore& store, std::uint64_t offset,
                                                        std::span<std::uint8_t> out);
  /// Hashes the store's bytes again, whatever the cache says: true when they are still its content.
  [[nodiscard]] asio::awaitable<Result<bool, DiskError>> verify(store::StoreId id);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace turnpike::io
