// The journal of a store being fetched: which pieces stand in the partial file. Append-only, and any tail of it may be
// torn. File form: docs/protocols/journal.md.
#pragma once

#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "core/store/store_id.h"

namespace turnpike::store {

constexpr std::size_t kJournalHeaderSize = 80;
constexpr std::size_t kJournalRecordSize = 12;
/// A journal is rewritten whenever it is opened, with one record a piece and one checkpoint; after that a session adds
/// at most a piece record and a checkpoint for each piece. Bytes beyond this are not read.
constexpr std::size_t kMaxJournalSize = kJournalHeaderSize + kJournalRecordSize * (std::size_t{3} * (1U << 20U) + 2);

/// Neither blames a peer: the file is not ours, or not this content's.
enum class JournalError : std::uint8_t { kNotAJournal, kOtherContent };

/// What a journal says after a crash.
struct Replay {
  /// On stable storage when the last checkpoint was made: trusted.
  std::vector<bool> durable;
  /// Written, but after the last checkpoint: to be hashed again before they are believed. Disjoint from `durable`.
  std::vector<bool> written;
  std::uint32_t records = 0;  ///< Whole, valid records. Whatever follows them is torn and ignored.
};

/// Writes a journal, record by record, in the order they are appended to the file.
class JournalWriter {
 public:
  JournalWriter(const StoreId& id, const Content& content);

  /// The first kJournalHeaderSize bytes of the file.
  [[nodiscard]] ByteView header() const { return header_; }
  /// Piece `index` was verified and written. Append after the bytes of the piece are in the file.
  [[nodiscard]] Bytes piece(std::uint32_t index);
  /// The pieces of the first `covered` records are on stable storage. Append after fdatasync of the partial file, with
  /// the value records() had before that fdatasync began.
  [[nodiscard]] Bytes checkpoint(std::uint32_t covered);
  [[nodiscard]] std::uint32_t records() const { return records_; }
  /// Takes back the last record, which could not be appended.
  void drop_last();

 private:
  [[nodiscard]] Bytes record(std::uint8_t kind, std::uint32_t value);

  Bytes header_;
  Digest header_digest_;
  std::uint32_t pieces_;
  std::uint32_t records_ = 0;
};

/// Reads all records up to the first that is torn or not this journal's.
[[nodiscard]] Result<Replay, JournalError> replay_journal(const StoreId& id, const Content& content, ByteView bytes);
/// The content a journal is about, from its header alone.
struct JournalSubject {
  StoreId id;
  Content content;
};
[[nodiscard]] std::optional<JournalSubject> journal_subject(ByteView bytes);

}  // namespace turnpike::store
