#include "core/store/journal.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "crypto/hash.h"

namespace turnpike::store {
namespace {

constexpr std::array<std::uint8_t, 8> kMagic = {'T', 'P', 'J', 'O', 'U', 'R', 'N', '1'};
constexpr std::uint8_t kPieceRecord = 1;
constexpr std::uint8_t kCheckpointRecord = 2;
constexpr std::size_t kCheckSize = 4;

/// A record's check covers the journal it is in and its place there, so that neither a stale sector of another journal
/// nor a record that slid is taken for valid.
ByteView check_of(const Digest& digest) { return ByteView(digest).first(kCheckSize); }

Digest record_digest(const Digest& header, std::uint32_t position, ByteView body) {
  Bytes place;
  ByteWriter(place).u32(position);
  return crypto::sha256({header, place, body});
}

Bytes make_header(const StoreId& id, const Content& content) {
  Bytes out;
  out.reserve(kJournalHeaderSize);
  ByteWriter writer(out);
  writer.bytes(kMagic);
  writer.bytes(id.bytes);
  writer.u64(content.size);
  writer.bytes(content.root);
  return out;
}

}  // namespace

JournalWriter::JournalWriter(const StoreId& id, const Content& content)
    : header_(make_header(id, content)), header_digest_(crypto::sha256(header_)), pieces_(content.piece_count()) {}

Bytes JournalWriter::record(std::uint8_t kind, std::uint32_t value) {
  Bytes out;
  out.reserve(kJournalRecordSize);
  ByteWriter writer(out);
  writer.u32(kind);
  writer.u32(value);
  writer.bytes(check_of(record_digest(header_digest_, records_, out)));
  ++records_;
  return out;
}

Bytes JournalWriter::piece(std::uint32_t index) {
  assert(index < pieces_);
  return record(kPieceRecord, index);
}

Bytes JournalWriter::checkpoint(std::uint32_t covered) {
  assert(covered <= records_);
  return record(kCheckpointRecord, covered);
}

void JournalWriter::drop_last() {
  assert(records_ > 0);
  --records_;
}

std::optional<JournalSubject> journal_subject(ByteView bytes) {
  ByteReader in(bytes);
  if (in.array<8>() != kMagic) return std::nullopt;
  JournalSubject subject;
  subject.id.bytes = in.array<32>();
  subject.content.size = in.u64();
  subject.content.root = in.array<32>();
  if (in.failed() || !subject.content.is_valid()) return std::nullopt;
  return subject;
}

Result<Replay, JournalError> replay_journal(const StoreId& id, const Content& content, ByteView bytes) {
  const auto subject = journal_subject(bytes);
  if (!subject) return fail(JournalError::kNotAJournal);
  if (subject->id != id || subject->content != content) return fail(JournalError::kOtherContent);
  const Digest header = crypto::sha256(bytes.first(kJournalHeaderSize));

  Replay replay{std::vector<bool>(content.piece_count()), std::vector<bool>(content.piece_count()), 0};
  std::vector<std::uint32_t> pieces_of_records;  // kNone for a checkpoint
  constexpr std::uint32_t kNone = 0xffffffffU;
  std::uint32_t covered = 0;
  for (ByteReader in(bytes.subspan(kJournalHeaderSize)); in.remaining() >= kJournalRecordSize; ++replay.records) {
    const ByteView record = in.take(kJournalRecordSize);
    const ByteView body = record.first(kJournalRecordSize - kCheckSize);
    ByteReader fields(record);
    const std::uint32_t kind = fields.u32();
    const std::uint32_t value = fields.u32();
    if (!std::ranges::equal(fields.take(kCheckSize), check_of(record_digest(header, replay.records, body)))) break;
    if (kind == kPieceRecord && value < content.piece_count()) {
      pieces_of_records.push_back(value);
    } else if (kind == kCheckpointRecord && value <= replay.records) {
      pieces_of_records.push_back(kNone);
      covered = std::max(covered, value);
    } else {
      break;
    }
  }
  for (std::uint32_t at = 0; at < replay.records; ++at) {
    const std::uint32_t piece = pieces_of_records[at];
    if (piece == kNone) continue;
    if (at < covered) {
      replay.durable[piece] = true;
    } else if (!replay.durable[piece]) {
      replay.written[piece] = true;
    }
  }
  return replay;
}

}  // namespace turnpike::store
