#include "model/sim/bench_streams.h"

#include <algorithm>
#include <array>
#include <limits>
#include <memory>

#include "model/arch/check.h"
#include "model/params/workload.h"
#include "model/workload/generator.h"

namespace nestwalk {

BenchStream make_sequential_stream(Gva first, std::uint64_t num_bytes) {
  return [first, num_bytes, offset = std::uint64_t{0}](std::span<Gva> out) mutable {
    for (Gva& address : out) {
      address = first + offset;
      offset += 8;
      if (offset == num_bytes) {
        offset = 0;
      }
    }
  };
}

BenchStream make_random_stream(Gva first, std::uint64_t num_bytes) {
  WorkloadParams params;
  params.kind = WorkloadKind::kGups;
  params.base_address = first.value();
  params.footprint_bytes = num_bytes;
  params.num_accesses = std::numeric_limits<std::uint64_t>::max();
  std::shared_ptr<Stream> stream = make_stream(params);
  TraceRecord map;
  fatal_unless(stream->next(map) && map.event != nullptr, "a generator maps its region first");
  return [stream](std::span<Gva> out) {
    std::array<TraceRecord, 256> records;
    while (!out.empty()) {
      const std::span<TraceRecord> wanted(records.data(), std::min(out.size(), records.size()));
      const std::size_t count = stream->next_batch(wanted);
      fatal_unless(count != 0, "the benchmark's streams do not end");
      std::transform(wanted.begin(), wanted.begin() + static_cast<std::ptrdiff_t>(count),
                     out.begin(), [](const TraceRecord& record) { return record.address; });
      out = out.subspan(count);
    }
  };
}

}  // namespace nestwalk
