#include "core/dig/json_object_reader.h"

#include <gtest/gtest.h>

namespace turnpike::dig {
namespace {

std::string read_in_pieces(std::string_view text, std::size_t piece, std::string& rest) {
  JsonObjectReader reader;
  for (std::size_t at = 0; at < text.size(); at += piece) {
    ByteView in = bytes_of(text.substr(at, piece));
    const auto object = reader.read(in);
    if (!object) return "error " + std::to_string(static_cast<int>(object.error()));
    if (*object) {
      rest = std::string(text_of(in)) + std::string(text.substr(std::min(text.size(), at + piece)));
      return std::string(text_of(**object));
    }
  }
  return "incomplete";
}

TEST(DigJsonObjectReader, FindsTheEndOfAnObjectCutAtAnyByte) {
  const std::string object = R"({"type":"GET_FILE","a":{"b":"}{\"\\"},"c":[{}]})";
  for (std::size_t piece = 1; piece <= object.size() + 3; ++piece) {
    std::string rest;
    EXPECT_EQ(read_in_pieces(" \n" + object + "\n1}", piece, rest), object) << piece;
    EXPECT_EQ(rest, "\n1}");
  }
}

TEST(DigJsonObjectReader, SaysWhatIsNoObject) {
  std::string rest;
  EXPECT_EQ(read_in_pieces("[1]", 1, rest), "error 1");
  EXPECT_EQ(read_in_pieces("\"x\"", 1, rest), "error 1");
  EXPECT_EQ(read_in_pieces("{\"a\":\"}", 1, rest), "incomplete") << "the brace stands in a text";
  EXPECT_EQ(read_in_pieces("   ", 1, rest), "incomplete");
}

TEST(DigJsonObjectReader, HoldsNoMoreThanOneFrame) {
  std::string longest = "{\"a\":\"" + std::string(kOneFrame - 8, 'x') + "\"}";
  ASSERT_EQ(longest.size(), kOneFrame);
  std::string rest;
  EXPECT_EQ(read_in_pieces(longest, 1000, rest), longest);
  longest.insert(10, "y");
  EXPECT_EQ(read_in_pieces(longest, 1000, rest), "error 0");
}

}  // namespace
}  // namespace turnpike::dig
