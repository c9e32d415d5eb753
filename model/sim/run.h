// One simulation from parameters to statistics: builds the platform, the hypervisor and the guests,
// gives the core to the processes in turn, and checks the counter laws at the end. One per process
// (operating-system process): SystemC has one simulation context.
//
//   Run run(params);                        // throws TraceError for a bad trace
//   run.execute({.progress = ..., .is_interrupted = ...});
//   run.statistics().to_json();
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/guest/guest_kernel.h"
#include "model/hypervisor/hypervisor.h"
#include "model/observe/invariants.h"
#include "model/observe/ledger.h"
#include "model/observe/statistics.h"
#include "model/params/run.h"
#include "model/sim/cycle_book.h"
#include "model/sim/platform.h"
#include "model/sim/process_stats.h"
#include "model/sim/task.h"
#include "model/sim/vcpu.h"

namespace nestwalk {

struct RunHooks {
  // Called now and then with the accesses made so far and, where known, of the whole run.
  std::function<void(std::uint64_t done, std::optional<std::uint64_t> total)> progress;
  std::function<bool()> is_interrupted;  // true ends the run after the accesses under way
};

enum class RunEnd : std::uint8_t { kFinished, kInterrupted, kVmStopped };

struct RunResult {
  RunEnd end = RunEnd::kFinished;
  std::string message;                      // kVmStopped: why
  std::vector<std::string> law_violations;  // counter laws that do not hold
};

class Run : private CoreClient {
 public:
  explicit Run(const RunParams& params);
  ~Run() override;

  // Once. Throws TraceError if a trace turns out to be bad on the way.
  RunResult execute(const RunHooks& hooks);

  [[nodiscard]] const StatGroup& statistics() const { return statistics_; }
  [[nodiscard]] Platform& platform() { return platform_; }
  [[nodiscard]] const Ledger& ledger() const { return ledger_; }
  // Faults that no kernel could serve: the access was given up.
  [[nodiscard]] std::uint64_t num_segfaults() const { return num_segfaults_; }

 private:
  struct Machine;  // one guest: kernel, vCPU, tasks

  static constexpr std::size_t kMaxBatch = 1024;

  // CoreClient
  [[nodiscard]] std::span<const CoreAccess> next_batch() override;
  [[nodiscard]] bool serve_fault(const CoreAccess& access, const Fault& fault) override;

  void build();
  void boot(Machine& machine);
  void start_processes();
  [[nodiscard]] bool choose_task();
  void switch_to(std::size_t machine, std::size_t task);
  void settle_current();
  [[nodiscard]] bool fill_batch(Task& task);
  void apply_event(Machine& guest, const Task& task, const TraceEvent& event);
  void stop(RunEnd end, std::string message);
  void register_statistics();
  void report_progress();

  RunParams params_;
  RunHooks hooks_;
  Platform platform_;
  Ledger ledger_;
  CycleBook book_;
  std::optional<Hypervisor> hypervisor_;
  std::vector<std::unique_ptr<Machine>> machines_;
  std::size_t machine_ = 0;  // current
  std::size_t task_ = 0;     // current, in its machine
  bool is_started_ = false;
  std::uint64_t slice_left_ = 0;
  std::uint64_t num_accesses_ = 0;
  std::uint64_t num_segfaults_ = 0;
  std::uint64_t num_vm_switches_ = 0;
  std::optional<std::uint64_t> total_accesses_;
  ProcessStats since_switch_;
  std::vector<CoreAccess> batch_;
  std::exception_ptr error_;
  RunResult result_;
  CounterLaws laws_;
  StatGroup statistics_;
};

}  // namespace nestwalk
