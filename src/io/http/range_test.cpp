#include "io/http/range.h"

#include <gtest/gtest.h>

namespace turnpike::io::http {
namespace {

constexpr std::string_view kTag = "\"100-aa\"";

Selection of(std::string_view range, std::uint64_t size = 100) { return select({.range = range}, size, kTag); }

void expect_part(const Selection& selection, std::uint64_t offset, std::uint64_t length,
                 std::string_view content_range) {
  EXPECT_EQ(selection.status, 206U);
  EXPECT_EQ(selection.offset, offset);
  EXPECT_EQ(selection.length, length);
  EXPECT_EQ(selection.content_range, content_range);
}

TEST(HttpRange, GivesThePartThatWasAskedFor) {
  expect_part(of("bytes=0-0"), 0, 1, "bytes 0-0/100");
  expect_part(of("bytes=10-19"), 10, 10, "bytes 10-19/100");
  expect_part(of("bytes=90-"), 90, 10, "bytes 90-99/100");
  expect_part(of("bytes=-7"), 93, 7, "bytes 93-99/100");
  expect_part(of(" Bytes= 10-19 "), 10, 10, "bytes 10-19/100");
}

TEST(HttpRange, CutsWhatGoesBeyondTheEnd) {
  expect_part(of("bytes=99-100"), 99, 1, "bytes 99-99/100");
  expect_part(of("bytes=0-99999999999999999999999999"), 0, 100, "bytes 0-99/100");
  expect_part(of("bytes=-101"), 0, 100, "bytes 0-99/100");
}

TEST(HttpRange, RefusesWhatIsWhollyBeyondTheEnd) {
  for (const char* range : {"bytes=100-", "bytes=100-100", "bytes=-0", "bytes=99999999999999999999-"}) {
    const auto selection = of(range);
    EXPECT_EQ(selection.status, 416U) << range;
    EXPECT_EQ(selection.content_range, "bytes */100");
    EXPECT_EQ(selection.length, 0U);
  }
  EXPECT_EQ(of("bytes=0-", 0).status, 416U);
}

TEST(HttpRange, AnswersWithTheWholeWhatItMayIgnore) {
  for (const char* range : {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-4", "lines=0-5", "bytes=0-1,5-6",
                            "bytes=0x0-5", "bytes=+1-5", "bytes=1--5", "bytes 0-5"}) {
    const auto selection = of(range);
    EXPECT_EQ(selection.status, 200U) << range;
    EXPECT_EQ(selection.length, 100U);
    EXPECT_TRUE(selection.content_range.empty());
  }
}

TEST(HttpRange, IsForGetAlone) { EXPECT_EQ(select({.range = "bytes=0-5", .is_get = false}, 100, kTag).status, 200U); }

TEST(HttpRange, HoldsOnlyWhileTheTagIsTheSame) {
  EXPECT_EQ(select({.range = "bytes=0-5", .if_range = "\"100-aa\""}, 100, kTag).status, 206U);
  for (const char* other : {"\"100-ab\"", "W/\"100-aa\"", "100-aa", "Sun, 22 Nov 2026 00:00:00 GMT", ""}) {
    EXPECT_EQ(select({.range = "bytes=0-5", .if_range = other}, 100, kTag).status, 200U) << other;
  }
  // A range beyond the end of what it was meant for is not 416 for what is there now.
  EXPECT_EQ(select({.range = "bytes=100-", .if_range = "\"200-bb\""}, 100, kTag).status, 200U);
}

TEST(HttpRange, SavesSendingWhatThePeerHas) {
  for (const char* known : {"*", "\"100-aa\"", "W/\"100-aa\"", "\"x\", \"100-aa\"", "W/\"x\" , W/\"100-aa\""}) {
    EXPECT_EQ(select({.range = "bytes=0-5", .if_none_match = known}, 100, kTag).status, 304U) << known;
  }
  for (const char* known : {"", "100-aa", "\"100-a\"", "\"x\", y", "\"100-aa"}) {
    EXPECT_EQ(select({.if_none_match = known}, 100, kTag).status, 200U) << known;
  }
}

TEST(HttpRange, ComparesIfMatchStrongly) {
  for (const char* known : {"*", "\"100-aa\"", "\"x\", \"100-aa\"", "W/\"x\" , \"100-aa\""}) {
    EXPECT_TRUE(satisfies_if_match(known, kTag)) << known;
  }
  for (const char* other : {"", "100-aa", "\"100-a\"", "W/\"100-aa\"", "\"x\", y", "\"100-aa"}) {
    EXPECT_FALSE(satisfies_if_match(other, kTag)) << other;
  }
}

TEST(HttpRange, WritesTagsAndRanges) {
  EXPECT_EQ(make_etag(100, "aa"), kTag);
  EXPECT_EQ(make_range({10, 10}), "bytes=10-19");
}

TEST(HttpContentRange, IsReadBack) {
  const auto range = parse_content_range("bytes 10-19/100");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->range, (ByteRange{10, 10}));
  EXPECT_EQ(range->size, 100U);
  EXPECT_FALSE(parse_content_range("bytes 0-0/*")->size);
}

TEST(HttpContentRange, MustAddUp) {
  for (const char* value : {"", "bytes", "bytes 5-4/100", "bytes 0-100/100", "bytes */100", "bytes 0-5", "bytes 0-5/",
                            "bytes 0-5/x", "lines 0-5/10", "bytes 0/5-10", "bytes 0-99999999999999999999/*"}) {
    EXPECT_FALSE(parse_content_range(value)) << value;
  }
}

}  // namespace
}  // namespace turnpike::io::http
