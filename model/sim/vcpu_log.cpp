#include "model/sim/vcpu_log.h"

#include <optional>

namespace nestwalk {

LogRecord VcpuLog::record(const CoreSlot& slot, LogActor actor, LogKind kind) const {
  LogRecord r;
  r.cycle = slot.core.now_cycles();
  r.core = slot.index;
  r.vm = vm_;
  r.process = slot.book.key().process;
  r.actor = actor;
  r.kind = kind;
  return r;
}

void VcpuLog::exit(const CoreSlot& slot, std::string_view cause, std::uint64_t address) {
  if (!is_on() || hypervisor_ == nullptr) {
    return;
  }
  LogRecord r = record(slot, LogActor::kHardware, LogKind::kVmExit);
  r.cause = cause;
  r.address = address;
  is_outside_ = true;
  exit_cycle_ = r.cycle;
  log_->record(r);
}

void VcpuLog::entry(const CoreSlot& slot) {
  if (!is_on()) {
    return;
  }
  LogRecord r = record(slot, LogActor::kHypervisor, LogKind::kVmEntry);
  r.cycles = exit_cycle_ ? r.cycle - *exit_cycle_ : 0;
  is_outside_ = false;
  log_->record(r);
}

std::uint64_t VcpuLog::word(Hpa address, unsigned bytes) const {
  return is_on() && platform_.memory().contains(address, bytes)
             ? platform_.memory().read(address, bytes)
             : 0;
}

std::uint64_t VcpuLog::word(Gpa address, unsigned bytes) const {
  if (!is_on()) {
    return 0;
  }
  const std::optional<Hpa> hpa = hypervisor_ == nullptr
                                     ? identity(address)
                                     : hypervisor_->translate(platform_.memory(), vm_id_, address);
  return hpa ? word(*hpa, bytes) : 0;
}

void VcpuLog::write(const CoreSlot& slot, const Write& write) {
  if (!is_on()) {
    return;
  }
  LogRecord r = record(slot, software(), LogKind::kTableWrite);
  r.table = write.table;
  r.address = write.address;
  r.old_value = write.old_value;
  r.value = write.value;
  log_->record(r);
}

// A VM entry or exit that drops nothing, as with VPIDs, is no news.
void VcpuLog::invalidation(const CoreSlot& slot, const Invalidation& operation,
                           std::uint64_t num_dropped) {
  const bool is_transition = operation.op == InvalidateOp::kVmTransition;
  if (!is_on() || (is_transition && num_dropped == 0)) {
    return;
  }
  LogRecord r =
      record(slot, is_transition ? LogActor::kHardware : software(), LogKind::kInvalidation);
  r.cause = name_of(operation.op);
  r.address = operation.address.value();
  r.count = num_dropped;
  log_->record(r);
}

void VcpuLog::frame(const CoreSlot& slot, LogKind kind, std::uint64_t address,
                    std::uint64_t num_bytes) {
  if (!is_on()) {
    return;
  }
  LogRecord r = record(slot, software(), kind);
  r.address = address;
  r.count = num_bytes;
  log_->record(r);
}

void VcpuLog::begin(const CoreSlot& slot, LogKind kind, std::string_view cause,
                    std::uint64_t address, std::uint64_t value) {
  if (!is_on()) {
    return;
  }
  const LogActor actor = kind == LogKind::kSystemCall  ? LogActor::kUser
                         : kind == LogKind::kPageFault ? LogActor::kHardware
                                                       : LogActor::kGuestKernel;
  LogRecord r = record(slot, actor, kind);
  r.cause = cause;
  r.address = address;
  r.value = value;
  begin_cycle_ = r.cycle;
  log_->record(r);
}

void VcpuLog::end(const CoreSlot& slot, std::string_view outcome) {
  if (!is_on()) {
    return;
  }
  LogRecord r = record(slot, LogActor::kGuestKernel, LogKind::kHandlerEnd);
  r.cause = outcome;
  r.cycles = r.cycle - begin_cycle_;
  log_->record(r);
}

}  // namespace nestwalk
