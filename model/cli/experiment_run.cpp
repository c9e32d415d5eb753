#include "model/cli/experiment_run.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <type_traits>
#include <variant>

#include <fmt/format.h>

#include "model/cli/experiment.h"

namespace nestwalk {

namespace {

// A child writes, its parent reads. The names in log records are constants, and a child that was
// forked has them where its parent does.
static_assert(std::is_trivially_copyable_v<LogRecord>);

class ByteWriter {
 public:
  template <class Plain>
  void put(const Plain& value) {
    static_assert(std::is_trivially_copyable_v<Plain>);
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void put_text(const std::string& text) {
    put(text.size());
    bytes += text;
  }
  void put_counts(const StatSnapshot& snapshot, bool with_zeros) {
    std::vector<const StatSnapshot::Statistic*> kept;
    for (const auto& statistic : snapshot.statistics()) {
      const auto* value = std::get_if<std::uint64_t>(&statistic.value);
      if (value != nullptr && (with_zeros || *value != 0)) {
        kept.push_back(&statistic);
      }
    }
    put(kept.size());
    for (const auto* statistic : kept) {
      put_text(statistic->description.name);
      put(std::get<std::uint64_t>(statistic->value));
    }
  }
  std::string bytes;
};

class ByteReader {
 public:
  explicit ByteReader(const std::string& bytes) : bytes_(bytes) {}
  template <class Plain>
  Plain get() {
    Plain value{};
    if (bytes_.size() - at_ < sizeof value) {
      throw ExperimentError("a simulation of the experiment died on its way");
    }
    std::memcpy(&value, bytes_.data() + at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  std::string get_text() {
    const auto size = get<std::size_t>();
    std::string text = bytes_.substr(at_, size);
    at_ += size;
    return text;
  }
  Counts get_counts() {
    Counts counts;
    for (auto left = get<std::size_t>(); left != 0; --left) {
      const std::string name = get_text();
      counts[name] = get<std::uint64_t>();
    }
    return counts;
  }

 private:
  const std::string& bytes_;
  std::size_t at_ = 0;
};

std::string problem_of(const RunResult& result, bool may_violate) {
  if (may_violate) {
    return result.end == RunEnd::kVmStopped ? result.message : std::string();
  }
  if (!result.law_violations.empty()) {
    return "counter law broken: " + result.law_violations.front();
  }
  if (!result.walker_problems.empty()) {
    return "wrong walk: " + result.walker_problems.front();
  }
  if (!result.check_violations.empty()) {
    return "wrong translation: " + result.check_violations.front();
  }
  return result.end == RunEnd::kVmStopped ? result.message : std::string();
}

std::string run_here(const ExperimentJob& job) {
  ByteWriter writer;
  try {
    Run run(job.params, job.parts);
    VectorSoftwareLog log;
    ByteWriter intervals;
    std::size_t num_intervals = 0;
    RunHooks hooks;
    hooks.log = job.has_log ? &log : nullptr;
    hooks.interval = [&](const RunInterval& interval) {
      ++num_intervals;
      intervals.put(log.records().size());
      intervals.put_counts(interval.statistics, false);
    };
    const RunResult result = run.execute(hooks);
    writer.put_text(problem_of(result, job.may_violate));
    writer.put_counts(run.region().statistics(), true);
    writer.put(num_intervals);
    writer.bytes += intervals.bytes;
    writer.put(log.records().size());
    for (const LogRecord& record : log.records()) {
      writer.put(record);
    }
    writer.put(result.check_violations.size() + result.law_violations.size());
    for (const auto& found : {result.check_violations, result.law_violations}) {
      for (const std::string& text : found) {
        writer.put_text(text);
      }
    }
  } catch (const std::exception& error) {
    writer.bytes.clear();
    writer.put_text(error.what());
  }
  return writer.bytes;
}

}  // namespace

std::string bytes_of_child(const std::function<std::string()>& work) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) {
    throw ExperimentError("no pipe for a simulation");
  }
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    const std::string bytes = work();
    std::size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t written = write(ends[1], bytes.data() + done, bytes.size() - done);
      if (written <= 0) {
        _exit(1);
      }
      done += static_cast<std::size_t>(written);
    }
    _exit(0);
  }
  close(ends[1]);
  if (child < 0) {
    close(ends[0]);
    throw ExperimentError("no process for a simulation");
  }
  std::string bytes;
  std::array<char, 65536> buffer{};
  for (ssize_t count = 0; (count = read(ends[0], buffer.data(), buffer.size())) > 0;) {
    bytes.append(buffer.data(), static_cast<std::size_t>(count));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw ExperimentError("a simulation of the experiment died");
  }
  return bytes;
}

std::uint64_t ExperimentRun::count(const std::string& name) const {
  const auto found = counts.find(name);
  if (found == counts.end()) {
    throw ExperimentError("a run has no statistic " + name);
  }
  return found->second;
}

std::uint64_t ExperimentRun::sum(const std::string& name) const {
  const std::size_t mark = name.find('#');
  std::uint64_t sum = 0;
  for (unsigned number = 0;; ++number) {
    const std::string one = name.substr(0, mark) + std::to_string(number) + name.substr(mark + 1);
    const auto found = counts.find(one);
    if (found == counts.end()) {
      return sum;
    }
    sum += found->second;
  }
}

ExperimentRun run_apart(const ExperimentJob& job) {
  const std::string bytes = bytes_of_child([&job] { return run_here(job); });
  ByteReader reader(bytes);
  if (const std::string problem = reader.get_text(); !problem.empty()) {
    throw ExperimentError(
        fmt::format("mode {}: {}", kModeNames[static_cast<unsigned>(job.params.mode)], problem));
  }
  ExperimentRun run;
  run.counts = reader.get_counts();
  for (auto left = reader.get<std::size_t>(); left != 0; --left) {
    run.log_ends.push_back(reader.get<std::size_t>());
    run.intervals.push_back(reader.get_counts());
  }
  for (auto left = reader.get<std::size_t>(); left != 0; --left) {
    run.log.push_back(reader.get<LogRecord>());
  }
  for (auto left = reader.get<std::size_t>(); left != 0; --left) {
    run.violations.push_back(reader.get_text());
  }
  return run;
}

// ---- Scripts ----

class Script::ScriptStream : public Stream {
 public:
  explicit ScriptStream(std::shared_ptr<const Script> script) : script_(std::move(script)) {}

  std::size_t next_batch(std::span<TraceRecord> out) override {
    std::size_t count = 0;
    while (count < out.size() && next_ < script_->items_.size()) {
      const Item& item = script_->items_[next_++];
      out[count] = item.record;
      out[count].event = item.is_event ? &item.event : nullptr;
      ++count;
    }
    return count;
  }
  void rewind() override { next_ = 0; }
  std::unique_ptr<Stream> clone() const override { return std::make_unique<ScriptStream>(*this); }
  std::optional<std::uint64_t> num_accesses() const override { return script_->num_accesses_; }

 private:
  std::shared_ptr<const Script> script_;
  std::size_t next_ = 0;
};

std::unique_ptr<Stream> Script::stream() const {
  return std::make_unique<ScriptStream>(std::make_shared<const Script>(*this));
}

Script& Script::add(const TraceEvent& event) {
  Item item;
  item.is_event = true;
  item.event = event;
  item.record.process = process_;
  items_.push_back(item);
  return *this;
}

Script& Script::add(Gva address, AccessType type) {
  Item item;
  item.record.address = address;
  item.record.num_instructions = 1;
  item.record.process = process_;
  item.record.size_bytes = 8;
  item.record.type = type;
  items_.push_back(item);
  ++num_accesses_;
  return *this;
}

Script& Script::map(Gva start, std::uint64_t num_bytes, bool is_writable) {
  TraceEvent event;
  event.kind = TraceEventKind::kMap;
  event.region = {start, num_bytes, {true, is_writable, false}, "[script]"};
  return add(event);
}

Script& Script::unmap(Gva start, std::uint64_t num_bytes) {
  TraceEvent event;
  event.kind = TraceEventKind::kUnmap;
  event.region = {start, num_bytes, {}, ""};
  return add(event);
}

Script& Script::protect(Gva start, std::uint64_t num_bytes, bool is_writable) {
  TraceEvent event;
  event.kind = TraceEventKind::kProtect;
  event.region = {start, num_bytes, {true, is_writable, false}, ""};
  return add(event);
}

Script& Script::fork(std::uint32_t child) {
  TraceEvent event;
  event.kind = TraceEventKind::kFork;
  event.target_process = child;
  return add(event);
}

Script& Script::switch_to(std::uint32_t process) {
  TraceEvent event;
  event.kind = TraceEventKind::kSwitchProcess;
  event.target_process = process;
  add(event);
  process_ = process;
  return *this;
}

Script& Script::read(Gva address) {
  return add(address, AccessType::kRead);
}

Script& Script::write(Gva address) {
  return add(address, AccessType::kWrite);
}

Script& Script::end_step(std::string name) {
  steps_.push_back({std::move(name), num_accesses_});
  return *this;
}

ExperimentJob with_script(const RunParams& params, const Script& script) {
  ExperimentJob job{params, {}, true};
  job.params.region.stats_every_accesses = 1;
  job.parts.make_stream = [script](std::size_t, std::size_t) { return script.stream(); };
  return job;
}

std::vector<StepResult> steps_of(const Script& script, const ExperimentRun& run) {
  std::vector<StepResult> results;
  std::size_t interval = 0;
  std::size_t record = 0;
  for (const Script::Step& step : script.steps()) {
    StepResult result;
    result.name = step.name;
    for (; interval < step.end; ++interval) {
      for (const auto& [name, count] : run.intervals.at(interval)) {
        result.counts[name] += count;
      }
      for (; record < run.log_ends.at(interval); ++record) {
        result.log.push_back(run.log.at(record));
      }
    }
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace nestwalk
