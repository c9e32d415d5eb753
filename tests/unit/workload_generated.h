// What tests of generators share: parameters that are small but reach every part of each algorithm,
// and streams as lists of addresses.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "model/params/workload.h"
#include "model/workload/generator.h"
#include "tests/unit/workload_temp.h"

namespace nestwalk {

// Everything that is generated: phases too, not traces.
inline std::vector<WorkloadKind> generated_kinds() {
  std::vector<WorkloadKind> kinds;
  for (std::size_t i = 0; i < kNumGeneratorKinds; ++i) {
    kinds.push_back(static_cast<WorkloadKind>(i));
  }
  kinds.push_back(WorkloadKind::kPhases);
  return kinds;
}

inline PhaseParams phase_of(WorkloadKind kind, std::uint64_t num_accesses) {
  PhaseParams phase;
  phase.kind = kind;
  phase.num_accesses = num_accesses;
  return phase;
}

// Small enough that joins, searches and passes over arrays end several times within 100,000
// records.
inline WorkloadParams small_workload(WorkloadKind kind) {
  WorkloadParams p;
  p.kind = kind;
  p.num_accesses = 100000;
  p.footprint_bytes = std::uint64_t{384} << 10;
  p.bfs.scale = 9;
  p.hash_join.build_tuples = 1500;
  p.hash_join.probe_tuples = 4000;
  p.btree.num_keys = 100000;
  p.btree.fanout = 15;
  p.churn.num_regions = 10;
  p.churn.max_region_bytes = std::uint64_t{128} << 10;
  p.churn.accesses_per_region = 100;
  if (kind == WorkloadKind::kPhases) {
    p.phases = {phase_of(WorkloadKind::kGups, 3000), phase_of(WorkloadKind::kHashJoin, 20000),
                phase_of(WorkloadKind::kChurn, 10000), phase_of(WorkloadKind::kStream, 500)};
    p.phases[2].starts_anew = true;
    p.repeat = 3;
  }
  return p;
}

struct GeneratedAccess {
  std::uint64_t address = 0;
  bool is_write = false;
  friend bool operator==(const GeneratedAccess&, const GeneratedAccess&) = default;
};

inline GeneratedAccess read_at(std::uint64_t address) {
  return {address, false};
}
inline GeneratedAccess write_at(std::uint64_t address) {
  return {address, true};
}

inline std::vector<GeneratedAccess> accesses_of(std::span<const OwnedRecord> records) {
  std::vector<GeneratedAccess> accesses;
  for (const OwnedRecord& record : records) {
    if (!record.is_event) {
      accesses.push_back({record.record.address.value(), record.record.type == AccessType::kWrite});
    }
  }
  return accesses;
}

// A stream, and the regions that it maps before its first access.
struct Generated {
  std::vector<OwnedRecord> records;
  std::vector<GeneratedAccess> accesses;
  std::vector<Region> regions;

  explicit Generated(const WorkloadParams& params) : records(read_all(*make_stream(params))) {
    accesses = accesses_of(records);
    for (const OwnedRecord& record : records) {
      if (!record.is_event) {
        break;
      }
      regions.push_back(record.event.region);
    }
  }

  [[nodiscard]] std::uint64_t start_of(const std::string& name) const {
    for (const Region& region : regions) {
      if (region.name == name) {
        return region.start.value();
      }
    }
    return 0;
  }
};

}  // namespace nestwalk
