// Any bytes behind a right header: replay neither trusts a piece twice nor reads beyond whole records; and a journal
// written by us and cut anywhere never names a piece that was not written.
#include <cstdlib>

#include "core/store/journal.h"

using namespace turnpike;         // NOLINT(google-build-using-namespace)
using namespace turnpike::store;  // NOLINT(google-build-using-namespace)

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

const StoreId kId{};
const Content kContent{200 * kPieceSize, {}};

void check_bytes(ByteView bytes) {
  static_cast<void>(replay_journal(kId, kContent, bytes));
  Bytes file = copy_of(JournalWriter(kId, kContent).header());
  file.insert(file.end(), bytes.begin(), bytes.end());
  const auto replay = replay_journal(kId, kContent, file);
  require(static_cast<bool>(replay) && replay->records <= bytes.size() / kJournalRecordSize);
  for (std::uint32_t i = 0; i < kContent.piece_count(); ++i) require(!(replay->durable[i] && replay->written[i]));
}

/// Each byte is an operation; the journal is cut at every multiple of five bytes.
void check_operations(ByteView operations) {
  JournalWriter writer(kId, kContent);
  Bytes file = copy_of(writer.header());
  std::vector<bool> written(kContent.piece_count());
  for (const std::uint8_t operation : operations.first(std::min<std::size_t>(operations.size(), 24))) {
    const bool is_piece = operation < kContent.piece_count();
    const Bytes record =
        is_piece ? writer.piece(operation) : writer.checkpoint(writer.records() * (operation & 7U) / 7);
    if (is_piece) written[operation] = true;
    file.insert(file.end(), record.begin(), record.end());
  }
  for (std::size_t size = kJournalHeaderSize; size <= file.size(); size += 5) {
    const auto replay = replay_journal(kId, kContent, ByteView(file).first(size));
    require(static_cast<bool>(replay));
    for (std::uint32_t i = 0; i < written.size(); ++i)
      require(written[i] || !(replay->durable[i] || replay->written[i]));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check_bytes({data, size});
  check_operations({data, size});
  return 0;
}
