#include "model/cli/json_reader.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

namespace nestwalk {

namespace {

constexpr std::string_view kSpace = " \t\r\n";

bool is_scalar_end(char c) {
  return c == ',' || c == ']' || c == '}' || c == ':' || kSpace.find(c) != std::string_view::npos;
}

}  // namespace

std::string excerpt(std::string_view text) {
  constexpr std::size_t kMost = 40;
  std::string cut(text.substr(0, kMost));
  for (char& c : cut) {
    c = static_cast<unsigned char>(c) < 0x20 ? '?' : c;
  }
  return cut + (text.size() > kMost ? "..." : "");
}

LineColumn line_column(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  LineColumn at;
  at.line += static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
  const std::size_t line_start = before.rfind('\n');
  at.column += before.size() - (line_start == std::string_view::npos ? 0 : line_start + 1);
  return at;
}

void JsonReader::fail(std::string what, std::size_t offset) {
  if (!failed_) {
    failed_ = true;
    problem_ = {std::move(what), offset};
  }
}

void JsonReader::skip_space() {
  while (offset_ < text_.size() && kSpace.find(text_[offset_]) != std::string_view::npos) {
    ++offset_;
  }
}

bool JsonReader::take(std::string_view word) {
  if (text_.substr(offset_, word.size()) != word) {
    return false;
  }
  const std::size_t after = offset_ + word.size();
  if (after < text_.size() && !is_scalar_end(text_[after])) {
    return false;
  }
  offset_ = after;
  return true;
}

std::string JsonReader::describe_next() const {
  const std::string_view rest = text_.substr(offset_);
  if (rest.empty()) {
    return "the end of the text";
  }
  switch (rest.front()) {
    case '{':
      return "an object";
    case '[':
      return "a list";
    case '"':
      return "the string " + excerpt(rest.substr(0, rest.find('"', 1) == std::string_view::npos
                                                        ? rest.size()
                                                        : rest.find('"', 1) + 1));
    default:
      break;
  }
  const auto end = std::find_if(rest.begin() + 1, rest.end(), is_scalar_end);
  return excerpt(rest.substr(0, static_cast<std::size_t>(end - rest.begin())));
}

void JsonReader::fail_expected(std::string_view expected) {
  fail("expected " + std::string(expected) + ", found " + describe_next(), offset_);
}

JsonReader::Sequence JsonReader::open(char bracket, std::string_view expected) {
  skip_space();
  value_offset_ = offset_;
  if (peek() != bracket) {
    fail_expected(expected);
  } else {
    ++offset_;
  }
  return {};
}

JsonReader::Sequence JsonReader::object(std::string_view what) {
  return open('{', what);
}

JsonReader::Sequence JsonReader::array(std::string_view what) {
  return open('[', what);
}

bool JsonReader::next(Sequence& sequence, char closing, std::string_view where) {
  if (failed_) {
    return false;
  }
  skip_space();
  if (peek() == closing) {
    ++offset_;
    return false;
  }
  if (sequence.started) {
    if (peek() != ',') {
      fail_expected(where);
      return false;
    }
    ++offset_;
    skip_space();
  }
  sequence.started = true;
  return true;
}

bool JsonReader::next_member(Sequence& sequence, std::string_view& key) {
  if (!next(sequence, '}', "',' or '}'")) {
    return false;
  }
  key = quoted("a key in double quotes");
  const std::size_t key_offset = value_offset_;
  skip_space();
  if (!failed_ && peek() != ':') {
    fail_expected("':' after the key");
  }
  ++offset_;
  value_offset_ = key_offset;
  return !failed_;
}

bool JsonReader::next_item(Sequence& sequence) {
  return next(sequence, ']', "',' or ']'");
}

void JsonReader::skip_string() {
  const std::size_t start = offset_++;
  while (offset_ < text_.size() && text_[offset_] != '"') {
    offset_ += text_[offset_] == '\\' ? 2 : 1;
  }
  if (offset_ >= text_.size()) {
    offset_ = text_.size();
    fail("the string that starts here does not end", start);
    return;
  }
  ++offset_;
}

std::string_view JsonReader::quoted(std::string_view expected) {
  skip_space();
  value_offset_ = offset_;
  if (failed_ || peek() != '"') {
    fail_expected(expected);
    return {};
  }
  skip_string();
  if (failed_) {
    return {};
  }
  const std::string_view with_quotes = text_.substr(value_offset_, offset_ - value_offset_);
  const std::string_view inside = with_quotes.substr(1, with_quotes.size() - 2);
  const bool is_plain = std::all_of(inside.begin(), inside.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte < 0x80 && c != '\\';
  });
  if (is_plain) {
    return inside;
  }
  const nlohmann::json parsed = nlohmann::json::parse(with_quotes, nullptr, false);
  if (!parsed.is_string()) {
    fail("not a JSON string: a bad escape, a control character or bytes that are not UTF-8",
         value_offset_);
    return {};
  }
  unescaped_ = parsed.get<std::string>();
  return unescaped_;
}

std::string_view JsonReader::string(std::string_view expected) {
  return quoted(expected);
}

bool JsonReader::boolean() {
  skip_space();
  value_offset_ = offset_;
  if (take("true")) {
    return true;
  }
  if (!take("false")) {
    fail_expected("true or false");
  }
  return false;
}

std::uint64_t JsonReader::unsigned_integer(std::string_view expected) {
  skip_space();
  value_offset_ = offset_;
  std::uint64_t value = 0;
  const char* begin = text_.data() + offset_;
  const char* end = text_.data() + text_.size();
  const auto [stop, error] = std::from_chars(begin, end, value);
  const bool has_leading_zero = stop - begin > 1 && *begin == '0';
  if (error != std::errc() || has_leading_zero || (stop != end && !is_scalar_end(*stop))) {
    fail_expected(expected);
    return 0;
  }
  offset_ += static_cast<std::size_t>(stop - begin);
  return value;
}

bool JsonReader::take_null() {
  skip_space();
  value_offset_ = offset_;
  return take("null");
}

std::string_view JsonReader::raw_value() {
  skip_space();
  value_offset_ = offset_;
  std::size_t depth = 0;
  while (offset_ < text_.size() && !failed_) {
    const char c = text_[offset_];
    if (c == '"') {
      skip_string();
    } else if (c == '[' || c == '{') {
      ++depth;
      ++offset_;
      continue;
    } else if (depth > 0) {
      depth -= c == ']' || c == '}' ? 1 : 0;
      ++offset_;
    } else {
      while (offset_ < text_.size() && !is_scalar_end(text_[offset_])) {
        ++offset_;
      }
    }
    if (depth == 0) {
      break;
    }
  }
  const std::string_view raw = text_.substr(value_offset_, offset_ - value_offset_);
  if (!failed_ && !nlohmann::json::accept(raw)) {
    fail("not a JSON value: " + excerpt(raw.empty() ? text_.substr(value_offset_, 1) : raw),
         value_offset_);
  }
  return failed_ ? std::string_view() : raw;
}

void JsonReader::end() {
  skip_space();
  if (!failed_ && offset_ < text_.size()) {
    fail_expected("the end of the text");
  }
}

}  // namespace nestwalk
