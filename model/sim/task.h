// A process of the configuration, and one stream as the scheduler sees it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "model/guest/process.h"
#include "model/sim/process_family.h"
#include "model/sim/process_stats.h"
#include "model/workload/stream.h"

namespace nestwalk {

struct ProcessSlot {
  std::string name;
  std::uint32_t num_threads = 1;
  ProcessId id{};  // from its creation on
};

// A thread: its stream, with the process or processes that it speaks of, and where it stands.
struct Task {
  std::string name;
  std::unique_ptr<Stream> stream;
  std::size_t process_slot = 0;  // of the guest
  std::size_t vcpu = 0;          // that runs it, always the same
  ProcessId process{};           // that runs, or ran last
  ProcessFamily family;          // all that its stream speaks of
  bool is_finished = false;
  ProcessStats stats;

  // Records read from the stream and not yet used.
  std::array<TraceRecord, 1024> records;
  std::size_t next = 0;
  std::size_t count = 0;

  // The next record, or nullptr at the end of the stream.
  [[nodiscard]] const TraceRecord* peek() {
    if (next == count) {
      next = 0;
      count = stream->next_batch(records);
    }
    return count == 0 ? nullptr : &records[next];
  }
};

}  // namespace nestwalk
