// Whole runs, each in an operating-system process of its own: SystemC has one simulation context
// per process, and a test wants to compare several runs.
//
//   const RunReport report = run_apart(params);
//   report.count("run.cycles");
//
// Call it before the test elaborates anything itself.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/params/run.h"
#include "model/sim/run.h"

namespace nestwalk {

struct IntervalReport {
  std::uint64_t begin_accesses = 0;
  std::uint64_t end_accesses = 0;
  bool is_warmup = false;
  std::string statistics;  // JSON text, the values alone
};

struct RunReport {
  std::string end;  // finished, interrupted, vm_stopped, measured; crashed: the process died
  std::string message;
  std::vector<std::string> law_violations;
  std::vector<std::string> check_violations;  // of a run with check on
  std::vector<std::string> walker_problems;   // of an RTL walker
  std::uint64_t num_segfaults = 0;
  std::uint64_t core_cycles = 0;
  std::uint64_t ledger_cycles = 0;
  std::uint64_t num_pages = 0;        // of host memory with content
  std::uint64_t memory_checksum = 0;  // of that content and where it stands
  std::uint64_t guest_checksum = 0;   // of the memory of all guests, as they see it
  std::string statistics;             // JSON text, of the region of interest
  std::string whole_run;              // JSON text
  std::uint64_t warmup_accesses = 0;
  std::uint64_t measured_accesses = 0;
  std::vector<IntervalReport> intervals;

  // A counter by its dotted name. A name that is not there fails the test.
  [[nodiscard]] std::uint64_t count(const std::string& name) const;
};

// A violation that the translation checker finds, or what watches an RTL walker, fails the test.
RunReport run_apart(const RunParams& params);
// The same on virtual CPUs that make mistakes; what the checker finds is for the test to judge.
RunReport run_apart(const RunParams& params, const VcpuFactory& make_vcpu);

// One VM with one process of GUPS over a few MiB, small enough for thousands of runs.
RunParams small_run();

}  // namespace nestwalk
