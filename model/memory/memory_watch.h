// Tells of every write to chosen ranges of a SparseMemory.
//
//   MemoryWatch watch;
//   watch.add(table, 4096, [&](Hpa address, std::uint64_t num_bytes) { ... });
//   memory.set_observer(&watch);
//
// A write that touches several watched ranges, or one range twice registered, is told to each.
// Not for: reads, and writes through pointers to a page (DMI), which no observer sees.
#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include "model/arch/address.h"
#include "model/memory/memory_observer.h"

namespace nestwalk {

class MemoryWatch : public MemoryObserver {
 public:
  // What was written, uncut: it may reach beyond the watched range.
  using Callback = std::function<void(Hpa address, std::uint64_t num_bytes)>;
  using Handle = std::uint64_t;

  // The returned handle takes the range off again. Neither is allowed within a callback.
  Handle add(Hpa first, std::uint64_t num_bytes, Callback callback);
  void remove(Handle handle);
  [[nodiscard]] std::size_t num_ranges() const { return ranges_.size(); }

  void on_write(Hpa address, std::uint64_t num_bytes) override;

 private:
  struct Range {
    std::uint64_t end = 0;
    Handle handle = 0;
    Callback callback;
  };

  std::multimap<std::uint64_t, Range> ranges_;  // by first address
  std::uint64_t longest_bytes_ = 0;             // of all ranges ever added
  Handle last_handle_ = 0;
};

}  // namespace nestwalk
