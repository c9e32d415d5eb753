// A workload as the platform sees it: a stream of accesses and events, whatever produces it (a
// generator, a trace file). Records come in batches, so that the loop over accesses pays no virtual
// call for each.
//
//   std::array<TraceRecord, 1024> batch;
//   while (const std::size_t count = stream->next_batch(batch)) {
//     for (const TraceRecord& record : std::span(batch).first(count)) {
//       if (record.event != nullptr) apply(*record.event); else access(record);
//     }
//   }
//
// Not for page tables or physical memory: a stream knows guest-virtual addresses only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/arch/access.h"
#include "model/arch/address.h"

namespace nestwalk {

enum class TraceEventKind : std::uint8_t {
  kMap,            // start, length, rights, name
  kUnmap,          // start, length
  kProtect,        // start, length, rights
  kBreak,          // start: the new end of the data segment; length: how long it is now
  kFork,           // target_process: the child
  kExec,           // name: the program; drops every region of the process
  kExit,           // the process has ended
  kSwitchProcess,  // target_process: who runs next
};
inline constexpr unsigned kNumTraceEventKinds = 8;
inline constexpr std::array<std::string_view, kNumTraceEventKinds> kTraceEventKindNames = {
    "map", "unmap", "protect", "break", "fork", "exec", "exit", "switch_process"};
constexpr std::string_view name_of(TraceEventKind kind) {
  return kTraceEventKindNames[static_cast<unsigned>(kind)];
}

// What a region permits.
struct RegionRights {
  bool read = true;
  bool write = false;
  bool execute = false;
  friend constexpr bool operator==(const RegionRights&, const RegionRights&) = default;
};

// A contiguous part of an address space, whole 4K pages.
struct Region {
  Gva start;
  std::uint64_t length_bytes = 0;
  RegionRights rights;
  std::string name;  // a file name, or [stack], [heap], [anonymous] ...
  friend bool operator==(const Region&, const Region&) = default;

  [[nodiscard]] bool contains(Gva address) const {
    return address.value() - start.value() < length_bytes;
  }
};

struct TraceEvent {
  TraceEventKind kind = TraceEventKind::kMap;
  Region region;  // the fields that the kind names; the rest as constructed
  std::uint32_t target_process = 0;
  friend bool operator==(const TraceEvent&, const TraceEvent&) = default;
};

// One item of a stream: an event when `event` is set, else an access.
struct TraceRecord {
  Gva address;                        // access
  const TraceEvent* event = nullptr;  // owned by the stream, valid until its next call
  // Instructions begun since the record before this one, the one that makes this access included.
  // The sum over a stream is the number of instructions that ran.
  std::uint64_t num_instructions = 0;
  std::uint32_t process = 0;
  std::uint16_t size_bytes = 0;         // access
  AccessType type = AccessType::kRead;  // access
};

class Stream {
 public:
  virtual ~Stream() = default;

  // Fills the front of `out` and returns how many records it wrote; 0 only at the end of the
  // stream. May write fewer than fit before the end. Throws TraceError on a bad trace.
  [[nodiscard]] virtual std::size_t next_batch(std::span<TraceRecord> out) = 0;
  // Back to the first record; the same records follow again.
  virtual void rewind() = 0;
  // A second stream at the same place, independent from here on.
  [[nodiscard]] virtual std::unique_ptr<Stream> clone() const = 0;
  // How many accesses the whole stream has, where that is known: for a progress line.
  [[nodiscard]] virtual std::optional<std::uint64_t> num_accesses() const = 0;

  // One record, for tests and tools; false at the end.
  [[nodiscard]] bool next(TraceRecord& record) { return next_batch({&record, 1}) == 1; }

 protected:
  Stream() = default;
  Stream(const Stream&) = default;
  Stream& operator=(const Stream&) = default;
};

}  // namespace nestwalk
