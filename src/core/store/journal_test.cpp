#include "core/store/journal.h"

#include <gmock/gmock.h>

#include "base/random.h"

namespace turnpike::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const StoreId kId{SeededRandom(1).array<32>()};
const Content kContent{10 * kPieceSize - 5, SeededRandom(2).array<32>()};

std::vector<std::uint32_t> pieces(const std::vector<bool>& bits) {
  std::vector<std::uint32_t> out;
  for (std::uint32_t i = 0; i < bits.size(); ++i) {
    if (bits[i]) out.push_back(i);
  }
  return out;
}

void append(Bytes& file, const Bytes& record) { file.insert(file.end(), record.begin(), record.end()); }

/// Pieces 4, 2, a checkpoint over both, then 7 and 1.
Bytes sample() {
  JournalWriter writer(kId, kContent);
  Bytes file = copy_of(writer.header());
  append(file, writer.piece(4));
  append(file, writer.piece(2));
  append(file, writer.checkpoint(2));
  append(file, writer.piece(7));
  append(file, writer.piece(1));
  return file;
}

TEST(Journal, TrustsWhatStandsBeforeTheLastCheckpointAndNamesTheRest) {
  const auto replay = replay_journal(kId, kContent, sample());
  ASSERT_TRUE(replay);
  EXPECT_THAT(pieces(replay->durable), ElementsAre(2, 4));
  EXPECT_THAT(pieces(replay->written), ElementsAre(1, 7));
  EXPECT_EQ(replay->records, 5U);
}

TEST(Journal, TrustsOnlyThePiecesTheSyncBeganAfter) {
  JournalWriter writer(kId, kContent);
  Bytes file = copy_of(writer.header());
  append(file, writer.piece(0));
  append(file, writer.piece(3));  // came while the sync for piece 0 ran
  append(file, writer.checkpoint(1));
  const auto replay = replay_journal(kId, kContent, file);
  ASSERT_TRUE(replay);
  EXPECT_THAT(pieces(replay->durable), ElementsAre(0));
  EXPECT_THAT(pieces(replay->written), ElementsAre(3));
}

TEST(Journal, ToleratesEveryTruncation) {
  const Bytes file = sample();
  for (std::size_t size = 0; size <= file.size(); ++size) {
    const auto replay = replay_journal(kId, kContent, ByteView(file).first(size));
    if (size < kJournalHeaderSize) {
      EXPECT_EQ(replay.error(), JournalError::kNotAJournal) << size;
      continue;
    }
    ASSERT_TRUE(replay) << size;
    const std::size_t whole = (size - kJournalHeaderSize) / kJournalRecordSize;
    EXPECT_EQ(replay->records, whole);
    EXPECT_EQ(pieces(replay->durable).size(), whole >= 3 ? 2U : 0U) << size;
    EXPECT_EQ(pieces(replay->durable).size() + pieces(replay->written).size(), whole - (whole >= 3 ? 1 : 0)) << size;
  }
}

TEST(Journal, BelievesNothingFromTheFirstTornByteOn) {
  const Bytes file = sample();
  for (std::size_t at = kJournalHeaderSize; at < file.size(); ++at) {
    Bytes torn = file;
    torn[at] ^= 0x40U;
    const auto replay = replay_journal(kId, kContent, torn);
    ASSERT_TRUE(replay);
    EXPECT_EQ(replay->records, (at - kJournalHeaderSize) / kJournalRecordSize) << at;
  }
}

TEST(Journal, StopsAtAHoleOfZeroes) {
  Bytes file = sample();
  file.resize(file.size() + 4096);
  EXPECT_EQ(replay_journal(kId, kContent, file)->records, 5U);
}

TEST(Journal, DoesNotBelieveARecordThatSlidOrCameFromAnotherJournal) {
  const Bytes file = sample();
  Bytes slid = file;
  slid.erase(slid.begin() + kJournalHeaderSize, slid.begin() + kJournalHeaderSize + kJournalRecordSize);
  EXPECT_EQ(replay_journal(kId, kContent, slid)->records, 0U);

  Content other = kContent;
  other.root[0] ^= 1U;
  JournalWriter writer(kId, other);
  Bytes mixed = copy_of(writer.header());
  mixed.insert(mixed.end(), file.begin() + kJournalHeaderSize, file.end());
  EXPECT_EQ(replay_journal(kId, other, mixed)->records, 0U);
}

TEST(Journal, OfAnotherContentIsSaidToBe) {
  Content other = kContent;
  --other.size;
  EXPECT_EQ(replay_journal(kId, other, sample()).error(), JournalError::kOtherContent);
  StoreId stranger = kId;
  stranger.bytes[0] ^= 1U;
  EXPECT_EQ(replay_journal(stranger, kContent, sample()).error(), JournalError::kOtherContent);
}

TEST(Journal, NamesItsSubjectInItsHeader) {
  const auto subject = journal_subject(sample());
  ASSERT_TRUE(subject);
  EXPECT_EQ(subject->id, kId);
  EXPECT_EQ(subject->content, kContent);
  EXPECT_FALSE(journal_subject(ByteView(sample()).first(kJournalHeaderSize - 1)));
}

TEST(Journal, GoesOnAfterARecordThatCouldNotBeAppended) {
  JournalWriter writer(kId, kContent);
  Bytes file = copy_of(writer.header());
  append(file, writer.piece(0));
  static_cast<void>(writer.piece(1));
  writer.drop_last();
  append(file, writer.piece(2));
  EXPECT_THAT(pieces(replay_journal(kId, kContent, file)->written), ElementsAre(0, 2));
}

TEST(Journal, OfTheLargestStoreStaysWithinItsLimit) {
  const Content largest{kMaxStoreSize, {}};
  EXPECT_EQ(kMaxJournalSize, kJournalHeaderSize + kJournalRecordSize * (3 * std::size_t{largest.piece_count()} + 2));
  JournalWriter writer(kId, largest);
  EXPECT_EQ(writer.header().size(), kJournalHeaderSize);
  EXPECT_EQ(writer.piece(largest.piece_count() - 1).size(), kJournalRecordSize);
}

TEST(Journal, BeginsEmpty) {
  const JournalWriter writer(kId, kContent);
  const auto replay = replay_journal(kId, kContent, writer.header());
  ASSERT_TRUE(replay);
  EXPECT_THAT(pieces(replay->durable), IsEmpty());
  EXPECT_THAT(pieces(replay->written), IsEmpty());
}

}  // namespace
}  // namespace turnpike::store
