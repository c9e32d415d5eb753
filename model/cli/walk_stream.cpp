#include "model/cli/walk_stream.h"

#include <fmt/format.h>

#include <cstddef>
#include <istream>
#include <ostream>
#include <string_view>

#include "model/cli/walk_answer.h"
#include "model/cli/walk_explain.h"
#include "model/cli/walk_request.h"

namespace nestwalk {

namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 16;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

class RequestStream {
 public:
  RequestStream(const WalkStreamOptions& options, WalkService& service, const Streams& streams)
      : options_(options), service_(service), streams_(streams) {}

  int run() {
    std::string text;
    while (next_line(text)) {
      std::string_view line = text;
      if (++line_number_ == 1 && line.starts_with(kByteOrderMark)) {
        line.remove_prefix(kByteOrderMark.size());
      }
      if (line.ends_with('\r')) {
        line.remove_suffix(1);
      }
      if (line.find_first_not_of(" \t") == std::string_view::npos) {
        continue;
      }
      if (num_lines_ == 0 && line.starts_with("version https://git-lfs")) {
        streams_.err << "nestwalk walk: " << options_.input_name
                     << ": a Git LFS pointer, not the file itself; run `git lfs pull`\n";
        return kExitInput;
      }
      ++num_lines_;
      answer_line(line);
    }
    write_out();
    return report();
  }

 private:
  bool next_line(std::string& text) {
    const bool would_wait = streams_.in.rdbuf()->in_avail() <= 0;
    if (would_wait || out_.size() >= kBufferBytes) {
      write_out();
    }
    return static_cast<bool>(std::getline(streams_.in, text));
  }

  void write_out() {
    streams_.out.write(out_.data(), static_cast<std::streamsize>(out_.size()));
    streams_.out.flush();
    out_.clear();
  }

  void answer_line(std::string_view line) {
    if (const auto error = parse_walk_request(line, request_)) {
      if (num_errors_++ == 0) {
        first_error_ =
            fmt::format("{}:{}:{}: {}{}{}", options_.input_name, line_number_, error->column,
                        error->path, error->path.empty() ? "" : ": ", error->what);
      }
      if (!options_.explain) {
        append_error(out_, *error, line_number_);
      }
      return;
    }
    service_.load(request_.memory);
    const WalkAnswer answer = service_.walk(request_.context, request_.access);
    num_unsupported_ += answer.unsupported.empty() ? 0 : 1;
    if (!options_.explain) {
      append_answer(out_, request_.id, answer);
      return;
    }
    out_ += num_explained_++ == 0 ? "" : "\n";
    out_ += fmt::format("== request {} (line {}) ==\n", request_.id, line_number_);
    out_ += explain_walk(request_.context, request_.access, answer);
  }

  int report() {
    if (num_lines_ == 0) {
      streams_.err << "nestwalk walk: " << options_.input_name
                   << ": no request in it; expected one JSON object per line\n";
      return kExitInput;
    }
    if (streams_.in.bad() || !streams_.out) {
      streams_.err << "nestwalk walk: " << options_.input_name << ": stopped after line "
                   << line_number_ << ": "
                   << (streams_.in.bad() ? "it cannot be read" : "the output cannot be written")
                   << "\n";
      return kExitInput;
    }
    if (num_errors_ != 0) {
      streams_.err << fmt::format(
          "nestwalk walk: {} of {} lines could not be answered; the first:\n  {}\n", num_errors_,
          num_lines_, first_error_);
      return kExitInput;
    }
    if (num_unsupported_ != 0) {
      streams_.err << fmt::format(
          "nestwalk walk: {} of {} requests are not supported by this engine\n", num_unsupported_,
          num_lines_);
      return kExitInput;
    }
    return kExitOk;
  }

  const WalkStreamOptions& options_;
  WalkService& service_;
  const Streams& streams_;
  WalkRequest request_;
  std::string out_;
  std::string first_error_;
  std::size_t line_number_ = 0;
  std::size_t num_lines_ = 0;  // that are not blank
  std::size_t num_errors_ = 0;
  std::size_t num_unsupported_ = 0;
  std::size_t num_explained_ = 0;
};

}  // namespace

int answer_requests(const WalkStreamOptions& options, WalkService& service,
                    const Streams& streams) {
  return RequestStream(options, service, streams).run();
}

}  // namespace nestwalk
