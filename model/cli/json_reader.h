// A reader of JSON text that knows where it stands: every complaint can name a line and a column,
// and a value can be kept as the text it was. The first failure sticks; after it every call returns
// an empty value, so a caller reads straight on and looks at failed() once.
//
//   JsonReader reader(R"({"format": "x86-pae", "root": "0x1000"})");
//   for (auto object = reader.object(); reader.next_member(object, key);) { ... reader.string() }
//   if (reader.failed()) { ... reader.problem() ... }
//
// Not for large documents of unknown shape: there is no tree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace nestwalk {

struct JsonProblem {
  std::string what;
  std::size_t offset = 0;  // bytes from the start of the text
};

struct LineColumn {
  std::size_t line = 1;
  std::size_t column = 1;
};
// Where `offset` stands in `text`; both count from 1.
[[nodiscard]] LineColumn line_column(std::string_view text, std::size_t offset);

// As much of a text as a one-line message has room for.
[[nodiscard]] std::string excerpt(std::string_view text);

class JsonReader {
 public:
  struct Sequence {
    bool started = false;
  };

  explicit JsonReader(std::string_view text) : text_(text) {}

  // Opens an object; then next_member() until it returns false. `what` names it in messages.
  Sequence object(std::string_view what);
  bool next_member(Sequence& sequence, std::string_view& key);
  Sequence array(std::string_view what);
  bool next_item(Sequence& sequence);

  // `expected` completes "expected ..., found ...". The view holds until the next string or key.
  std::string_view string(std::string_view expected);
  bool boolean();
  std::uint64_t unsigned_integer(std::string_view expected);
  // Takes a null, if that is what comes next.
  bool take_null();
  // The value that comes next as its own text, whatever it is.
  std::string_view raw_value();
  // Only white space may follow.
  void end();

  void fail(std::string what, std::size_t offset);
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] const JsonProblem& problem() const { return problem_; }
  // Where the value stands that was read last, and where the reader stands.
  [[nodiscard]] std::size_t value_offset() const { return value_offset_; }
  [[nodiscard]] std::size_t offset() const { return offset_; }

 private:
  void skip_space();
  [[nodiscard]] char peek() const { return offset_ < text_.size() ? text_[offset_] : '\0'; }
  bool take(std::string_view word);
  Sequence open(char bracket, std::string_view expected);
  bool next(Sequence& sequence, char closing, std::string_view where);
  void skip_string();
  void fail_expected(std::string_view expected);
  [[nodiscard]] std::string describe_next() const;
  std::string_view quoted(std::string_view expected);

  std::string_view text_;
  std::size_t offset_ = 0;
  std::size_t value_offset_ = 0;
  bool failed_ = false;
  JsonProblem problem_;
  std::string unescaped_;
};

}  // namespace nestwalk
