#include "model/params/hypervisor.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kMaxCycles = 10'000'000;

}  // namespace

void describe(VmParams& p, ParameterVisitor& v) {
  v.integer({"memory_bytes", "bytes", "Guest-physical memory, a multiple of 4 KiB, from address 0.",
             std::uint64_t{1} << 20, std::uint64_t{1} << 52},
            p.memory_bytes);
  v.choice({"format", "Format of the host stage's tables.", kHostFormatNames}, p.format);
  v.choice({"backing",
            "Preferred size of the host pages that back guest memory; what does not fit takes the "
            "next smaller one. npt-2level reads 2m as its 4M page.",
            kPageSizeNames},
           p.backing);
  v.boolean({"accessed_dirty", "EPT: let the MMU keep A and D in EPT entries. NPT always does."},
            p.accessed_dirty);
  v.integer({"vcpus", "CPUs",
             "Virtual CPUs; natively the processors of the machine that the kernel uses.", 1, 64},
            p.vcpus);
  v.boolean({"vpid", "Intel: tag the VM's translations, so that they survive exits and entries."},
            p.vpid);
}

void describe(HypervisorParams& p, ParameterVisitor& v) {
  v.integer({"exit_cycles", "cycles",
             "Bare round trip of a VM exit and the entry after it. Measured by VMware (ATC 2012): "
             "Nehalem 1009, Westmere 761, Sandy Bridge 784; assumed: Skylake-SP 1100, Zen 2 1300.",
             0, kMaxCycles},
            p.exit_cycles);
  v.integer({"violation_cycles", "cycles",
             "Software part of serving an EPT violation or nested page fault, without frames, "
             "tables and their clearing. Assumption: all together come to 3000 to 8000 cycles.",
             0, kMaxCycles},
            p.violation_cycles);
  v.integer({"frame_allocation_cycles", "cycles",
             "Taking a host frame of any size for guest memory. Assumption.", 0, kMaxCycles},
            p.frame_allocation_cycles);
  v.integer({"table_allocation_cycles", "cycles",
             "Taking a host frame for a page table. Assumption.", 0, kMaxCycles},
            p.table_allocation_cycles);
  v.integer({"clear_4k_cycles", "cycles",
             "Zeroing 4 KiB of a frame or table. Assumption: 16 bytes a cycle.", 0, kMaxCycles},
            p.clear_4k_cycles);
}

}  // namespace nestwalk
