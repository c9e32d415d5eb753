// One simulation from parameters to statistics: builds the platform, the hypervisor and the guests,
// gives the cores to the virtual CPUs and these to the processes in turn, and checks the counter
// laws at the end. One per process (operating-system process): SystemC has one simulation context.
//
//   Run run(params);                        // throws TraceError for a bad trace
//   run.execute({.progress = ..., .is_interrupted = ...});
//   run.statistics().to_json();
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/guest/guest_kernel.h"
#include "model/hypervisor/hypervisor.h"
#include "model/hypervisor/switch_policy.h"
#include "model/observe/decision_log.h"
#include "model/observe/invariants.h"
#include "model/observe/ledger.h"
#include "model/observe/software_log.h"
#include "model/observe/statistics.h"
#include "model/params/run.h"
#include "model/sim/checker_probe.h"
#include "model/sim/core_slot.h"
#include "model/sim/platform.h"
#include "model/sim/run_region.h"
#include "model/sim/software_lock.h"
#include "model/sim/task.h"
#include "model/sim/vcpu.h"
#include "model/workload/stream.h"

namespace nestwalk {

class CoreDriver;
class RunWaves;
class UpdateLog;
class WaveFile;

struct RunHooks {
  // Called now and then with the accesses made so far and, where known, of the whole run.
  std::function<void(std::uint64_t done, std::optional<std::uint64_t> total)> progress;
  std::function<bool()> is_interrupted;  // true ends the run after the accesses under way
  RunRegion::OnInterval interval;        // of stats_every_accesses, as soon as it is over
  SoftwareLog* log = nullptr;            // of what software and hardware do; none: off
  WaveFile* waves = nullptr;             // see run_waves.h; none: off
};

// A virtual CPU that waits for a core: of machine m the v-th.
struct VcpuTurn {
  std::size_t machine = 0;
  std::size_t vcpu = 0;
};

enum class RunEnd : std::uint8_t {
  kFinished,  // all workloads have ended
  kInterrupted,
  kVmStopped,
  kMeasured,  // measure_accesses were made
};

struct RunResult {
  RunEnd end = RunEnd::kFinished;
  std::string message;                        // why it ended before its workloads
  std::vector<std::string> law_violations;    // counter laws that do not hold
  std::vector<std::string> check_violations;  // what the translation checker found, in full
  std::vector<std::string> walker_problems;   // what watches the RTL walker found
};

// Makes the virtual CPUs of a run; a test gives one that makes mistakes.
using VcpuFactory = std::function<std::unique_ptr<Vcpu>(Platform&, const Vcpu::Place&)>;

// What stands in for a part of a run; each may be left out.
struct RunParts {
  VcpuFactory make_vcpu;
  // The accesses of a process of a VM, in place of its workload. Both by their number.
  std::function<std::unique_ptr<Stream>(std::size_t vm, std::size_t process)> make_stream;
};

class Run {
 public:
  explicit Run(const RunParams& params, VcpuFactory make_vcpu = {});
  Run(const RunParams& params, RunParts parts);
  ~Run();

  // Once. Throws TraceError if a trace turns out to be bad on the way.
  RunResult execute(const RunHooks& hooks);

  // Of the whole run.
  [[nodiscard]] const StatGroup& statistics() const { return statistics_; }
  [[nodiscard]] const RunRegion& region() const { return region_; }
  [[nodiscard]] Platform& platform() { return platform_; }
  [[nodiscard]] const Ledger& ledger() const { return ledger_; }
  // Of the policies that switch VMs.
  [[nodiscard]] const DecisionLog& decisions() const { return decisions_; }
  // Null natively. VM i of the parameters has the id i.
  [[nodiscard]] const Hypervisor* hypervisor() const {
    return hypervisor_ ? &*hypervisor_ : nullptr;
  }
  // Faults that no kernel could serve: the access was given up.
  [[nodiscard]] std::uint64_t num_segfaults() const;
  // Of the core that was busy longest.
  [[nodiscard]] std::uint64_t num_cycles();

 private:
  friend class CoreDriver;
  struct Machine;  // one guest: kernel, virtual CPUs, tasks

  void build();
  void add_tasks(Machine& guest, const ProcessParams& params);
  void boot(Machine& machine);
  void make_vcpus(Machine& machine);
  void make_drivers();
  void make_checker();
  void connect_log(SoftwareLog& log);
  void connect_waves(WaveFile& file);
  void report_failure();
  void stop(RunEnd end, std::string message);
  void register_statistics(StatGroup& root);
  void audit_shadows();
  void report_progress();
  // Does what is due at this number of accesses. Returns how many more may go to a core before it
  // is called again, at least one and at most `most`.
  [[nodiscard]] std::size_t pass_milestones(CoreSlot& slot, std::size_t most);
  [[nodiscard]] std::uint64_t num_retired();
  [[nodiscard]] StatSnapshot take_snapshot();
  // core_switching.cpp; what policies are told of, since the start.
  [[nodiscard]] IntervalSample counts_of(const Machine& guest);
  [[nodiscard]] std::uint64_t sum_of(std::uint64_t (CoreDriver::*count)() const) const;

  RunParams params_;
  RunParts parts_;
  RunHooks hooks_;
  Platform platform_;
  Ledger ledger_;
  DecisionLog decisions_;
  std::optional<Hypervisor> hypervisor_;
  SoftwareLock hypervisor_lock_;
  std::unique_ptr<CheckerProbe> probe_;  // none: check off
  std::vector<std::unique_ptr<Machine>> machines_;
  std::vector<std::unique_ptr<CoreSlot>> slots_;
  std::vector<std::deque<VcpuTurn>> queues_;  // one, or one for each core
  std::vector<std::unique_ptr<CoreDriver>> drivers_;
  std::vector<std::unique_ptr<UpdateLog>> update_logs_;  // one for each core, with a log
  std::unique_ptr<RunWaves> waves_;                      // none: no waves
  std::optional<std::uint64_t> total_accesses_;
  RunRegion region_;
  RunResult result_;
  CounterLaws laws_;
  StatGroup statistics_;
};

}  // namespace nestwalk
