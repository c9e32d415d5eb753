#include "model/params/hypervisor.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kMaxCycles = 10'000'000;

}  // namespace

void describe(HostEventParams& p, ParameterVisitor& v) {
  constexpr std::uint64_t kMaxAccesses = std::uint64_t{1} << 62;
  v.integer({"at_accesses", "accesses", "When: after so many accesses of the VM's processes.", 0,
             kMaxAccesses},
            p.at_accesses);
  v.integer({"every_accesses", "accesses", "Again and again after so many more; 0: once.", 0,
             kMaxAccesses},
            p.every_accesses);
  v.choice({"do", "What the hypervisor does.", kHostActionNames}, p.action);
  v.integer({"start", "bytes",
             "Guest-physical start of the range. Balloon and reclaim choose pages themselves.", 0,
             std::uint64_t{1} << 52},
            p.start);
  v.integer(
      {"length_bytes", "bytes",
       "Length of the range; for a balloon and reclaim how much memory. 0: to the end of guest "
       "memory.",
       0, std::uint64_t{1} << 52},
      p.length_bytes);
}

void describe(ShadowParams& p, ParameterVisitor& v) {
  v.choice({"sync",
            "When the shadow follows a write to a last-level guest table: at once, by emulating "
            "the write, or when the guest flushes. Other tables are always followed at once.",
            kShadowSyncNames},
           p.sync);
  v.integer({"max_tables", "tables",
             "Shadow tables kept at a time; the one unused longest gives way. At least 8 and 2 for "
             "each virtual CPU.",
             8, 1U << 20},
            p.max_tables);
  v.integer({"flood_writes", "writes",
             "So many emulated writes to a guest table, with no fault through it in between, drop "
             "its shadows. 0: never. KVM: 3.",
             0, 1U << 20},
            p.flood_writes);
}

void describe(VmParams& p, ParameterVisitor& v) {
  v.integer({"memory_bytes", "bytes", "Guest-physical memory, a multiple of 4 KiB, from address 0.",
             std::uint64_t{1} << 20, std::uint64_t{1} << 52},
            p.memory_bytes);
  v.choice({"paging",
            "Who merges the two stages: the MMU, walk by walk, or the hypervisor, in a shadow "
            "table. The host stage's tables exist in both.",
            kPagingNames},
           p.paging);
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
  v.choice({"dirty_log_method",
            "How a dirty log notices writes. dirty_bits needs EPT with accessed_dirty, or NPT; "
            "without, write_protect takes its place.",
            kDirtyLogMethodNames},
           p.dirty_log_method);
  v.boolean({"dirty_log_splits_pages",
             "Split large host pages while their range is logged, so that the log tells pages of "
             "4 KiB apart."},
            p.dirty_log_splits_pages);
  v.choice({"migration", "What keeps the guest from writing to a page while it moves.",
            kMigrationMethodNames},
           p.migration);
  v.integer({"resident_limit_bytes", "bytes",
             "Host memory that may back the VM; what is more is swapped out. 0: no limit.", 0,
             std::uint64_t{1} << 52},
            p.resident_limit_bytes);
  v.integer({"reclaim_batch_pages", "pages",
             "Pages of 4 KiB that are swapped out at a time when the VM is at its limit.", 1,
             std::uint64_t{1} << 20},
            p.reclaim_batch_pages);
  v.list({"host_events", "What the hypervisor does to the VM's memory, and when."}, p.host_events);
  v.group({"shadow", "paging shadow: how the shadow is kept."}, p.shadow);
  v.group({"switch", "Switching between nested and shadow paging."}, p.switching);
}

void describe(ShadowCosts& p, ParameterVisitor& v) {
  v.integer({"fault_cycles", "cycles",
             "Walking the guest's tables in software after a page fault and deciding what it is. "
             "Assumption: all parts of a shadow fault, its exits included, come to the 28000 to "
             "30000 cycles that Wang et al. (VEE 2011) measured.",
             0, kMaxCycles},
            p.fault_cycles);
  v.integer({"fill_cycles", "cycles", "Finding the shadow entry and what to put there. Assumption.",
             0, kMaxCycles},
            p.fill_cycles);
  v.integer({"reflect_cycles", "cycles",
             "Handing a page fault of the guest's own to the guest. Assumption.", 0, kMaxCycles},
            p.reflect_cycles);
  v.integer(
      {"emulation_cycles", "cycles",
       "Decoding and carrying out a write to a protected guest table. Assumption.", 0, kMaxCycles},
      p.emulation_cycles);
  v.integer({"protection_cycles", "cycles",
             "Finding the writable mappings of a guest table that comes under protection. "
             "Assumption.",
             0, kMaxCycles},
            p.protection_cycles);
  v.integer({"unsync_cycles", "cycles", "Letting a last-level table out of sync. Assumption.", 0,
             kMaxCycles},
            p.unsync_cycles);
  v.integer({"sync_cycles", "cycles",
             "Comparing a table that is out of sync with the guest's. Assumption.", 0, kMaxCycles},
            p.sync_cycles);
  v.integer({"zap_cycles", "cycles", "Dropping one shadow table. Assumption.", 0, kMaxCycles},
            p.zap_cycles);
  v.integer({"root_cycles", "cycles",
             "Choosing a root at a load of CR3 or a change of the paging mode. Assumption.", 0,
             kMaxCycles},
            p.root_cycles);
  v.integer({"intercept_cycles", "cycles",
             "Carrying out an INVLPG or INVPCID for the guest. Assumption.", 0, kMaxCycles},
            p.intercept_cycles);
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
  v.integer({"copy_4k_cycles", "cycles",
             "Copying 4 KiB from frame to frame. Assumption: 8 bytes a cycle.", 0, kMaxCycles},
            p.copy_4k_cycles);
  v.integer({"page_update_cycles", "cycles",
             "Software part of changing the entry of one page in a log, balloon, split, merge, "
             "reclaim or migration. Assumption.",
             0, kMaxCycles},
            p.page_update_cycles);
  v.integer({"swap_out_4k_cycles", "cycles",
             "Writing 4 KiB out to swap, the part that the CPU waits for. Assumption: 2 us at "
             "3 GHz, the device works meanwhile.",
             0, kMaxCycles},
            p.swap_out_4k_cycles);
  v.integer({"swap_in_4k_cycles", "cycles",
             "Bringing 4 KiB back from swap while the guest waits. Assumption: 20 us at 3 GHz, a "
             "fast NVMe device.",
             0, kMaxCycles},
            p.swap_in_4k_cycles);
  v.group({"shadow", "Software times of shadow paging."}, p.shadow);
  v.group({"switch", "Software times of switching between nested and shadow paging."}, p.switching);
}

}  // namespace nestwalk
