// What stands in a data folder, without reading any file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/store/store_id.h"
#include "io/disk/file.h"

namespace turnpike::io {

/// A file is hashed only when its last write is this old: a copy in progress is not taken for a store, and a write
/// after the hashing always shows in the stamp.
constexpr std::chrono::milliseconds kSettleTime{500};

/// A regular file with a store's name.
struct FoundFile {
  store::StoreId id;
  FileStamp stamp;
  bool is_settling = false;  ///< Written less than kSettleTime ago.
};

struct FolderListing {
  std::vector<FoundFile> files;
  std::map<store::StoreId, DiskError> refused;      ///< Empty, or above 1 TiB.
  std::map<store::StoreId, std::string> put_aside;  ///< Damaged files beside their store's place: the latest name.
  std::uint32_t ignored = 0;                        ///< Other names, and what is no regular file.
};

[[nodiscard]] Result<FolderListing, DiskError> list_folder(const std::filesystem::path& folder);
/// The same of these stores only, with nothing counted as ignored. What has no file is not in it.
[[nodiscard]] FolderListing look_at_files(const std::filesystem::path& folder, const std::set<store::StoreId>& stores);

/// Damaged copies of one store that are kept beside it; with so many there no further one is put aside.
constexpr unsigned kMaxPutAside = 4;

/// Renames `<id>.dig` to `<id>.dig.damaged` (or `.damaged-2`, …) if it is still the file of that stamp. Nothing is ever
/// deleted or written over. Gives the new name. kBusy where kMaxPutAside stand there already.
[[nodiscard]] Result<std::string, DiskError> put_aside(FileOps& ops, const std::filesystem::path& folder,
                                                       const store::StoreId& id, const FileStamp& stamp);

}  // namespace turnpike::io
