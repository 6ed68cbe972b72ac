#include "node/file_notes.h"

namespace turnpike::node {
namespace {

std::string words_of(io::DiskError error) {
  switch (error) {
    case io::DiskError::kRefused:
      return "its file here is empty, or larger than 1 TiB";
    case io::DiskError::kNoSpace:
      return "its file here cannot be taken in: the disk is full";
    case io::DiskError::kBusy:
      return "its file here is damaged, and damaged copies stand beside it already: look after the disk";
    default:
      return "its file here cannot be read: see its permissions, and the disk";
  }
}

}  // namespace

FileNotes file_notes(const io::Catalogue& catalogue, const std::map<store::StoreId, std::string>& damaged) {
  FileNotes out;
  for (const auto& [store, name] : catalogue.aside()) {
    out[store] = {"damaged", "a damaged file is kept as " + name + "; remove it when it is of no use"};
  }
  for (const auto& [store, error] : catalogue.troubles()) out[store] = {"unreadable", words_of(error)};
  for (const auto& [store, text] : damaged) out[store] = {"damaged", text};
  return out;
}

}  // namespace turnpike::node
