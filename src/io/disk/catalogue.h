// The stores of one folder: which `<64 hex>.dig` files stand there, what their bytes are, and reading them for others.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "core/merkle/tree.h"
#include "core/store/store_id.h"
#include "io/disk/file.h"
#include "io/disk/folder_listing.h"
#include "io/disk/worker_pool.h"

namespace turnpike::io {

struct StoreAdded {
  store::StoreId id;
  store::Content content;
  FileStamp stamp;
};
/// The file's bytes were replaced: it is another content from now on.
struct StoreChanged {
  store::StoreId id;
  store::Content content;
  FileStamp stamp;
  bool is_rot = false;  ///< Nobody wrote to the file: the disk gives other bytes than it did.
};
/// It is not served any more.
struct StoreRemoved {
  store::StoreId id;
  bool is_gone = false;  ///< There is no file of its name; otherwise there is one, which is not (yet) known.
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

/// A store should be looked at again, though nothing may happen to its file.
struct LookAgain {
  enum class Why : std::uint8_t {
    kSettling,  ///< It was written a moment ago.
    kChanged,   ///< It was written while it was hashed.
    kFailed,    ///< It could not be read, or its layer not be kept.
    kDoubt,     ///< It is not what it was when it was hashed, or was not to be looked at before.
  };
  store::StoreId id;
  Why why = Why::kDoubt;
  Duration wait{};  ///< Not sooner than after so long.
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

/// Lives on the loop; file work is done on the pool. Files are hashed side by side, at most so many at once as the pool
/// has threads; large ones leave one of these to the small.
class Catalogue {
 public:
  static constexpr std::chrono::milliseconds kSettleTime = io::kSettleTime;
  static constexpr std::uint64_t kLargeFile = std::uint64_t{64} << 20U;
  /// A file that is written again and again is hashed for at most so small a part of the time: it may grow for ever.
  static constexpr int kHashShare = 10;
  /// Waits that follow from that and are shorter than this are not made.
  static constexpr std::chrono::seconds kShortWait{1};
  using OnEvent = std::function<void(const CatalogueEvent&)>;
  using OnAgain = std::function<void(const LookAgain&)>;

  /// Creates the folders, at the first scan. `on_event` is called on the loop while scan(), adopt(), open() or a read
  /// runs, or a file has been hashed; not after the catalogue is destroyed. `pool` must outlive the catalogue and the
  /// calls under way.
  Catalogue(WorkerPool& pool, std::filesystem::path folder, OnEvent on_event);
  ~Catalogue();
  Catalogue(const Catalogue&) = delete;
  Catalogue& operator=(const Catalogue&) = delete;

  /// Called on the loop, as `on_event` is. Without it whoever scans must do so again and again.
  void on_again(OnAgain on_again);

  /// Looks at every file of the folder, hashes those whose stamp is new, and ends when they are hashed. Fails only
  /// where the folder cannot be read.
  [[nodiscard]] asio::awaitable<Result<ScanReport, DiskError>> scan();
  /// Looks at these only, and ends when those that must be hashed are in the queue for it.
  [[nodiscard]] asio::awaitable<void> look(std::set<store::StoreId> stores);
  /// Hashes a store again whatever the cache says: its bytes are in doubt. As look().
  [[nodiscard]] asio::awaitable<void> recheck(store::StoreId id);
  /// Takes in a file that PartialStore::commit has just put in place, without reading it again.
  [[nodiscard]] asio::awaitable<Status<DiskError>> adopt(store::StoreId id, merkle::Tree tree);

  /// While it lives nobody but adopt() takes the store's file in: it is being put in place. Then it is looked at again.
  class Claim {
   public:
    Claim(Claim&&) noexcept = default;
    Claim& operator=(Claim&&) noexcept = default;
    ~Claim();

   private:
    friend class Catalogue;
    struct Release;
    explicit Claim(std::unique_ptr<Release> release);
    std::unique_ptr<Release> release_;
  };
  [[nodiscard]] Claim claim(store::StoreId id);

  /// Renames a file of these bytes to `<id>.dig.damaged` (io/disk/folder_listing.h): it is not served from now on,
  /// whether that succeeds or not. Gives the new name.
  [[nodiscard]] asio::awaitable<Result<std::string, DiskError>> put_aside(store::StoreId id, store::Content content);
  /// Deletes a store's file: its owner wants it gone. Nothing there is no error.
  [[nodiscard]] asio::awaitable<Status<DiskError>> remove(store::StoreId id);
  /// Damaged files beside their store's place: the latest name.
  [[nodiscard]] const std::map<store::StoreId, std::string>& aside() const;
  /// Files with a store's name that are not served, and why.
  [[nodiscard]] const std::map<store::StoreId, DiskError>& troubles() const;

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
