#include "core/budget/row.h"

#include <gtest/gtest.h>

namespace turnpike::budget {
namespace {

Row sample() {
  Row row{.number = 7, .kind = RowKind::kGrant, .month = {682}, .at = {1'793'491'200'000}};
  row.account = 9;
  row.traffic = {11, 13};
  row.party.fill(0x5a);
  row.tier = Tier::kPremium;
  row.until_ms = 1'800'000'000'000;
  return row;
}

TEST(LedgerRow, ComesBackAsItWasWritten) {
  const Bytes written = encode(sample());
  EXPECT_EQ(written.size(), kRowSize);
  EXPECT_EQ(decode_row(written), sample());
}

TEST(LedgerRow, IsRefusedWhenItIsShortLongOrOfNoKnownKind) {
  Bytes written = encode(sample());
  EXPECT_FALSE(decode_row(ByteView(written).first(kRowSize - 1)));
  written.push_back(0);
  EXPECT_FALSE(decode_row(written));
  written.pop_back();
  written[8] = 7;
  EXPECT_FALSE(decode_row(written));
  written[8] = 0;
  EXPECT_FALSE(decode_row(written));
}

TEST(LedgerRow, IsChainedByEveryByteOfItAndOfAllBefore) {
  const Bytes written = encode(sample());
  const Digest hash = chained(kChainBegin, sample());
  for (std::size_t i = 0; i < written.size(); ++i) {
    Bytes other = written;
    other[i] ^= 1U;
    const auto row = decode_row(other);
    if (!row) continue;
    EXPECT_NE(chained(kChainBegin, *row), hash) << "byte " << i;
  }
  EXPECT_NE(chained(hash, sample()), hash);
}

}  // namespace
}  // namespace turnpike::budget
