#include "model/workload/text_trace.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string>
#include <system_error>

#include <fmt/format.h>

#include "model/workload/lackey.h"
#include "model/workload/trace_error.h"

namespace nestwalk {
namespace {

constexpr std::size_t kReadBytes = std::size_t{64} << 10;
constexpr std::size_t kMaxLineBytes = 4096;
constexpr std::size_t kShownBytes = 60;

constexpr std::array<TextFormInfo, kNumTextForms> kForms = {{
    {"lackey text", "\"I  04001000,3\" or \" L 1fff000688,8\" (L, S or M)"},
    {"load-store text", "\"LD 0x1000\" or \"ST 0x1000\""},
    {"read-write text", "\"R 0x1000\" or \"W 0x1000\""},
    {"address text", "\"0x1000 R\" or \"0x1000 W\""},
    {"cycles text", "\"12: read 0x1000\" or \"12: write 0x1000\""},
}};

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

std::string_view take_word(std::string_view& line) {
  const auto* const begin = std::find_if_not(line.begin(), line.end(), is_blank);
  const auto* const end = std::find_if(begin, line.end(), is_blank);
  const std::string_view word(begin, static_cast<std::size_t>(end - begin));
  line.remove_prefix(static_cast<std::size_t>(end - line.begin()));
  return word;
}

bool is_rest_blank(std::string_view line) {
  return std::all_of(line.begin(), line.end(), is_blank);
}

// Hexadecimal after 0x, else decimal.
std::optional<std::uint64_t> number_of(std::string_view word) {
  const bool is_hex = word.starts_with("0x") || word.starts_with("0X");
  word.remove_prefix(is_hex ? 2 : 0);
  std::uint64_t value = 0;
  const char* const end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, value, is_hex ? 16 : 10);
  return error == std::errc() && stop == end ? std::optional(value) : std::nullopt;
}

struct TypeNames {
  std::string_view read;
  std::string_view write;
};

std::optional<AccessType> type_of(std::string_view word, const TypeNames& names) {
  if (word == names.read) {
    return AccessType::kRead;
  }
  return word == names.write ? std::optional(AccessType::kWrite) : std::nullopt;
}

std::optional<TraceRecord> access_of(std::optional<AccessType> type,
                                     std::optional<std::uint64_t> address,
                                     std::uint16_t size_bytes = 1) {
  if (!type || !address) {
    return std::nullopt;
  }
  TraceRecord record;
  record.address = Gva(*address);
  record.type = *type;
  record.size_bytes = size_bytes;
  record.num_instructions = 1;
  return record;
}

// TYPE ADDRESS
std::optional<TraceRecord> type_first(std::string_view line, const TypeNames& names) {
  const auto type = type_of(take_word(line), names);
  const auto address = number_of(take_word(line));
  return is_rest_blank(line) ? access_of(type, address) : std::nullopt;
}

// ADDRESS TYPE; the address is hexadecimal.
std::optional<TraceRecord> address_first(std::string_view line) {
  const std::string_view word = take_word(line);
  const auto type = type_of(take_word(line), {"R", "W"});
  return word.starts_with("0x") && is_rest_blank(line) ? access_of(type, number_of(word))
                                                       : std::nullopt;
}

// CYCLE: [(LENGTH)] TYPE ADDRESS [DATA]
std::optional<TraceRecord> cycle_first(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !number_of(line.substr(0, colon))) {
    return std::nullopt;
  }
  line.remove_prefix(colon + 1);
  std::string_view word = take_word(line);
  std::uint64_t size_bytes = 1;
  if (word.size() > 2 && word.front() == '(' && word.back() == ')') {
    const auto length = number_of(word.substr(1, word.size() - 2));
    if (!length || *length == 0 || *length > std::numeric_limits<std::uint16_t>::max()) {
      return std::nullopt;
    }
    size_bytes = *length;
    word = take_word(line);
  }
  const auto type = type_of(word, {"read", "write"});
  const auto address = number_of(take_word(line));
  const bool has_data = type == AccessType::kWrite && !take_word(line).empty();
  return has_data || is_rest_blank(line)
             ? access_of(type, address, static_cast<std::uint16_t>(size_bytes))
             : std::nullopt;
}

bool is_comment(std::string_view line) {
  return is_rest_blank(line) || line.front() == '#';
}

// What Valgrind prints between the accesses.
bool is_valgrind_message(std::string_view line) {
  constexpr std::array<std::string_view, 6> kStarts = {"==", "--", "**", "##", "SYSCALL[", " --> "};
  return std::any_of(kStarts.begin(), kStarts.end(),
                     [line](std::string_view start) { return line.starts_with(start); });
}

std::string_view without_carriage_return(std::string_view line) {
  return line.substr(0, line.size() - (line.ends_with('\r') ? 1 : 0));
}

class TextTrace : public ForeignTrace {
 public:
  TextTrace(ByteSource& source, TextForm form, std::span<const std::uint8_t> head)
      : source_(source), form_(form), text_(head.begin(), head.end()), buffer_(kReadBytes) {}

  std::string_view format() const override { return info_of(form_).name; }

  bool next(std::vector<TraceRecord>& records) override {
    records.clear();
    while (records.empty()) {
      if (!take_lines(records) && !read_more(records)) {
        return !records.empty();
      }
    }
    return true;
  }

 private:
  // The complete lines that are here; false when there is none.
  bool take_lines(std::vector<TraceRecord>& records) {
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = text_.find('\n', begin)) != std::string::npos;
         begin = end + 1) {
      take(std::string_view(text_).substr(begin, end - begin), records);
    }
    text_.erase(0, begin);
    return begin != 0;
  }

  // False at the end, after a last line without its end.
  bool read_more(std::vector<TraceRecord>& records) {
    if (text_.size() > kMaxLineBytes) {
      fail(text_);
    }
    const std::size_t got = source_.read(buffer_);
    text_.append(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(got));
    if (got == 0 && !text_.empty()) {
      take(text_, records);
      text_.clear();
    }
    return got != 0;
  }

  void take(std::string_view line, std::vector<TraceRecord>& records) {
    ++num_lines_;
    line = without_carriage_return(line);
    if (is_comment(line)) {
      return;
    }
    if (form_ == TextForm::kLackey) {
      if (const auto access = parse_lackey_line(line)) {
        coalescer_.convert(*access, records);
        return;
      }
      if (is_valgrind_message(line)) {
        return;
      }
    } else if (const auto record = parse_text_access(form_, line)) {
      records.push_back(*record);
      return;
    }
    fail(line);
  }

  [[noreturn]] void fail(std::string_view line) const {
    std::string shown;
    for (const char c : line.substr(0, kShownBytes)) {
      const bool is_printable = c >= ' ' && c <= '~';
      shown += is_printable ? std::string(1, c) : c == '\t' ? "\\t" : "?";
    }
    throw TraceError(
        {.path = source_.path(),
         .offset = num_lines_,
         .found = fmt::format("\"{}{}\"", shown, line.size() > kShownBytes ? "..." : ""),
         .expected = fmt::format("{}, as in the lines before", info_of(form_).example),
         .unit = "line"});
  }

  ByteSource& source_;
  TextForm form_;
  std::string text_;  // not yet taken
  std::vector<std::uint8_t> buffer_;
  std::uint64_t num_lines_ = 0;
  LackeyCoalescer coalescer_;
};

}  // namespace

const TextFormInfo& info_of(TextForm form) {
  return kForms[static_cast<std::size_t>(form)];
}

std::optional<TraceRecord> parse_text_access(TextForm form, std::string_view line) {
  switch (form) {
    case TextForm::kLoadStore:
      return type_first(line, {"LD", "ST"});
    case TextForm::kReadWrite:
      return type_first(line, {"R", "W"});
    case TextForm::kAddress:
      return address_first(line);
    case TextForm::kCycles:
      return cycle_first(line);
    case TextForm::kLackey:
      break;
  }
  return std::nullopt;
}

std::optional<TextForm> find_text_form(std::string_view head) {
  bool is_from_valgrind = false;
  while (!head.empty()) {
    const std::size_t end = std::min(head.find('\n'), head.size());
    const std::string_view line = without_carriage_return(head.substr(0, end));
    head.remove_prefix(std::min(end + 1, head.size()));
    if (is_comment(line)) {
      continue;
    }
    if (is_valgrind_message(line)) {
      is_from_valgrind = true;
      continue;
    }
    if (is_from_valgrind || parse_lackey_line(line)) {
      return TextForm::kLackey;
    }
    for (const TextForm form :
         {TextForm::kLoadStore, TextForm::kReadWrite, TextForm::kAddress, TextForm::kCycles}) {
      if (parse_text_access(form, line)) {
        return form;
      }
    }
    return std::nullopt;
  }
  return is_from_valgrind ? std::optional(TextForm::kLackey) : std::nullopt;
}

std::unique_ptr<ForeignTrace> open_text_trace(ByteSource& source, TextForm form,
                                              std::span<const std::uint8_t> head) {
  return std::make_unique<TextTrace>(source, form, head);
}

}  // namespace nestwalk
