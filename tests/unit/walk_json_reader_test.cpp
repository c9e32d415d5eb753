#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "model/cli/json_reader.h"

namespace nestwalk {
namespace {

// Everything of a text that is an object of strings, as "key=value".
std::vector<std::string> members_of(JsonReader& reader) {
  std::vector<std::string> members;
  std::string_view key;
  for (auto object = reader.object("an object"); reader.next_member(object, key);) {
    const std::string name(key);
    members.push_back(name + "=" + std::string(reader.string("a string")));
  }
  reader.end();
  return members;
}

TEST(JsonReader, ReadsMembersInOrder) {
  JsonReader reader(R"( {"b": "1" , "a":"2"} )");
  EXPECT_EQ(members_of(reader), (std::vector<std::string>{"b=1", "a=2"}));
  EXPECT_FALSE(reader.failed());
}

TEST(JsonReader, DecodesEscapesAndUnicode) {
  JsonReader reader("{\"\\u0061\": \"x\\n\\u00e9\"}");
  EXPECT_EQ(members_of(reader), (std::vector<std::string>{"a=x\n\xc3\xa9"}));
}

TEST(JsonReader, RefusesEveryTruncation) {
  const std::string text = R"({"a": "1", "b": "22"})";
  for (std::size_t length = 0; length < text.size(); ++length) {
    JsonReader reader(std::string_view(text).substr(0, length));
    (void)members_of(reader);
    EXPECT_TRUE(reader.failed()) << text.substr(0, length);
    EXPECT_LE(reader.problem().offset, length);
  }
}

TEST(JsonReader, RefusesWhatJsonDoesNotKnow) {
  for (const std::string_view text :
       {R"({"a": "1",})", R"({a: "1"})", R"({'a': "1"})", R"({"a" "1"})", R"({"a": "1"} {})",
        R"({"a": "1" "b": "2"})", R"({,})", "{\"a\": \"tab\tinside\"}", R"({"a": "\x"})",
        "{\"a\": \"\xff\"}", R"({"a": 1})", ""}) {
    JsonReader reader(text);
    (void)members_of(reader);
    EXPECT_TRUE(reader.failed()) << text;
  }
}

TEST(JsonReader, TheFirstProblemSticks) {
  JsonReader reader(R"({"a": 1, "b": 2})");
  (void)members_of(reader);
  EXPECT_EQ(reader.problem().offset, 6U);
  EXPECT_EQ(reader.problem().what, "expected a string, found 1");
}

TEST(JsonReader, KeepsAnyValueAsItsOwnText) {
  for (const std::string_view value : {"null", "-0", "1.50", "12345678901234567890123",
                                       R"("a \" b")", R"([1, {"k": [2]}, "]"])", "{}", "true"}) {
    JsonReader reader(value);
    EXPECT_EQ(reader.raw_value(), value);
    reader.end();
    EXPECT_FALSE(reader.failed()) << value;
  }
  for (const std::string_view value : {"nul", "[1", "01", "{]", "1 2", "\"open", "", ","}) {
    JsonReader reader(value);
    (void)reader.raw_value();
    reader.end();
    EXPECT_TRUE(reader.failed()) << value;
  }
}

TEST(JsonReader, WholeNumbersAreExact) {
  JsonReader reader("18446744073709551615");
  EXPECT_EQ(reader.unsigned_integer("a number"), 18446744073709551615U);
  for (const std::string_view text :
       {"-1", "1.0", "1e3", "01", "18446744073709551616", "\"1\"", "true", "1x"}) {
    JsonReader bad(text);
    EXPECT_EQ(bad.unsigned_integer("a number"), 0U);
    EXPECT_TRUE(bad.failed()) << text;
  }
}

TEST(JsonReader, LinesAndColumnsCountFromOne) {
  const std::string_view text = "ab\ncd\n";
  EXPECT_EQ(line_column(text, 0).column, 1U);
  EXPECT_EQ(line_column(text, 4).line, 2U);
  EXPECT_EQ(line_column(text, 4).column, 2U);
  EXPECT_EQ(line_column(text, 6).line, 3U);
}

}  // namespace
}  // namespace nestwalk
