#include "core/dig/json.h"

#include <gtest/gtest.h>

namespace turnpike::dig {
namespace {

std::optional<BadMessage> fault_of(std::string_view text, const JsonLimits& limits = {}) {
  const auto object = parse_object(bytes_of(text), limits);
  return object ? std::nullopt : std::optional(object.error());
}
MessageError error_of(std::string_view text, const JsonLimits& limits = {}) {
  const auto fault = fault_of(text, limits);
  EXPECT_TRUE(fault) << text;
  return fault.value_or(BadMessage{}).error;
}
std::string nested(std::size_t depth) {
  std::string text = R"({"a":)";
  text.append(depth - 1, '[');
  text.append(depth - 1, ']');
  return text + "}";
}

TEST(DigJson, ReadsAnObjectAsItStands) {
  const auto object = parse_object(bytes_of(R"( {"a":[1,"x",null,true,-2,0.5,{"b":{}}],"":"\u00e9"} )"));
  ASSERT_TRUE(object);
  EXPECT_EQ(object->dump(), R"({"":"é","a":[1,"x",null,true,-2,0.5,{"b":{}}]})");
}

TEST(DigJson, RefusesWhatIsNoObject) {
  for (const char* text : {"",
                           " ",
                           "[]",
                           "1",
                           "\"x\"",
                           "null",
                           "{",
                           "{}{}",
                           "{} x",
                           "{\"a\"}",
                           "{a:1}",
                           "{'a':1}",
                           "{\"a\":01}",
                           "{\"a\":NaN}",
                           "{\"a\":1e999}",
                           "{\"a\":\"\xff\"}",
                           "{\"a\":\"\\ud800\"}",
                           "{\"a\":\"\n\"}",
                           "// {}\n{}",
                           "\xef\xbb\xbf"}) {
    EXPECT_EQ(error_of(text), MessageError::kMalformed) << text;
  }
}

TEST(DigJson, RefusesAKeyThatStandsTwice) {
  EXPECT_EQ(error_of(R"({"peerId":1,"peerId":2})"), MessageError::kRepeatedKey);
  EXPECT_EQ(error_of(R"({"a":{"b":1,"\u0062":2}})"), MessageError::kRepeatedKey);
}

TEST(DigJson, StopsAtItsDepth) {
  const JsonLimits limits{.depth = 3};
  EXPECT_FALSE(fault_of(nested(3), limits));
  EXPECT_EQ(error_of(nested(4), limits), MessageError::kTooDeep);
  EXPECT_EQ(error_of("{\"a\":" + std::string(500'000, '[')), MessageError::kTooDeep) << "at once, without recursion";
}

TEST(DigJson, StopsAtItsNumberOfValues) {
  const JsonLimits limits{.values = 5};
  EXPECT_FALSE(fault_of(R"({"a":[1,2,3]})", limits));
  EXPECT_EQ(error_of(R"({"a":[1,2,3,4]})", limits), MessageError::kTooMany);
  std::string many = R"({"a":[0)";
  for (int i = 0; i < 40'000; ++i) many += ",0";
  EXPECT_EQ(error_of(many + "]}"), MessageError::kTooMany);
}

TEST(DigJson, DoesNotLookAtWhatIsTooLarge) {
  const std::string text = R"({"a":")" + std::string(100, 'x') + "\"}";
  EXPECT_FALSE(fault_of(text, {.bytes = text.size()}));
  EXPECT_EQ(error_of(text, {.bytes = text.size() - 1}), MessageError::kTooLarge);
}

TEST(DigJson, RefusesEveryTruncation) {
  const std::string text = R"({"peerId":"x","addresses":["/ip4/1.2.3.4/tcp/1"],"n":{"m":[1,-2.5e3,true,null]}})";
  ASSERT_FALSE(fault_of(text));
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_EQ(error_of(text.substr(0, size)), MessageError::kMalformed) << "at " << size;
  }
}

class DigFields : public ::testing::Test {
 protected:
  Fields& of(std::string_view text) {
    object_ = *parse_object(bytes_of(text));
    return fields_.emplace(object_);
  }
  static BadMessage bad(const Fields& fields) { return fields.bad().value_or(BadMessage{}); }

  nlohmann::json object_;
  std::optional<Fields> fields_;
};

TEST_F(DigFields, ReadsEachFieldAsItsTypeAndNullAsAbsent) {
  Fields& fields = of(R"({"t":"x","n":7,"b":true,"l":["a","b"],"o":{},"z":null})");
  EXPECT_EQ(fields.text("t", 1), "x");
  EXPECT_EQ(fields.number("n", 7), 7U);
  EXPECT_TRUE(fields.flag("b"));
  EXPECT_EQ(fields.texts("l", 2, 1), (std::vector<std::string>{"a", "b"}));
  EXPECT_NE(fields.object("o"), nullptr);
  EXPECT_EQ(fields.text("z", 1), std::nullopt);
  EXPECT_EQ(fields.number("z", 1), std::nullopt);
  EXPECT_TRUE(fields.flag("absent", true));
  EXPECT_FALSE(fields.bad());
}

TEST_F(DigFields, BelievesNoFieldOfAnotherType) {
  constexpr std::string_view kText = R"({"t":"7","n":7,"b":true,"l":[],"o":{},"m":["x",1]})";
  EXPECT_FALSE(of(kText).number("t", 9)) << "a number as text";
  EXPECT_EQ(bad(*fields_), (BadMessage{MessageError::kWrongType, "t"}));
  EXPECT_FALSE(of(kText).flag("n"));
  EXPECT_EQ(bad(*fields_), (BadMessage{MessageError::kWrongType, "n"}));
  EXPECT_FALSE(of(kText).text("b", 9));
  EXPECT_EQ(bad(*fields_), (BadMessage{MessageError::kWrongType, "b"}));
  EXPECT_EQ(of(kText).object("l"), nullptr);
  EXPECT_EQ(bad(*fields_), (BadMessage{MessageError::kWrongType, "l"}));
  EXPECT_FALSE(of(kText).texts("o", 9, 9));
  EXPECT_EQ(bad(*fields_), (BadMessage{MessageError::kWrongType, "o"}));
  EXPECT_FALSE(of(kText).texts("m", 9, 9));
  EXPECT_EQ(bad(*fields_), (BadMessage{MessageError::kWrongType, "m"}));
  (void)of(kText).required_peer("n");
  EXPECT_EQ(bad(*fields_), (BadMessage{MessageError::kWrongType, "n"}));
  (void)of(kText).required_store("n");
  EXPECT_EQ(bad(*fields_), (BadMessage{MessageError::kWrongType, "n"}));
}

TEST_F(DigFields, HoldsTextsListsAndNumbersToTheirLimits) {
  constexpr std::string_view kText = R"({"t":"abc","n":7,"m":-1,"f":1.5,"l":["a","bc"],"c":"a\u0001"})";
  EXPECT_FALSE(of(kText).text("t", 2));
  EXPECT_EQ(bad(*fields_).error, MessageError::kTooLong);
  EXPECT_FALSE(of(kText).text("c", 9)) << "not printable";
  EXPECT_EQ(bad(*fields_).error, MessageError::kTooLong);
  for (const char* name : {"m", "f"}) {
    EXPECT_FALSE(of(kText).number(name, 9)) << name;
    EXPECT_EQ(bad(*fields_).error, MessageError::kOutOfRange);
  }
  EXPECT_FALSE(of(kText).number("n", 6));
  EXPECT_EQ(bad(*fields_).error, MessageError::kOutOfRange);
  EXPECT_FALSE(of(kText).texts("l", 1, 9));
  EXPECT_EQ(bad(*fields_).error, MessageError::kTooMany);
  EXPECT_FALSE(of(kText).texts("l", 2, 1));
  EXPECT_EQ(bad(*fields_).error, MessageError::kTooLong);
}

TEST_F(DigFields, TakesOnlyStoreIdsThatAreOne) {
  const std::string good(64, 'a');
  EXPECT_EQ(of(R"({"s":")" + good + "\"}").required_store("s").to_string(), good);
  EXPECT_FALSE(fields_->bad());
  for (const std::string& id : {std::string(), good.substr(1), good + "a", std::string(64, 'A'), "g" + good.substr(1),
                                "../" + good.substr(3), "..%2f" + good.substr(5), good.substr(0, 60) + ".dig",
                                good + "/..", "/" + good, std::string("..\\\\") + good}) {
    (void)of(R"({"s":")" + id + "\"}").required_store("s");
    EXPECT_EQ(bad(*fields_), (BadMessage{MessageError::kBadStoreId, "s"})) << id;
  }
  (void)of("{}").required_store("s");
  EXPECT_EQ(bad(*fields_), (BadMessage{MessageError::kMissing, "s"}));
}

TEST_F(DigFields, TakesOnlyPeerIdsThatAreOne) {
  const std::string good = PeerId{Digest{7}}.to_string();
  EXPECT_EQ(of(R"({"p":")" + good + "\"}").required_peer("p"), PeerId{Digest{7}});
  for (const std::string& id : {std::string(), std::string("QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN"),
                                good.substr(1), good + "1", std::string(1000, '1'), std::string("../../etc/passwd")}) {
    (void)of(R"({"p":")" + id + "\"}").required_peer("p");
    EXPECT_EQ(bad(*fields_), (BadMessage{MessageError::kBadPeerId, "p"})) << id;
  }
}

TEST_F(DigFields, RemembersTheFirstFaultAndReadsNothingAfterIt) {
  Fields& fields = of(R"({"a":"x","b":"y","c":"z"})");
  (void)fields.number("a", 1);
  EXPECT_FALSE(fields.text("b", 9));
  (void)fields.number("c", 1);
  EXPECT_EQ(bad(fields), (BadMessage{MessageError::kWrongType, "a"}));
  EXPECT_EQ(to_string(bad(fields)), "a has the wrong type");
}

}  // namespace
}  // namespace turnpike::dig
