#include "model/workload/recorder.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "model/workload/child_process.h"
#include "model/workload/lackey.h"
#include "model/workload/region_map.h"
#include "model/workload/trace_error.h"
#include "model/workload/trace_writer.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kMaxStackBytes = std::uint64_t{8} << 20;  // Linux's default limit
constexpr std::size_t kReadBytes = std::size_t{64} << 10;         // of one pipe
constexpr std::uint64_t kAccessesPerCall = 1000000;

std::uint64_t stack_limit_bytes() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_STACK, &limit) == 0
             ? std::min<std::uint64_t>(limit.rlim_cur, kMaxStackBytes)
             : kMaxStackBytes;
}

// As a shell would need it.
std::string quoted(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    const bool is_plain =
        !word.empty() && word.find_first_of(" \t\n\"'\\$&|;<>()*?[]#~`") == std::string::npos;
    text += fmt::format("{}{}", text.empty() ? "" : " ", is_plain ? word : "'" + word + "'");
  }
  return text;
}

bool is_program(const std::string& path) {
  return ::access(path.c_str(), X_OK) == 0;
}

bool can_find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    return is_program(name);
  }
  const char* variable = std::getenv("PATH");
  std::string_view path = variable == nullptr ? "/usr/bin:/bin" : variable;
  while (true) {
    const std::size_t end = std::min(path.find(':'), path.size());
    if (is_program(fmt::format("{}/{}", path.substr(0, end), name))) {
      return true;
    }
    if (end == path.size()) {
      return false;
    }
    path.remove_prefix(end + 1);
  }
}

[[noreturn]] void fail(std::string path, std::string found, std::string expected) {
  throw TraceError({.path = std::move(path),
                    .offset = 0,
                    .found = std::move(found),
                    .expected = std::move(expected)});
}

std::vector<std::string> valgrind_arguments(const RecordOptions& options, int log_fd) {
  std::vector<std::string> words = {
      "--command-line-only=yes",  // no options from files or the environment
      "--tool=lackey",
      "--trace-mem=yes",
      "--vgdb=no",
      "--child-silent-after-fork=yes",  // a forked child would write into the same pipe
      fmt::format("--log-fd={}", log_fd),
      "--",
  };
  words.insert(words.end(), options.command.begin(), options.command.end());
  return words;
}

class Recording {
 public:
  Recording(const RecordOptions& options, const RecordCallback& callback)
      : options_(options),
        callback_(callback),
        writer_(options.output_path, {.command = quoted(options.command),
                                      .source = "valgrind lackey",
                                      .compression_level = options.compression_level}),
        child_(options.valgrind,
               [&options](int log_fd) { return valgrind_arguments(options, log_fd); }),
        read_maps_([this] { return child_.maps(); }) {}

  RecordResult run() {
    std::vector<char> buffer(kReadBytes);
    while (!result_.stopped_early) {
      const std::optional<std::size_t> got = child_.read(buffer);
      if (!got) {  // a signal: whoever catches it answers through the callback
        result_.stopped_early = !goes_on();
        continue;
      }
      if (*got == 0) {
        break;
      }
      take(std::string_view(buffer.data(), *got));
    }
    end();
    return result_;
  }

 private:
  void take(std::string_view text) {
    lines_.clear();
    records_.clear();
    parser_.feed(text, lines_);
    for (const LackeyLine& line : lines_) {
      coalescer_.convert(line, records_);
    }
    for (const TraceRecord& record : records_) {
      if (options_.max_accesses != 0 && writer_.num_accesses() == options_.max_accesses) {
        result_.stopped_early = true;
        return;
      }
      append(record);
      if (writer_.num_accesses() % kAccessesPerCall == 0 && !goes_on()) {
        result_.stopped_early = true;
        return;
      }
    }
  }

  void append(const TraceRecord& record) {
    if (!regions_) {
      regions_.emplace(child_.maps());
    }
    if (!has_stack_ && record.type != AccessType::kFetch) {
      has_stack_ = true;
      regions_->mark_stack(record.address, stack_limit_bytes(), read_maps_);
    }
    regions_->touch(record, read_maps_);
    writer_.append(record);
    result_.num_instructions += record.num_instructions;
  }

  bool goes_on() {
    return !callback_ || callback_({.num_accesses = writer_.num_accesses(),
                                    .num_instructions = result_.num_instructions,
                                    .file_bytes = writer_.file_bytes()});
  }

  void end() {
    if (result_.stopped_early) {
      child_.kill();
      child_.wait();
    } else {
      const int status = child_.wait();
      result_.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
      result_.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
      if (!regions_) {
        fail(options_.command.front(), "no access at all",
             fmt::format("a program that {} can run (its message is above)", options_.valgrind));
      }
      TraceEvent exit;
      exit.kind = TraceEventKind::kExit;
      TraceRecord record;
      record.event = &exit;
      record.num_instructions = coalescer_.num_pending_instructions();
      writer_.append(record);
      result_.num_instructions += record.num_instructions;
    }
    const std::vector<Region> regions = regions_ ? regions_->regions() : std::vector<Region>{};
    writer_.finish(regions);
    result_.num_accesses = writer_.num_accesses();
    result_.file_bytes = writer_.file_bytes();
    result_.num_regions = regions.size();
    result_.num_added_regions = regions_ ? regions_->num_added() : 0;
    result_.num_widened_regions = regions_ ? regions_->num_widened() : 0;
  }

  const RecordOptions& options_;
  const RecordCallback& callback_;
  TraceWriter writer_;
  ChildProcess child_;
  RegionMap::MapsReader read_maps_;
  LackeyParser parser_;
  LackeyCoalescer coalescer_;
  std::vector<LackeyLine> lines_;
  std::vector<TraceRecord> records_;
  std::optional<RegionMap> regions_;
  bool has_stack_ = false;
  RecordResult result_;
};

}  // namespace

RecordResult record_program(const RecordOptions& options, const RecordCallback& callback) {
  if (options.command.empty()) {
    fail(options.output_path, "no command to record", "COMMAND after --");
  }
  if (!can_find_program(options.command.front())) {
    fail(options.command.front(), "no such program", "a program, as a path or in PATH");
  }
  if (!can_find_program(options.valgrind)) {
    fail(options.valgrind, "no such program",
         "Valgrind, which records programs: apt-get install valgrind");
  }
  std::optional<Recording> recording;
  try {
    recording.emplace(options, callback);
  } catch (const std::system_error& error) {  // not the file: that is a TraceError
    std::remove(options.output_path.c_str());
    fail(options.valgrind, error.what(), "a program that starts");
  }
  try {
    return recording->run();
  } catch (...) {
    std::remove(options.output_path.c_str());  // ours: it did not exist before
    throw;
  }
}

}  // namespace nestwalk
