// An experiment: a question, the runs that answer it, and a table. The root of a file in
// configs/experiments that has the key `experiment`; all keys of a run stand beside it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "model/params/descriptor.h"
#include "model/params/run.h"

namespace nestwalk {

enum class ExperimentKind : std::uint8_t {
  kNone,  // the key is missing
  kFaults,
  kEvents,
  kSwitches,
  kTables,
  kIdle,
  kChurn,
  kEntries,
  kWalk,
  kLedger,
  kHazards,
};
inline constexpr std::array<std::string_view, 11> kExperimentKindNames = {
    "none",  "faults",  "events", "switches", "tables", "idle",
    "churn", "entries", "walk",   "ledger",   "hazards"};

// Kind tables.
struct TableGridParams {
  std::uint32_t max_vms = 4;
  std::uint32_t max_processes = 4;
  std::uint64_t pages_per_process = 600;
};
void describe(TableGridParams& p, ParameterVisitor& v);

// Kind switches.
struct SwitchParams {
  std::uint64_t pages = 64;       // that each process uses in each of its slices
  std::uint32_t slices = 16;      // that are measured, of all processes together
  std::uint32_t warm_slices = 8;  // before
};
void describe(SwitchParams& p, ParameterVisitor& v);

// Kind churn: more work between map and unmap.
struct ChurnSweepParams {
  std::uint64_t max_accesses_per_region = 0;  // 0: none
  std::uint64_t num_regions = 64;             // that are measured
};
void describe(ChurnSweepParams& p, ParameterVisitor& v);

// Kind churn: what was published, and what is asked of the model.
struct ChurnTargetParams {
  double gain = 0;       // nested is faster than shadow by this fraction; 0: nothing is published
  double tolerance = 2;  // factor on it, both ways
};
void describe(ChurnTargetParams& p, ParameterVisitor& v);

struct ExperimentParams {
  ExperimentKind kind = ExperimentKind::kNone;
  RunParams run;
  TableGridParams grid;
  SwitchParams switches;
  ChurnSweepParams sweep;
  ChurnTargetParams published;
};
void describe(ExperimentParams& p, ParameterVisitor& v);

}  // namespace nestwalk
