// What software and hardware do to translation, one record each: who was entered, who wrote which
// table, what was flushed. A virtual CPU writes it; with no sink behind it a record costs one
// branch and is not even made.
//
//   VectorSoftwareLog log;
//   run.execute({.log = &log});
//   for (const LogRecord& record : log.records()) puts(json_line(record).c_str());
//
// Not for: single steps of a walk (Event), sums (statistics, Ledger).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nestwalk {

enum class LogActor : std::uint8_t { kUser, kGuestKernel, kHypervisor, kHardware };
inline constexpr std::array<std::string_view, 4> kLogActorNames = {"user", "guest kernel",
                                                                   "hypervisor", "hardware"};
constexpr std::string_view name_of(LogActor actor) {
  return kLogActorNames[static_cast<unsigned>(actor)];
}

enum class LogKind : std::uint8_t {
  kSystemCall,     // of the current process; cause: which, address: of its range
  kSwitch,         // the guest kernel goes to another process
  kPageFault,      // delivered to the guest kernel; cause: the access, address: GVA, value: code
  kHandlerEnd,     // of the guest kernel; cause: the outcome
  kVmExit,         // cause: why; address: GVA of a page fault, GPA of a fault of the host stage
  kVmEntry,        // cycles: since the exit
  kTableWrite,     // address of the entry: GPA in a guest table that the guest writes, else HPA
  kAccessedDirty,  // the walker sets A or D; address: HPA of the entry
  kInvalidation,   // cause: the operation; address: its operand; count: entries dropped
  kFrameZeroed,    // address: GPA (guest kernel) or HPA; count: bytes
  kFrameCopied,    // the same, of the copy
};
inline constexpr std::array<std::string_view, 11> kLogKindNames = {
    "system_call", "switch",         "page_fault",   "handler_end",  "vm_exit",     "vm_entry",
    "table_write", "accessed_dirty", "invalidation", "frame_zeroed", "frame_copied"};
constexpr std::string_view name_of(LogKind kind) {
  return kLogKindNames[static_cast<unsigned>(kind)];
}

// Whose table an entry stands in.
enum class LogTable : std::uint8_t { kNone, kGuest, kHost, kShadow };
inline constexpr std::array<std::string_view, 4> kLogTableNames = {"none", "guest", "host",
                                                                   "shadow"};
constexpr std::string_view name_of(LogTable table) {
  return kLogTableNames[static_cast<unsigned>(table)];
}

// What the next store through a port writes; whoever keeps tables says so before it stores.
struct TableNote {
  LogTable table = LogTable::kNone;
  unsigned level = 0;
};

struct LogRecord {
  std::uint64_t cycle = 0;  // of the core
  std::uint32_t core = 0;
  std::uint32_t vm = 0;
  std::uint32_t process = 0;  // as the ledger numbers them; 0: none yet
  LogActor actor = LogActor::kUser;
  LogKind kind = LogKind::kSystemCall;
  std::string_view cause;  // a constant
  TableNote table;         // kTableWrite, kAccessedDirty
  std::uint64_t address = 0;
  std::uint64_t old_value = 0;  // table writes
  std::uint64_t value = 0;      // table writes: the new word
  std::uint64_t count = 0;
  std::uint64_t cycles = 0;  // kHandlerEnd, kVmEntry: how long it took
};

// One JSON object, without a line end; what a kind does not use is left out.
[[nodiscard]] std::string json_line(const LogRecord& record);

class SoftwareLog {
 public:
  virtual ~SoftwareLog() = default;
  virtual void record(const LogRecord& record) = 0;
};

// Keeps everything.
class VectorSoftwareLog : public SoftwareLog {
 public:
  void record(const LogRecord& record) override { records_.push_back(record); }
  [[nodiscard]] const std::vector<LogRecord>& records() const { return records_; }

 private:
  std::vector<LogRecord> records_;
};

}  // namespace nestwalk
