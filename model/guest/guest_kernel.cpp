#include "model/guest/guest_kernel.h"

#include <utility>

#include "model/arch/check.h"

namespace nestwalk {
GuestKernel::GuestKernel(const GuestMachine& machine, FrameAllocator<Gpa> frames)
    : machine_(machine),
      memory_{GuestFrames(std::move(frames), guest_layout(machine.params.format).low_bytes),
              {},
              SwapSpace(machine.params.reclaim.swap_bytes),
              {}} {
  fatal_unless(!find_problem(machine), "a guest kernel is given a machine without problems");
}

bool GuestKernel::boot(BootMemory& memory) {
  const std::optional<KernelHalf> half =
      build_direct_map(memory, memory_.frames,
                       {machine_.params.format, machine_.control,
                        machine_.params.global_kernel_pages, machine_.memory_bytes});
  if (!half) {
    return false;
  }
  kernel_half_ = *half;
  memory_.window_table = half->window_table;
  statistics_.boot_tables = half->num_tables;
  return true;
}

PagingControl GuestKernel::paging_control() const {
  return {true, machine_.params.format, uses_pcid(), machine_.params.global_kernel_pages,
          machine_.control};
}

Cr3Value GuestKernel::boot_cr3() const {
  return {kernel_half_.root, Pcid{0}, false};
}

std::string GuestKernel::shortage() const {
  const bool is_swapping = machine_.params.reclaim.swap_bytes != 0;
  std::string text = "no memory left";
  if (memory_.frames.has_high() && memory_.frames.shortage() == FrameZone::kLow) {
    const std::uint64_t low = guest_layout(machine_.params.format).low_bytes;
    text = "no low memory left for page tables, which a 32-bit kernel keeps in the first " +
           std::to_string(low >> 20) + " MiB,";
  }
  return is_swapping ? text + " and nothing that could go to swap" : text;
}

std::optional<ProcessId> GuestKernel::current(unsigned cpu) const {
  return cpu < current_.size() ? current_[cpu] : std::nullopt;
}

void GuestKernel::set_current(unsigned cpu, std::optional<ProcessId> process) {
  if (cpu >= current_.size()) {
    current_.resize(cpu + 1);
  }
  current_[cpu] = process;
}

CpuSet GuestKernel::cpus_of(ProcessId id) const {
  CpuSet cpus;
  for (unsigned cpu = 0; cpu < current_.size(); ++cpu) {
    if (current_[cpu] == id) {
      cpus.insert(cpu);
    }
  }
  return cpus;
}

const Process& GuestKernel::process(ProcessId id) const {
  const auto it = processes_.find(id);
  fatal_unless(it != processes_.end(), "a process is used between its creation and its end");
  return it->second;
}

Process& GuestKernel::find(ProcessId id) {
  return const_cast<Process&>(process(id));
}

TableEditor GuestKernel::editor(CpuPort& port, Cause cause) {
  return {port, cause, machine_, memory_, statistics_};
}

bool GuestKernel::uses_pcid() const {
  return machine_.params.pcid && format_of(machine_.params.format).sign_extended;
}

bool GuestKernel::is_user_range(Gva start, std::uint64_t length_bytes) const {
  const std::uint64_t user_end = guest_layout(machine_.params.format).user_end;
  return start.offset(kSmallPageBits) == 0 && Gva(length_bytes).offset(kSmallPageBits) == 0 &&
         length_bytes != 0 && length_bytes <= user_end && start.value() <= user_end - length_bytes;
}

}  // namespace nestwalk
