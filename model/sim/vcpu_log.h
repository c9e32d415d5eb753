// What one virtual CPU tells a SoftwareLog: fills in who and when, keeps on which side of a VM exit
// the software runs. Without a log every call is a test of a pointer.
//
//   VcpuLog log(platform, vm, hypervisor, vm_id);
//   log.connect(&sink);
//   log.exit(slot, "ept_violation", gpa);
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "model/arch/address.h"
#include "model/arch/invalidation.h"
#include "model/hypervisor/hypervisor.h"
#include "model/observe/software_log.h"
#include "model/sim/core_slot.h"

namespace nestwalk {

class VcpuLog {
 public:
  VcpuLog(Platform& platform, std::uint32_t vm, const Hypervisor* hypervisor, VmId vm_id)
      : platform_(platform),
        vm_(vm),
        hypervisor_(hypervisor),
        vm_id_(vm_id),
        is_outside_(hypervisor != nullptr) {}

  void connect(SoftwareLog* log) { log_ = log; }
  [[nodiscard]] bool is_on() const { return log_ != nullptr; }

  void note(const TableNote& note) { note_ = note; }
  [[nodiscard]] TableNote take_note() {
    const TableNote note = note_;
    note_ = {};
    return note;
  }

  // VM exits and entries.
  void exit(const CoreSlot& slot, std::string_view cause, std::uint64_t address = 0);
  void entry(const CoreSlot& slot);

  // The word that is about to be overwritten; 0 without a log.
  [[nodiscard]] std::uint64_t word(Hpa address, unsigned bytes) const;
  [[nodiscard]] std::uint64_t word(Gpa address, unsigned bytes) const;
  struct Write {
    TableNote table;
    std::uint64_t address = 0;
    std::uint64_t old_value = 0;
    std::uint64_t value = 0;
  };
  void write(const CoreSlot& slot, const Write& write);

  void invalidation(const CoreSlot& slot, const Invalidation& operation, std::uint64_t num_dropped);
  void frame(const CoreSlot& slot, LogKind kind, std::uint64_t address, std::uint64_t num_bytes);

  // Of the guest kernel; the end says how long it took since the latest begin.
  void begin(const CoreSlot& slot, LogKind kind, std::string_view cause, std::uint64_t address = 0,
             std::uint64_t value = 0);
  void end(const CoreSlot& slot, std::string_view outcome);

 private:
  [[nodiscard]] LogRecord record(const CoreSlot& slot, LogActor actor, LogKind kind) const;
  // Who runs, when it is software of this virtual CPU.
  [[nodiscard]] LogActor software() const {
    return is_outside_ ? LogActor::kHypervisor : LogActor::kGuestKernel;
  }

  Platform& platform_;
  std::uint32_t vm_;
  const Hypervisor* hypervisor_;  // none: native
  VmId vm_id_;
  SoftwareLog* log_ = nullptr;
  TableNote note_;
  bool is_outside_;  // after an exit, and before the first entry
  std::optional<std::uint64_t> exit_cycle_;
  std::uint64_t begin_cycle_ = 0;
};

}  // namespace nestwalk
