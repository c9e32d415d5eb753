#include "tests/support/random_run.h"

#include <cstddef>

#include "tests/support/test_random.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

template <class Enum>
Enum one_of_first(SplitMix64& random, std::size_t count) {
  return static_cast<Enum>(random.below(count));
}

// Absent, of one entry, direct-mapped, fully associative, or something between.
ArrayParams random_array(SplitMix64& random, std::uint32_t most) {
  ArrayParams array;
  array.replacement = one_of_first<Replacement>(random, kReplacementNames.size());
  switch (random.below(5)) {
    case 0:
      array.entries = 0;
      break;
    case 1:
      array.entries = 1;
      break;
    case 2:
      array.entries = most;
      array.ways = 1;
      break;
    case 3:
      array.entries = most;
      break;
    default:
      array.entries = most;
      array.ways = 2;
  }
  return array;
}

TlbParams random_tlb(SplitMix64& random, std::uint32_t most) {
  TlbParams tlb;
  tlb.page_4k = random_array(random, most);
  tlb.page_2m = random_array(random, most / 2);
  tlb.page_1g = random_array(random, most / 2);
  tlb.unified_2m = random.percent(30);
  tlb.unified_1g = random.percent(30);
  tlb.latency_cycles = static_cast<std::uint32_t>(random.below(8));
  return tlb;
}

CacheParams random_cache(SplitMix64& random, std::uint64_t most_lines) {
  CacheParams cache;
  const ArrayParams lines = random_array(random, static_cast<std::uint32_t>(most_lines));
  cache.size_bytes = std::uint64_t{lines.entries} * kLineBytes;
  cache.ways = lines.ways;
  cache.replacement = lines.replacement;
  cache.latency_cycles = static_cast<std::uint32_t>(random.below(20));
  return cache;
}

void draw_machine(SplitMix64& random, MachineParams& m) {
  m.memory_bytes = 2048 * kMiB;
  m.page_1g = random.percent(70);
  m.core.base_cpi = random.percent(50) ? 1.0 : 0.4;
  m.mmu.l1_itlb = random_tlb(random, 8);
  m.mmu.l1_dtlb = random_tlb(random, 16);
  m.mmu.l2_tlb = random_tlb(random, 64);
  m.mmu.inclusion = one_of_first<TlbInclusion>(random, kTlbInclusionNames.size());
  PwcParams& pwc = m.walker.pwc;
  pwc.organisation = one_of_first<PwcOrganisation>(random, kPwcOrganisationNames.size());
  pwc.content = one_of_first<PwcContent>(random, kPwcContentNames.size());
  pwc.sharing = one_of_first<PwcSharing>(random, kPwcSharingNames.size());
  pwc.level_2 = random_array(random, 8);
  pwc.level_3 = random_array(random, 8);
  pwc.level_4 = random_array(random, 8);
  pwc.level_5 = random_array(random, 8);
  pwc.unified = random_array(random, 16);
  pwc.host_stage = random.percent(70);
  pwc.latency_cycles = static_cast<std::uint32_t>(random.below(4));
  m.walker.ntlb.array = random_array(random, 16);
  m.walker.ntlb.serve_final_walk = random.percent(70);
  m.walker.ntlb.latency_cycles = static_cast<std::uint32_t>(random.below(4));
  m.walker.step_cycles = static_cast<std::uint32_t>(random.below(3));
  m.table_path = one_of_first<TablePath>(random, kTablePathNames.size());
  m.data_path = one_of_first<DataPath>(random, kDataPathNames.size());
  m.l1i = random_cache(random, 32);
  m.l1d = random_cache(random, 32);
  m.l2 = random_cache(random, 128);
  m.llc = random_cache(random, 512);
  m.dram.kind = one_of_first<DramKind>(random, kDramKindNames.size());
}

void draw_vm(SplitMix64& random, const RunParams& run, VirtualMachineParams& vm) {
  vm.vm.memory_bytes = 512 * kMiB;
  vm.vm.backing = one_of_first<PageSize>(random, kPageSizeNames.size());
  vm.vm.accessed_dirty = random.percent(50);
  vm.vm.vpid = random.percent(50);
  const std::uint64_t host =
      run.machine.tag_rules == TagRules::kAmd ? 2 + random.below(4) : random.below(2);
  vm.vm.format = static_cast<HostFormat>(host);
  vm.guest.format = one_of_first<FormatId>(random, kGuestFormatNames.size());
  vm.guest.page_size = one_of_first<PageSize>(random, kPageSizeNames.size());
  vm.guest.pcid = random.percent(50);
  vm.guest.global_kernel_pages = random.percent(50);
  vm.guest.preset_accessed_dirty = random.percent(50);
  vm.guest.clear_data_pages = random.percent(50);
  vm.processes.assign(1 + random.below(2), {});
  for (ProcessParams& process : vm.processes) {
    WorkloadParams& w = process.workload;
    w.kind = random.percent(50) ? WorkloadKind::kGups : WorkloadKind::kZipf;
    w.num_accesses = 300 + random.below(700);
    w.footprint_bytes = (1 + random.below(8)) * kMiB;
    // Now and then not at a page of 2M, and within reach of every format.
    w.base_address = 0x4000'0000 + 0x1000 * random.below(4);
    w.seed = random.next() >> 16;
    w.operation = one_of_first<WorkloadOperation>(random, kWorkloadOperationNames.size());
    w.instructions_per_access = static_cast<std::uint32_t>(1 + random.below(3));
  }
}

// All VMs under shadow paging, if their formats allow it.
void draw_shadow(SplitMix64& random, RunParams& run) {
  RunParams shadow = run;
  shadow.mode = Mode::kShadow;
  for (VirtualMachineParams& vm : shadow.vms) {
    vm.vm.shadow.sync = random.percent(50) ? ShadowSync::kAtOnce : ShadowSync::kOnFlush;
    vm.vm.shadow.max_tables = static_cast<std::uint32_t>(10 + random.below(60));
    vm.vm.shadow.flood_writes = static_cast<std::uint32_t>(random.below(6));
  }
  if (find_problems(shadow).empty()) {
    run = shadow;
  }
}

}  // namespace

RunParams random_run(std::uint64_t seed) {
  SplitMix64 random(seed);
  RunParams run;
  run.mode = random.percent(75) ? Mode::kNested : Mode::kNative;
  run.check = Check::kAll;
  run.machine.tag_rules = random.percent(50) ? TagRules::kIntel : TagRules::kAmd;
  run.time_slice_accesses = 100 + random.below(1000);
  draw_machine(random, run.machine);
  run.vms.assign(run.mode == Mode::kNative ? 1 : 1 + random.below(2), {});
  for (VirtualMachineParams& vm : run.vms) {
    draw_vm(random, run, vm);
  }
  if (run.mode == Mode::kNested && random.percent(40)) {
    draw_shadow(random, run);
  }
  return run;
}

RunParams with_random_overlap(RunParams params, std::uint64_t seed) {
  SplitMix64 random(~seed);
  const auto draw = [&random](std::uint64_t least, std::uint64_t most) {
    return static_cast<std::uint32_t>(least + random.below(most - least + 1));
  };
  MachineParams& m = params.machine;
  m.timing = Timing::kAt;
  m.core.window = draw(2, 32);
  m.mmu.queue_entries = draw(1, 32);
  m.mmu.miss_registers = draw(1, 16);
  m.mmu.l1_ports = draw(1, 4);
  m.mmu.l2_ports = draw(1, 2);
  m.walker.slots = draw(1, 16);
  m.walker.queue_entries = draw(1, 8);
  m.walker.lookup_ports = draw(1, 4);
  for (CacheParams* cache : {&m.l1i, &m.l1d, &m.l2, &m.llc}) {
    cache->ports = draw(1, 4);
    cache->miss_registers = draw(1, 16);
    cache->queue_entries = draw(1, 32);
  }
  m.dram.busy_cycles = draw(0, 20);
  m.dram.queue_entries = draw(1, 64);
  return params;
}

}  // namespace nestwalk
