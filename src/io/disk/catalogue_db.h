// What the catalogue knew when the program last ran: the content of each file, by its stamp. A cache: it may be
// deleted.
#pragma once

#include <filesystem>
#include <map>
#include <memory>

#include "core/store/store_id.h"
#include "io/disk/file.h"

namespace turnpike::io {

/// Any thread may call it; calls wait for each other. Errors are not reported: what is not kept is hashed again.
class CatalogueDb {
 public:
  struct Row {
    FileStamp stamp;
    store::Content content;

    friend bool operator==(const Row&, const Row&) = default;
  };

  /// Opens or creates the file. One that cannot be read as a database is replaced; where none can be made, the rows are
  /// kept nowhere.
  explicit CatalogueDb(const std::filesystem::path& file);
  ~CatalogueDb();
  CatalogueDb(const CatalogueDb&) = delete;
  CatalogueDb& operator=(const CatalogueDb&) = delete;

  [[nodiscard]] std::map<store::StoreId, Row> load();
  void put(const store::StoreId& id, const Row& row);
  void remove(const store::StoreId& id);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace turnpike::io
