// What every process of a trace has mapped at a place in its stream.
//
//   TraceRegions regions;
//   for each record: if (record.event != nullptr) regions.apply(record);
//   regions.processes().at(0).regions.regions();
//
// Not for what an operating system does with the pages.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "model/workload/region_map.h"
#include "model/workload/stream.h"

namespace nestwalk {

struct TracedProcess {
  std::string program;  // of its last exec in the stream; the first program has no name there
  RegionMap regions;
};

class TraceRegions {
 public:
  // The event of a record.
  void apply(const TraceRecord& record);
  // Alive, by number. A process is alive from its fork or its first event on, until it exits.
  [[nodiscard]] const std::map<std::uint32_t, TracedProcess>& processes() const {
    return processes_;
  }

 private:
  std::map<std::uint32_t, TracedProcess> processes_;
};

}  // namespace nestwalk
