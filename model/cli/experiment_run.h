// One simulation of an experiment, in a process of its own (SystemC has one simulation a process),
// and what it leaves.
//
//   Script script;
//   script.map(base, 8192).write(base).end_step("first touch");
//   const ExperimentRun run = run_apart(with_script(params, script));
//   run.count("hypervisor.vm0.exits");
//
// Call it before anything is elaborated. Throws ExperimentError if the run does not come to its
// end, or breaks a counter law.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/observe/software_log.h"
#include "model/sim/run.h"
#include "model/workload/stream.h"

namespace nestwalk {

// Counts by dotted name; those of zero may be missing from intervals.
using Counts = std::map<std::string, std::uint64_t>;

struct ExperimentRun {
  Counts counts;                        // of the region of interest
  std::vector<Counts> intervals;        // of stats_every_accesses
  std::vector<LogRecord> log;           // with a log
  std::vector<std::size_t> log_ends;    // of each interval: records made until its end
  std::vector<std::string> violations;  // of a job that may have them: the checker's, the audit's

  [[nodiscard]] std::uint64_t count(const std::string& name) const;  // throws if there is none
  // Over numbered groups: "hypervisor.vm#.exits" for vm0, vm1, ...
  [[nodiscard]] std::uint64_t sum(const std::string& name) const;
};

struct ExperimentJob {
  RunParams params;
  RunParts parts;
  bool has_log = false;
  bool may_violate = false;  // what is found then is a result
};

[[nodiscard]] ExperimentRun run_apart(const ExperimentJob& job);
// The bytes that `work` returns in a child; throws ExperimentError if it dies.
[[nodiscard]] std::string bytes_of_child(const std::function<std::string()>& work);

// What a process, and the processes that it forks, do: accesses and system calls in order, in
// steps. Each step ends with an access.
class Script {
 public:
  Script& map(Gva start, std::uint64_t num_bytes, bool is_writable = true);
  Script& unmap(Gva start, std::uint64_t num_bytes);
  Script& protect(Gva start, std::uint64_t num_bytes, bool is_writable);
  Script& fork(std::uint32_t child);
  Script& switch_to(std::uint32_t process);
  Script& read(Gva address);
  Script& write(Gva address);
  Script& end_step(std::string name);

  struct Step {
    std::string name;
    std::size_t end = 0;  // accesses made until its end
  };
  [[nodiscard]] const std::vector<Step>& steps() const { return steps_; }
  [[nodiscard]] std::unique_ptr<Stream> stream() const;

 private:
  struct Item {
    bool is_event = false;
    TraceEvent event;
    TraceRecord record;
  };
  class ScriptStream;
  Script& add(const TraceEvent& event);
  Script& add(Gva address, AccessType type);

  std::vector<Item> items_;
  std::vector<Step> steps_;
  std::uint32_t process_ = 0;
  std::size_t num_accesses_ = 0;
};

// Every process runs the script; with a log, and statistics of each access.
[[nodiscard]] ExperimentJob with_script(const RunParams& params, const Script& script);

// Of one step: its records and the sum of its intervals.
struct StepResult {
  std::string name;
  std::vector<LogRecord> log;
  Counts counts;
  [[nodiscard]] std::uint64_t count(const std::string& name_of_count) const {  // 0 if missing
    const auto found = counts.find(name_of_count);
    return found == counts.end() ? 0 : found->second;
  }
};
[[nodiscard]] std::vector<StepResult> steps_of(const Script& script, const ExperimentRun& run);

}  // namespace nestwalk
