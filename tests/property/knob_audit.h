// The tables of the knob audit: which base runs a parameter is moved in, and which parameters may
// move no statistic. A new parameter needs a line here only if the default base does not show it.
//
//   bases_of("machine.dram.banks");   // {"open_row"}
#pragma once

#include <array>
#include <string_view>

namespace nestwalk {

// Small structures, so that a short run fills and evicts them; two processes on short slices.
inline constexpr std::string_view kAuditConfig = R"(
mode: nested
time_slice_accesses: 150
machine:
  memory_bytes: 1 GiB
  core: {window: 8, quantum_cycles: 1000}
  mmu:
    l1_itlb: {page_4k: {entries: 8, ways: 4}, page_2m: {entries: 4, ways: 2}, page_1g: {entries: 2, ways: 2}}
    l1_dtlb: {page_4k: {entries: 16, ways: 4}, page_2m: {entries: 4, ways: 2}, page_1g: {entries: 2, ways: 2}}
    l2_tlb: {page_4k: {entries: 64, ways: 4}, page_2m: {entries: 8, ways: 4}, page_1g: {entries: 4, ways: 4}}
  walker:
    pwc: {level_2: {entries: 8, ways: 4}, unified: {entries: 16, ways: 4}}
    ntlb: {array: {entries: 16, ways: 4}}
  l1i: {size_bytes: 1 KiB, ways: 4}
  l1d: {size_bytes: 2 KiB, ways: 4}
  l2: {size_bytes: 8 KiB, ways: 4}
  llc: {size_bytes: 32 KiB, ways: 4}
vms:
  - memory_bytes: 64 MiB
    processes:
      - workload: {kind: zipf, footprint_bytes: 1 MiB, base_address: 0x40000000, num_accesses: 500, operation: mixed}
      - workload: {kind: gups, footprint_bytes: 1 MiB, base_address: 0x40000000, num_accesses: 300, operation: update}
)";

struct AuditBase {
  std::string_view name;
  std::string_view set;  // on top of kAuditConfig: path=value, separated by blanks
};

// TRACE, OTHER_TRACE, WIDE_TRACE, FORK_TRACE: files that the test writes, with fetches, unmapping
// and regions far apart; WIDE_TRACE needs five levels, in FORK_TRACE a child writes what its parent
// wrote.
inline constexpr std::array kAuditBases = {
    AuditBase{"lt", ""},
    AuditBase{"native", "mode=native"},
    AuditBase{
        "native_trace",
        "mode=native vms.0.processes.0.workload.kind=trace vms.0.processes.0.workload.trace=TRACE"},
    AuditBase{"sampled", "check=sample"},
    AuditBase{"at", "machine.timing=at"},
    AuditBase{"trace",
              "vms.0.processes.0.workload.kind=trace vms.0.processes.0.workload.trace=TRACE"},
    AuditBase{"at_trace",
              "machine.timing=at vms.0.processes.0.workload.kind=trace "
              "vms.0.processes.0.workload.trace=TRACE"},
    AuditBase{"lt_cores", "machine.cores=2 vms.0.vcpus=2 vms.0.processes.0.threads=2"},
    AuditBase{"at_cores",
              "machine.timing=at machine.cores=2 vms.0.vcpus=2 vms.0.processes.0.threads=2"},
    AuditBase{"vcpus", "machine.cores=2 vms.0.vcpus=3 vms.0.processes.0.threads=3"},
    AuditBase{"open_row", "machine.dram.kind=open_row"},
    AuditBase{"amd", "machine.tag_rules=amd vms.0.format=npt-4level"},
    AuditBase{"pages_2m",
              "vms.0.memory_bytes=512MiB vms.0.guest.page_size=2m vms.0.backing=2m "
              "vms.0.processes.0.workload.footprint_bytes=64MiB"},
    AuditBase{"pages_1g",
              "machine.memory_bytes=64GiB vms.0.memory_bytes=24GiB vms.0.guest.page_size=1g "
              "vms.0.backing=1g vms.0.processes.0.workload.footprint_bytes=16GiB"},
    AuditBase{"unified", "machine.walker.pwc.organisation=unified"},
    AuditBase{"levels_5",
              "vms.0.guest.format=x86-5level vms.0.format=ept-5level "
              "vms.0.processes.0.workload.kind=trace vms.0.processes.0.workload.trace=WIDE_TRACE"},
    AuditBase{
        "split_l2",
        "machine.mmu.l2_tlb.unified_2m=false vms.0.memory_bytes=512MiB vms.0.guest.page_size=2m "
        "vms.0.backing=2m vms.0.processes.0.workload.footprint_bytes=64MiB"},
    AuditBase{"trace_2m",
              "vms.0.memory_bytes=512MiB vms.0.guest.page_size=2m vms.0.backing=2m "
              "vms.0.processes.0.workload.kind=trace vms.0.processes.0.workload.trace=TRACE"},
    AuditBase{"trace_1g",
              "machine.memory_bytes=64GiB vms.0.memory_bytes=24GiB vms.0.guest.page_size=1g "
              "vms.0.backing=1g vms.0.processes.0.workload.kind=trace "
              "vms.0.processes.0.workload.trace=TRACE"},
    AuditBase{"stores",
              "machine.mmu.store_tlb.page_4k.entries=8 machine.mmu.store_tlb.page_4k.ways=4  "
              "machine.mmu.store_tlb.page_2m.entries=4 machine.mmu.store_tlb.page_2m.ways=2  "
              "machine.mmu.store_tlb.page_1g.entries=2 machine.mmu.store_tlb.page_1g.ways=2"},
    AuditBase{"stores_2m",
              "machine.mmu.store_tlb.page_4k.entries=8 machine.mmu.store_tlb.page_4k.ways=4  "
              "machine.mmu.store_tlb.page_2m.entries=4 machine.mmu.store_tlb.page_2m.ways=2  "
              "machine.mmu.store_tlb.page_1g.entries=2 machine.mmu.store_tlb.page_1g.ways=2  "
              "vms.0.memory_bytes=512MiB  "
              "vms.0.guest.page_size=2m vms.0.backing=2m  "
              "vms.0.processes.0.workload.footprint_bytes=64MiB"},
    AuditBase{"stores_1g",
              "machine.mmu.store_tlb.page_4k.entries=8 machine.mmu.store_tlb.page_4k.ways=4  "
              "machine.mmu.store_tlb.page_2m.entries=4 machine.mmu.store_tlb.page_2m.ways=2  "
              "machine.mmu.store_tlb.page_1g.entries=2 machine.mmu.store_tlb.page_1g.ways=2  "
              "machine.memory_bytes=64GiB vms.0.memory_bytes=24GiB  "
              "vms.0.guest.page_size=1g vms.0.backing=1g  "
              "vms.0.processes.0.workload.footprint_bytes=16GiB"},
    AuditBase{"fetches",
              "machine.mmu.l2_itlb.page_4k.entries=16 machine.mmu.l2_itlb.page_4k.ways=4  "
              "machine.mmu.l2_itlb.page_2m.entries=4 machine.mmu.l2_itlb.page_2m.ways=2  "
              "machine.mmu.l2_itlb.page_1g.entries=2 machine.mmu.l2_itlb.page_1g.ways=2  "
              "vms.0.processes.0.workload.kind=trace  "
              "vms.0.processes.0.workload.trace=TRACE"},
    AuditBase{"fetches_2m",
              "machine.mmu.l2_itlb.page_4k.entries=16 machine.mmu.l2_itlb.page_4k.ways=4  "
              "machine.mmu.l2_itlb.page_2m.entries=4 machine.mmu.l2_itlb.page_2m.ways=2  "
              "machine.mmu.l2_itlb.page_1g.entries=2 machine.mmu.l2_itlb.page_1g.ways=2  "
              "vms.0.memory_bytes=512MiB  "
              "vms.0.guest.page_size=2m vms.0.backing=2m  "
              "vms.0.processes.0.workload.kind=trace  "
              "vms.0.processes.0.workload.trace=TRACE"},
    AuditBase{"fetches_1g",
              "machine.mmu.l2_itlb.page_4k.entries=16 machine.mmu.l2_itlb.page_4k.ways=4  "
              "machine.mmu.l2_itlb.page_2m.entries=4 machine.mmu.l2_itlb.page_2m.ways=2  "
              "machine.mmu.l2_itlb.page_1g.entries=2 machine.mmu.l2_itlb.page_1g.ways=2  "
              "machine.memory_bytes=64GiB vms.0.memory_bytes=24GiB  "
              "vms.0.guest.page_size=1g vms.0.backing=1g  "
              "vms.0.processes.0.workload.kind=trace  "
              "vms.0.processes.0.workload.trace=TRACE"},
    AuditBase{"beside_l1_itlb",
              "machine.mmu.l1_itlb.beside.entries=8 machine.mmu.l1_itlb.beside.ways=4  "
              "vms.0.processes.0.workload.kind=trace  "
              "vms.0.processes.0.workload.trace=TRACE"},
    AuditBase{"beside_1g_l1_itlb",
              "machine.mmu.l1_itlb.beside.entries=8 machine.mmu.l1_itlb.beside.ways=4  "
              "machine.memory_bytes=64GiB vms.0.memory_bytes=24GiB  "
              "vms.0.guest.page_size=1g vms.0.backing=1g  "
              "vms.0.processes.0.workload.kind=trace  "
              "vms.0.processes.0.workload.trace=TRACE"},
    AuditBase{"beside_l1_dtlb",
              "machine.mmu.l1_dtlb.beside.entries=8 machine.mmu.l1_dtlb.beside.ways=4  "
              "vms.0.processes.0.workload.kind=trace  "
              "vms.0.processes.0.workload.trace=TRACE"},
    AuditBase{"beside_1g_l1_dtlb",
              "machine.mmu.l1_dtlb.beside.entries=8 machine.mmu.l1_dtlb.beside.ways=4  "
              "machine.memory_bytes=64GiB vms.0.memory_bytes=24GiB  "
              "vms.0.guest.page_size=1g vms.0.backing=1g  "
              "vms.0.processes.0.workload.kind=trace  "
              "vms.0.processes.0.workload.trace=TRACE"},
    AuditBase{"beside_l2_tlb",
              "machine.mmu.l2_tlb.beside.entries=8 machine.mmu.l2_tlb.beside.ways=4  "
              "vms.0.processes.0.workload.kind=trace  "
              "vms.0.processes.0.workload.trace=TRACE"},
    AuditBase{"beside_1g_l2_tlb",
              "machine.mmu.l2_tlb.beside.entries=8 machine.mmu.l2_tlb.beside.ways=4  "
              "machine.memory_bytes=64GiB vms.0.memory_bytes=24GiB  "
              "vms.0.guest.page_size=1g vms.0.backing=1g  "
              "vms.0.processes.0.workload.kind=trace  "
              "vms.0.processes.0.workload.trace=TRACE"},
    AuditBase{"beside_l2_itlb",
              "machine.mmu.l2_itlb.beside.entries=8 machine.mmu.l2_itlb.beside.ways=4  "
              "machine.mmu.l2_itlb.page_4k.entries=16 machine.mmu.l2_itlb.page_4k.ways=4  "
              "vms.0.processes.0.workload.kind=trace  "
              "vms.0.processes.0.workload.trace=TRACE"},
    AuditBase{"beside_1g_l2_itlb",
              "machine.mmu.l2_itlb.beside.entries=8 machine.mmu.l2_itlb.beside.ways=4  "
              "machine.mmu.l2_itlb.page_4k.entries=16 machine.mmu.l2_itlb.page_4k.ways=4  "
              "machine.memory_bytes=64GiB vms.0.memory_bytes=24GiB  "
              "vms.0.guest.page_size=1g vms.0.backing=1g  "
              "vms.0.processes.0.workload.kind=trace  "
              "vms.0.processes.0.workload.trace=TRACE"},
    AuditBase{"beside_store_tlb",
              "machine.mmu.store_tlb.beside.entries=8 machine.mmu.store_tlb.beside.ways=4  "
              "machine.mmu.store_tlb.page_4k.entries=8 machine.mmu.store_tlb.page_4k.ways=4  "
              "vms.0.processes.0.workload.kind=trace  "
              "vms.0.processes.0.workload.trace=TRACE"},
    AuditBase{"beside_1g_store_tlb",
              "machine.mmu.store_tlb.beside.entries=8 machine.mmu.store_tlb.beside.ways=4  "
              "machine.mmu.store_tlb.page_4k.entries=8 machine.mmu.store_tlb.page_4k.ways=4  "
              "machine.memory_bytes=64GiB vms.0.memory_bytes=24GiB  "
              "vms.0.guest.page_size=1g vms.0.backing=1g  "
              "vms.0.processes.0.workload.kind=trace  "
              "vms.0.processes.0.workload.trace=TRACE"},
    AuditBase{"prefetch",
              "machine.mmu.prefetch.kind=stride  "
              "vms.0.processes.0.workload.kind=stream  "
              "vms.0.processes.0.workload.footprint_bytes=1MiB  "
              "vms.0.processes.0.workload.num_accesses=2500  "
              "vms.0.guest.preset_accessed_dirty=true"},
    AuditBase{"hints",
              "machine.mmu.splintering=both vms.0.memory_bytes=512MiB  "
              "vms.0.guest.page_size=2m  "
              "vms.0.processes.0.workload.footprint_bytes=64MiB"},
    AuditBase{"pieces",
              "machine.mmu.l1_dtlb.page_2m.entries=0 machine.mmu.l2_tlb.page_2m.entries=0  "
              "machine.mmu.l2_tlb.unified_2m=false machine.mmu.l1_itlb.page_2m.entries=0  "
              "machine.mmu.store_tlb.page_4k.entries=8 machine.mmu.store_tlb.page_4k.ways=4  "
              "machine.mmu.l2_itlb.page_4k.entries=16 machine.mmu.l2_itlb.page_4k.ways=4  "
              "vms.0.memory_bytes=512MiB  "
              "vms.0.guest.page_size=2m vms.0.backing=2m  "
              "vms.0.processes.0.workload.kind=trace  "
              "vms.0.processes.0.workload.trace=TRACE"},
    AuditBase{"stream",
              "vms.0.processes.0.workload.kind=stream  "
              "vms.0.processes.0.workload.num_accesses=2500"},
    AuditBase{"pointer_chase",
              "vms.0.processes.0.workload.kind=pointer_chase  "
              "vms.0.processes.0.workload.num_accesses=2500"},
    AuditBase{"hash_join",
              "vms.0.processes.0.workload.kind=hash_join  "
              "vms.0.processes.0.workload.hash_join.build_tuples=100 "
              "vms.0.processes.0.workload.hash_join.probe_tuples=100 "
              "vms.0.processes.0.workload.num_accesses=2500"},
    AuditBase{"btree",
              "vms.0.processes.0.workload.kind=btree  "
              "vms.0.processes.0.workload.num_accesses=2500"},
    AuditBase{"bfs",
              "vms.0.processes.0.workload.kind=bfs  "
              "vms.0.processes.0.workload.num_accesses=2500"},
    AuditBase{"churn",
              "vms.0.processes.0.workload.kind=churn  "
              "vms.0.processes.0.workload.num_accesses=4000  "
              "vms.0.processes.0.workload.churn.num_regions=3  "
              "vms.0.processes.0.workload.churn.accesses_per_region=40"},
    AuditBase{"shootdown",
              "machine.timing=at machine.cores=2 vms.0.vcpus=2 vms.0.processes.0.threads=2  "
              "vms.0.processes.0.workload.kind=churn  "
              "vms.0.processes.0.workload.num_accesses=4000  "
              "vms.0.processes.0.workload.churn.num_regions=3  "
              "vms.0.processes.0.workload.churn.accesses_per_region=40"},
    AuditBase{"fork",
              "vms.0.processes.0.workload.kind=trace vms.0.processes.0.workload.trace=FORK_TRACE"},
    AuditBase{"prefetch_buffer",
              "machine.mmu.prefetch.kind=next_page machine.mmu.prefetch.buffer.entries=8 "
              "machine.mmu.prefetch.buffer.ways=4 machine.mmu.l2_tlb.page_4k.entries=16 "
              "vms.0.processes.0.workload.num_accesses=3000 "
              "vms.0.processes.0.workload.footprint_bytes=128KiB"},
    AuditBase{"unified_trace",
              "machine.walker.pwc.organisation=unified vms.0.processes.0.workload.kind=trace "
              "vms.0.processes.0.workload.trace=TRACE"},
    AuditBase{"fetches_second",
              "machine.mmu.l2_itlb.page_4k.entries=16 machine.mmu.l2_itlb.page_4k.ways=4 "
              "machine.mmu.l2_itlb.page_2m.entries=4 machine.mmu.l2_itlb.page_2m.ways=4 "
              "machine.mmu.l1_itlb.page_4k.entries=0 machine.mmu.l1_itlb.page_2m.entries=0 "
              "machine.mmu.l1_itlb.page_1g.entries=0 vms.0.memory_bytes=512MiB "
              "vms.0.guest.page_size=2m vms.0.backing=2m vms.0.processes.0.workload.kind=trace "
              "vms.0.processes.0.workload.trace=TRACE"},
    AuditBase{"host_events",
              "vms.0.accessed_dirty=true vms.0.backing=2m "
              "vms.0.host_events=[{\"at_accesses\":100,\"do\":\"dirty_log_start\"},"
              "{\"at_accesses\":300,\"do\":\"dirty_log_harvest\"},"
              "{\"at_accesses\":400,\"do\":\"dirty_log_stop\"},"
              "{\"at_accesses\":450,\"do\":\"migrate\"},"
              "{\"at_accesses\":500,\"do\":\"reclaim\"}]"},
    AuditBase{"resident", "vms.0.resident_limit_bytes=1048576"},
    AuditBase{"reclaim",
              "vms.0.memory_bytes=1MiB vms.0.guest.reclaim.swap_bytes=64MiB "
              "vms.0.guest.reclaim.low_pages=16 vms.0.guest.reclaim.high_pages=32 "
              "vms.0.processes.0.workload.num_accesses=1500"},
    AuditBase{"collapse",
              "vms.0.memory_bytes=128MiB vms.0.guest.collapse.every_faults=20 "
              "vms.0.guest.collapse.blocks=2 vms.0.guest.collapse.max_missing_pages=511 "
              "vms.0.processes.0.workload.footprint_bytes=16MiB"},
    AuditBase{"shadow",
              "mode=shadow vms.0.processes.0.workload.kind=churn "
              "vms.0.processes.0.workload.num_accesses=4000 "
              "vms.0.processes.0.workload.churn.num_regions=3 "
              "vms.0.processes.0.workload.churn.accesses_per_region=40"},
    AuditBase{"shadow_at_once",
              "mode=shadow vms.0.shadow.sync=at_once vms.0.processes.0.workload.kind=trace "
              "vms.0.processes.0.workload.trace=FORK_TRACE"},
    AuditBase{"shadow_pressure", "mode=shadow vms.0.shadow.max_tables=16"},
    AuditBase{"switch_fixed", "vms.0.switch.interval_instructions=50"},
    AuditBase{"switch_random",
              "mode=random vms.0.switch.interval_instructions=50 "
              "vms.0.processes.0.workload.kind=churn vms.0.processes.0.workload.num_accesses=4000 "
              "vms.0.processes.0.workload.churn.num_regions=3 "
              "vms.0.processes.0.workload.churn.accesses_per_region=40"},
    AuditBase{"switch_kept",
              "mode=random vms.0.switch.interval_instructions=50 vms.0.switch.inactive=resynced "
              "vms.0.switch.protection=eager "
              "vms.0.processes.0.workload.kind=churn vms.0.processes.0.workload.num_accesses=4000 "
              "vms.0.processes.0.workload.churn.num_regions=3 "
              "vms.0.processes.0.workload.churn.accesses_per_region=40"},
    AuditBase{"switch_oracle",
              "mode=oracle vms.0.switch.interval_instructions=50 vms.0.switch.schedule=nnss"},
    AuditBase{"switch_dsp",
              "mode=dsp vms.0.switch.interval_instructions=15 vms.0.switch.dsp.tlb_upper=3278 "
              "vms.0.switch.dsp.tlb_lower=2088 vms.0.switch.dsp.fault_upper=296 "
              "vms.0.switch.dsp.fault_lower=204 vms.0.switch.dsp.ratio_upper=0.156 "
              "vms.0.switch.dsp.ratio_lower=0.142 vms.0.switch.dsp.damping=0.86"},
    AuditBase{"switch_cost",
              "mode=cost_model vms.0.switch.interval_instructions=20 "
              "vms.0.switch.cost_model.walk_saving_cycles=2652 "
              "vms.0.switch.cost_model.fault_cycles=3342 "
              "vms.0.switch.cost_model.cr3_cycles=29534 "
              "vms.0.switch.cost_model.write_cycles=2393 "
              "vms.0.switch.cost_model.switch_cycles=228859 vms.0.switch.cost_model.horizon=2 "
              "vms.0.switch.cost_model.weight=0.46"},
    AuditBase{"switch_ipc",
              "mode=ipc_feedback vms.0.switch.interval_instructions=10 "
              "vms.0.switch.ipc_feedback.high_percent=20 "
              "vms.0.switch.ipc_feedback.low_percent=10"},
    AuditBase{"wide",
              "vms.0.memory_bytes=512MiB vms.0.processes.0.workload.footprint_bytes=128MiB"},
};

struct AuditRule {
  std::string_view prefix;  // of the paths that it is for; the longest that fits decides
  std::string_view bases;   // tried in this order, separated by blanks
};
inline constexpr std::array kAuditRules = {
    AuditRule{"", "lt at"},
    AuditRule{"check_every", "sampled"},
    AuditRule{"hypervisor.copy_4k_cycles", "host_events"},
    AuditRule{"hypervisor.page_update_cycles", "host_events"},
    AuditRule{"hypervisor.swap", "host_events"},
    AuditRule{"hypervisor.shadow", "shadow shadow_at_once shadow_pressure"},
    AuditRule{"hypervisor.switch", "switch_random switch_kept"},
    AuditRule{"hypervisor.table_allocation_cycles", "wide"},
    AuditRule{"machine.core.quantum_cycles", "lt_cores"},
    AuditRule{"machine.dram", "at open_row"},
    AuditRule{"machine.instructions", "trace vcpus at_cores amd"},
    AuditRule{"machine.instructions.invept_cycles", "host_events"},
    AuditRule{"machine.l1i", "trace at_trace"},
    AuditRule{"machine.maxphyaddr", "lt native amd pages_1g"},
    AuditRule{"machine.mmu.l1_dtlb.page_1g", "pages_1g"},
    AuditRule{"machine.mmu.l1_dtlb.page_2m", "pages_2m"},
    AuditRule{"machine.mmu.l1_dtlb.unified_1g", "pages_1g"},
    AuditRule{"machine.mmu.l1_dtlb.unified_2m", "pages_2m"},
    AuditRule{"machine.mmu.l1_itlb", "trace at_trace"},
    AuditRule{"machine.mmu.l1_itlb.page_1g", "trace_1g"},
    AuditRule{"machine.mmu.l1_itlb.page_2m", "trace_2m"},
    AuditRule{"machine.mmu.l1_itlb.unified_1g", "trace_1g"},
    AuditRule{"machine.mmu.l1_itlb.unified_2m", "trace_2m"},
    AuditRule{"machine.mmu.l2_tlb.page_1g", "pages_1g"},
    AuditRule{"machine.mmu.l2_tlb.page_2m", "split_l2"},
    AuditRule{"machine.mmu.l2_tlb.unified_1g", "pages_1g"},
    AuditRule{"machine.mmu.l2_tlb.unified_2m", "pages_2m"},
    AuditRule{"machine.mmu.store_tlb", "stores stores_2m stores_1g"},
    AuditRule{"machine.mmu.l2_itlb", "fetches fetches_2m fetches_1g"},
    AuditRule{"machine.mmu.l1_itlb.beside", "beside_l1_itlb beside_1g_l1_itlb"},
    AuditRule{"machine.mmu.l1_itlb.keep_pieces", "pieces"},
    AuditRule{"machine.mmu.l1_dtlb.beside", "beside_l1_dtlb beside_1g_l1_dtlb"},
    AuditRule{"machine.mmu.l1_dtlb.keep_pieces", "pieces"},
    AuditRule{"machine.mmu.l2_tlb.beside", "beside_l2_tlb beside_1g_l2_tlb"},
    AuditRule{"machine.mmu.l2_tlb.keep_pieces", "pieces"},
    AuditRule{"machine.mmu.l2_itlb.beside", "beside_l2_itlb beside_1g_l2_itlb"},
    AuditRule{"machine.mmu.l2_itlb.keep_pieces", "pieces"},
    AuditRule{"machine.mmu.store_tlb.beside", "beside_store_tlb beside_1g_store_tlb"},
    AuditRule{"machine.mmu.store_tlb.keep_pieces", "pieces"},
    AuditRule{"machine.mmu.l2_itlb.page_2m", "fetches_2m fetches_second"},
    AuditRule{"machine.mmu.prefetch", "prefetch"},
    AuditRule{"machine.mmu.prefetch.buffer", "prefetch_buffer"},
    AuditRule{"machine.mmu.splinter_hints", "hints"},
    AuditRule{"vms.0.processes.0.workload.stream", "stream"},
    AuditRule{"vms.0.processes.0.workload.pointer_chase", "pointer_chase"},
    AuditRule{"vms.0.processes.0.workload.hash_join", "hash_join"},
    AuditRule{"vms.0.processes.0.workload.btree", "btree"},
    AuditRule{"vms.0.processes.0.workload.bfs", "bfs"},
    AuditRule{"vms.0.processes.0.workload.churn", "churn"},
    AuditRule{"machine.instructions.ipi", "shootdown"},
    AuditRule{"machine.page_1g", "pages_1g"},
    AuditRule{"machine.tag_rules", "native native_trace"},
    AuditRule{"machine.walker.table_ports", "at at_cores"},
    AuditRule{"machine.walker.turns", "at at_cores"},
    AuditRule{"machine.walker.pwc", "lt trace"},
    AuditRule{"machine.walker.pwc.level_5", "levels_5"},
    AuditRule{"machine.walker.pwc.unified", "unified unified_trace"},
    AuditRule{"scheduling", "vcpus"},
    AuditRule{"vms.0.dirty_log", "host_events"},
    AuditRule{"vms.0.guest.copy_4k_cycles", "fork"},
    AuditRule{"vms.0.guest.reclaim", "reclaim"},
    AuditRule{"vms.0.guest.collapse", "collapse"},
    AuditRule{"vms.0.guest.max_single_invalidations", "trace"},
    AuditRule{"vms.0.guest.unmap_page_cycles", "trace"},
    AuditRule{"vms.0.migration", "host_events"},
    AuditRule{"vms.0.processes.0.workload.trace", "trace"},
    AuditRule{"vms.0.reclaim_batch_pages", "resident"},
    AuditRule{"vms.0.resident_limit_bytes", "resident"},
    AuditRule{"vms.0.shadow", "shadow shadow_at_once shadow_pressure"},
    AuditRule{"vms.0.switch", "switch_random switch_kept"},
    AuditRule{"vms.0.switch.policy", "switch_fixed"},
    AuditRule{"vms.0.switch.schedule", "switch_oracle"},
    AuditRule{"vms.0.switch.dsp", "switch_dsp"},
    AuditRule{"vms.0.switch.cost_model", "switch_cost"},
    AuditRule{"vms.0.switch.ipc_feedback", "switch_ipc"},
    AuditRule{"vms.0.switch.omit", "lt"},
};

struct AuditValues {
  std::string_view path;
  std::string_view values;  // instead of those made from its range, separated by blanks
};
inline constexpr std::array kAuditValues = {
    AuditValues{"check_every", "10 100"},
    AuditValues{"machine.core.hidden_data_cycles", "3"},
    AuditValues{"machine.l1i.latency_cycles", "3"},
    AuditValues{"machine.mmu.l1_dtlb.latency_cycles", "2"},
    AuditValues{"machine.mmu.l1_itlb.latency_cycles", "2"},
    AuditValues{"machine.mmu.store_tlb.latency_cycles", "2"},
    AuditValues{"machine.mmu.l1_itlb.beside.entries", "0 4"},
    AuditValues{"machine.mmu.l1_dtlb.beside.entries", "0 4"},
    AuditValues{"machine.mmu.l2_tlb.beside.entries", "0 4"},
    AuditValues{"machine.mmu.l2_itlb.beside.entries", "0 4"},
    AuditValues{"machine.mmu.store_tlb.beside.entries", "0 4"},
    AuditValues{"machine.mmu.l1_itlb.beside.ways", "2 8"},
    AuditValues{"machine.mmu.l1_dtlb.beside.ways", "2 8"},
    AuditValues{"machine.mmu.l2_tlb.beside.ways", "2 8"},
    AuditValues{"machine.mmu.l2_itlb.beside.ways", "2 8"},
    AuditValues{"machine.mmu.store_tlb.beside.ways", "2 8"},
    AuditValues{"machine.mmu.l2_itlb.page_4k.entries", "8 16 32"},
    AuditValues{"machine.mmu.l2_itlb.page_2m.entries", "8 16 32"},
    AuditValues{"machine.mmu.l2_itlb.page_1g.entries", "8 16 32"},
    AuditValues{"machine.mmu.store_tlb.page_4k.entries", "8 16 32"},
    AuditValues{"machine.mmu.store_tlb.page_2m.entries", "8 16 32"},
    AuditValues{"machine.mmu.store_tlb.page_1g.entries", "8 16 32"},
    AuditValues{"machine.mmu.l2_itlb.page_4k.ways", "1 8 2"},
    AuditValues{"machine.mmu.l2_itlb.page_2m.ways", "1 8 2"},
    AuditValues{"machine.mmu.l2_itlb.page_1g.ways", "1 8 2"},
    AuditValues{"machine.mmu.store_tlb.page_4k.ways", "1 8 2"},
    AuditValues{"machine.mmu.store_tlb.page_2m.ways", "1 8 2"},
    AuditValues{"machine.mmu.store_tlb.page_1g.ways", "1 8 2"},
    AuditValues{"machine.walker.begin_cycles", "3"},
    AuditValues{"machine.walker.update_cycles", "3"},
    AuditValues{"machine.walker.change_cycles", "3"},
    AuditValues{"machine.walker.answer_cycles", "3"},
    AuditValues{"machine.walker.table_ports", "1"},
    AuditValues{"measure_accesses", "300"},
    AuditValues{"warmup_accesses", "200"},
    AuditValues{"machine.mmu.prefetch.buffer.ways", "1 2 4"},
    AuditValues{"vms.0.guest.reclaim.swap_bytes", "512KiB"},
    AuditValues{"vms.0.guest.reclaim.low_pages", "0 32"},
    AuditValues{"vms.0.guest.reclaim.high_pages", "64"},
    AuditValues{"vms.0.guest.collapse.every_faults", "0 40"},
    AuditValues{"vms.0.guest.collapse.max_missing_pages", "0 500"},
    AuditValues{"vms.0.processes.0.workload.trace", "OTHER_TRACE"},
    AuditValues{"vms.0.resident_limit_bytes", "2097152"},
    AuditValues{"vms.0.switch.flush", "new_vpid invvpid"},
    AuditValues{"vms.0.switch.schedule", "s nnnns"},
};

struct AuditException {
  std::string_view path;
  std::string_view reason;
};
inline constexpr std::array kAuditExceptions = {
    AuditException{"compare", "names the runs that the command makes; each has its own mode"},
    AuditException{"machine.clock_mhz", "all is counted in cycles; it turns them into time"},
    AuditException{"machine.instructions.control_write_cycles",
                   "the kernel sets its control registers at boot, which takes no time"},
    AuditException{"machine.instructions.invpcid_cycles",
                   "the kernel uses INVLPG and loads of CR3"},
    AuditException{"machine.maxphyaddr",
                   "bounds memory sizes and makes entry bits reserved; kernel and hypervisor set "
                   "none of these"},
    AuditException{"machine.name", "a name"},
    AuditException{"machine.walker.kill",
                   "cores are stopped before their translations are dropped, so that no walk of "
                   "a run is killed; the timing protocol beside the RTL kills walks"},
    AuditException{"machine.tag_rules",
                   "nested, it must fit the host format; natively the kernel's invalidations drop "
                   "the same under both"},
    AuditException{"machine.mmu.l1_dtlb.page_1g.index",
                   "the audit's arrays of 1G pages have one set"},
    AuditException{"machine.mmu.l1_itlb.page_1g.index",
                   "the audit's arrays of 1G pages have one set"},
    AuditException{"machine.mmu.l2_itlb.page_1g.index",
                   "the audit's arrays of 1G pages have one set"},
    AuditException{"machine.mmu.l2_tlb.page_1g.index",
                   "the audit's arrays of 1G pages have one set"},
    AuditException{"machine.mmu.store_tlb.page_1g.index",
                   "the audit's arrays of 1G pages have one set"},
    AuditException{"machine.walker.ntlb.invalidate",
                   "of one VM all guest-physical entries have one tag, so that exact drops all"},
    AuditException{"machine.walker.rtl.scoreboard", "watches the RTL walker, which not all have"},
    AuditException{"machine.walker.rtl.watchdog_cycles",
                   "watches the RTL walker, which not all have"},
    AuditException{"walker", "not all programs have the RTL; tests/cosim compares the two"},
    AuditException{"machine.walker.pwc.level_3.index", "these arrays have one set"},
    AuditException{"machine.walker.pwc.level_4.index", "these arrays have one set"},
    AuditException{"machine.walker.pwc.level_5.index", "these arrays have one set"},
    AuditException{"vms.0.processes.0.workload.repeat", "of kind phases alone, which needs a list"},
    AuditException{"stats_every_accesses", "writes intervals.jsonl and leaves the run as it is"},
    AuditException{"vms.0.guest.on_segfault", "no process of the audit makes a segfault"},
    AuditException{"vms.0.name", "a name"},
    AuditException{"vms.0.switch.cost_model.weight",
                   "of averages that a run of so few intervals does not turn on"},
    AuditException{"vms.0.switch.omit.accessed_dirty", "a duty left out breaks laws of a run"},
    AuditException{"vms.0.switch.omit.downgrade", "a duty left out breaks laws of a run"},
    AuditException{"vms.0.switch.omit.invlpg_flush", "a duty left out: wrong only over a switch"},
    AuditException{"vms.0.switch.omit.other_cores", "a duty left out: wrong only over a switch"},
    AuditException{"vms.0.processes.0.name", "a name"},
};

}  // namespace nestwalk
