#include "io/control/line.h"

#include <gtest/gtest.h>

#include <vector>

namespace turnpike::io {
namespace {

TEST(LineSplitter, CutsTheSameLinesHoweverTheBytesCome) {
  const std::string text = "one\ntwo\r\n\nlast without end";
  for (std::size_t step = 1; step <= text.size(); ++step) {
    LineSplitter splitter(100);
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size(); at += step) {
      splitter.feed(std::string_view(text).substr(at, step));
      while (auto line = splitter.next()) lines.push_back(*line);
    }
    EXPECT_EQ(lines, (std::vector<std::string>{"one", "two", ""})) << "in steps of " << step;
    EXPECT_FALSE(splitter.is_too_long());
  }
}

TEST(LineSplitter, GivesALineUpToItsLimitAndNoneBeyond) {
  LineSplitter splitter(8);
  splitter.feed("12345678\n123456789\n");
  EXPECT_EQ(splitter.next(), "12345678");
  EXPECT_FALSE(splitter.next());
  EXPECT_TRUE(splitter.is_too_long());
}

TEST(LineSplitter, NoticesALineThatWillBeTooLongBeforeItEnds) {
  LineSplitter splitter(8);
  splitter.feed("12345678");
  EXPECT_FALSE(splitter.next());
  EXPECT_FALSE(splitter.is_too_long());
  splitter.feed("9");
  EXPECT_FALSE(splitter.next());
  EXPECT_TRUE(splitter.is_too_long());
}

TEST(ControlLine, HoldsOneObjectAndNothingElse) {
  EXPECT_TRUE(parse_line(R"({"command":"ls"})"));
  for (const std::string_view bad : {"", "{", "[1]", "7", "null", "{} {}", "\xff"})
    EXPECT_FALSE(parse_line(bad)) << bad;
}

TEST(ControlLine, SurvivesNestingToTheLimit) {
  EXPECT_FALSE(parse_line(std::string(kMaxRequestLine, '[')));
  EXPECT_FALSE(parse_line("{\"a\":" + std::string(kMaxRequestLine / 2, '[') + std::string(kMaxRequestLine / 2, ']')));
}

TEST(ControlLine, IsWrittenOnOneLineEvenWhenTextIsNoUtf8) {
  const std::string line = write_line({{"a", "x\ny"}, {"b", "caf\xe9"}});
  EXPECT_EQ(line, "{\"a\":\"x\\ny\",\"b\":\"caf\"}\n");
}

}  // namespace
}  // namespace turnpike::io
