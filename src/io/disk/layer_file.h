// The piece layers of complete stores, each in a file of its own, read a page at a time.
#pragma once

#include <filesystem>
#include <mutex>
#include <optional>

#include "base/result.h"
#include "core/merkle/layer_page.h"
#include "core/merkle/tree.h"
#include "io/disk/file.h"

namespace turnpike::io {

/// `<folder>/<root>-<size>`: the layer, 32 bytes a piece, then the root of each page, so that a page and its proof take
/// two reads whatever the store's size. A store of one piece needs no file. All functions block: call them on the pool.
class LayerFiles {
 public:
  explicit LayerFiles(std::filesystem::path folder) : folder_(std::move(folder)) {}

  [[nodiscard]] bool has(const store::Content& content) const;
  [[nodiscard]] Status<DiskError> write(FileOps& ops, const merkle::Tree& tree) const;
  void remove(const store::Content& content) const;
  /// Proved against the content: a damaged file is kChanged, never a wrong page. kBadRequest where no page begins.
  [[nodiscard]] Result<merkle::LayerPage, DiskError> page(const store::Content& content,
                                                          std::uint32_t first_piece) const;

 private:
  [[nodiscard]] std::filesystem::path path_of(const store::Content& content) const;

  std::filesystem::path folder_;
  mutable std::mutex writing_;  ///< Stores of equal content share a file.
};

}  // namespace turnpike::io
