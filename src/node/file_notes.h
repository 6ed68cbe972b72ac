// What is to be said of files in the data folder that are not stores as they should be: for `ls` and `why`.
#pragma once

#include <map>
#include <string>

#include "io/disk/catalogue.h"

namespace turnpike::node {

struct FileNote {
  std::string state;  ///< unreadable, or damaged: of a store the brain knows nothing of.
  std::string text;
};
using FileNotes = std::map<store::StoreId, FileNote>;

/// `damaged`: those that could not be put aside, in words.
[[nodiscard]] FileNotes file_notes(const io::Catalogue& catalogue,
                                   const std::map<store::StoreId, std::string>& damaged);

}  // namespace turnpike::node
