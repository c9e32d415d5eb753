// Memory traces as lines of text. The first line that is an access says which of the forms below
// the file has; then every line has that form. Empty lines and those that begin with # are passed
// over, line ends may be those of Windows.
//
//   parse_text_access(TextForm::kLoadStore, "LD 0x1000");
//
//   lackey       I  04001000,3   or   " S 1fff000688,8" (L, S, M); other lines of Valgrind between
//   load-store   LD 0x1000       or   ST 4096
//   read-write   R 0x1000        or   W 0x1000
//   address      0x1000 R        or   0x1000 W
//   cycles       12: read 0x1000 or   12: (64) write 0x1000 DATA
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "model/workload/foreign_trace.h"

namespace nestwalk {

enum class TextForm : std::uint8_t { kLackey, kLoadStore, kReadWrite, kAddress, kCycles };
inline constexpr unsigned kNumTextForms = 5;

struct TextFormInfo {
  std::string_view name;
  std::string_view example;
};
[[nodiscard]] const TextFormInfo& info_of(TextForm form);

// Not for kLackey, whose lines are those of lackey.h. Nothing when the line has another form.
[[nodiscard]] std::optional<TraceRecord> parse_text_access(TextForm form, std::string_view line);

// The form of the first access among these bytes.
[[nodiscard]] std::optional<TextForm> find_text_form(std::string_view head);

// `head` is what has been read from the source already.
[[nodiscard]] std::unique_ptr<ForeignTrace> open_text_trace(ByteSource& source, TextForm form,
                                                            std::span<const std::uint8_t> head);

}  // namespace nestwalk
