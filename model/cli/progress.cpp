#include "model/cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <ostream>

namespace nestwalk {

bool is_terminal(int file_descriptor) {
  return isatty(file_descriptor) == 1;
}

void ProgressLine::show(std::string_view label, std::uint64_t done,
                        std::optional<std::uint64_t> total) {
  if (!is_on_) {
    return;
  }
  const Clock::time_point now = Clock::now();
  if (now - last_ < std::chrono::milliseconds(100)) {
    return;
  }
  last_ = now;
  is_shown_ = true;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  std::string text = fmt::format("{}: {:.1f} M accesses", label, static_cast<double>(done) / 1e6);
  if (total && *total != 0 && done <= *total) {
    const double left = rate > 0 ? static_cast<double>(*total - done) / rate : 0;
    text += fmt::format(
        " of {:.1f} M ({:.0f} %), {:.1f} M/s, {:.0f} s left", static_cast<double>(*total) / 1e6,
        100.0 * static_cast<double>(done) / static_cast<double>(*total), rate / 1e6, left);
  } else {
    text += fmt::format(", {:.1f} M/s", rate / 1e6);
  }
  out_ << "\r\x1b[K" << text << std::flush;
}

void ProgressLine::clear() {
  if (is_shown_) {
    out_ << "\r\x1b[K" << std::flush;
    is_shown_ = false;
  }
}

}  // namespace nestwalk
