#include "model/params/machine.h"

namespace nestwalk {

void describe(CoreParams& p, ParameterVisitor& v) {
  v.number({"base_cpi", "cycles", "Cycles per instruction without any stall.", 0.01, 1000},
           p.base_cpi);
  v.integer({"hidden_data_cycles", "cycles",
             "How much of each access's data latency the core overlaps with other work: the "
             "latency of a first-level hit in an out-of-order core, 0 in a blocking one.",
             0, 1000},
            p.hidden_data_cycles);
  v.integer(
      {"quantum_cycles", "cycles",
       "timing lt: how far a core may run ahead of simulated time before it yields.", 1, 1U << 30},
      p.quantum_cycles);
  v.integer({"window", "accesses",
             "timing at: how many accesses may be under way at a time; they retire in order. 1 is "
             "an in-order core that blocks.",
             1, 1024},
            p.window);
}

void describe(MmuParams& p, ParameterVisitor& v) {
  v.group({"l1_itlb", "First-level TLB of instruction fetches."}, p.l1_itlb);
  v.group({"l1_dtlb", "First-level TLB of loads and stores."}, p.l1_dtlb);
  v.group({"l2_tlb", "Second-level TLB of both."}, p.l2_tlb);
  v.integer({"queue_entries", "accesses",
             "timing at: accesses that the Mmu takes in before it pushes back.", 1, 4096},
            p.queue_entries);
  v.integer({"miss_registers", "registers",
             "timing at: pages whose translation is awaited at a time; further misses on such a "
             "page join it, misses on other pages wait.",
             1, 1024},
            p.miss_registers);
  v.integer({"l1_ports", "lookups",
             "timing at: lookups that may begin in a cycle, of each first-level TLB.", 1, 64},
            p.l1_ports);
  v.integer({"l2_ports", "lookups",
             "timing at: lookups of the second-level TLB that may begin in a cycle.", 1, 64},
            p.l2_ports);
  v.group({"store_tlb", "First-level TLB of stores alone; without entries, l1_dtlb serves them."},
          p.store_tlb);
  v.group({"l2_itlb",
           "Second-level TLB of instruction fetches alone; without entries, l2_tlb serves them."},
          p.l2_itlb);
  v.choice({"inclusion", "What the second-level TLB holds of the first level's entries.",
            kTlbInclusionNames},
           p.inclusion);
  v.choice({"splintering",
            "What happens to a guest page that the host backs in smaller pieces: pieces are kept "
            "like other pages, with a guess at the whole page beside them, or not in the second "
            "level.",
            kSplinteringNames},
           p.splintering);
  v.group({"splinter_hints", "splintering both: guesses at where splintered pages lie."},
          p.splinter_hints);
  describe(p.invalidate, v);
  v.group({"prefetch", "Translations fetched ahead after a second-level miss."}, p.prefetch);
}

void describe(RtlWalkerParams& p, ParameterVisitor& v) {
  v.boolean({"scoreboard",
             "Whether the walk engine is stepped beside every walk and compared with it event by "
             "event; a difference fails the run."},
            p.scoreboard);
  v.integer({"watchdog_cycles", "cycles",
             "How long walks may be under way without asking memory anything or getting on before "
             "the run fails.",
             64, 1U << 30},
            p.watchdog_cycles);
}

void describe(WalkerParams& p, ParameterVisitor& v) {
  v.group({"pwc", "Page-walk caches."}, p.pwc);
  v.group({"ntlb", "Nested TLB: guest-physical to host-physical pages."}, p.ntlb);
  v.integer({"step_cycles", "cycles", "The walker's own time for each entry it handles.", 0, 1000},
            p.step_cycles);
  v.integer(
      {"begin_cycles", "cycles",
       "From the slot that a walk gets to its first step, and again when it begins anew.", 0, 1000},
      p.begin_cycles);
  v.integer({"update_cycles", "cycles", "The walker's own time for each A/D update.", 0, 1000},
            p.update_cycles);
  v.integer({"change_cycles", "cycles",
             "The time of each change that a walk makes in walk caches and nested TLB: a fill, or "
             "what a fault drops. Not 0, timing at: it takes a lookup port.",
             0, 1000},
            p.change_cycles);
  v.integer({"answer_cycles", "cycles", "From the end of a walk to its answer.", 0, 1000},
            p.answer_cycles);
  v.integer(
      {"slots", "walks", "timing at: walks under way at a time (the number of walkers).", 1, 64},
      p.slots);
  v.integer({"queue_entries", "walks",
             "timing at: walks that may wait for a slot before the walker pushes back.", 1, 1024},
            p.queue_entries);
  v.integer({"lookup_ports", "lookups",
             "timing at: lookups of walk caches and nested TLB that may begin in a cycle, of all "
             "slots together; the lowest slot goes first.",
             1, 64},
            p.lookup_ports);
  v.integer(
      {"table_ports", "accesses",
       "timing at: how many walks may begin, reads and updates be sent and answers be given in a "
       "cycle; 0: without limit, and a slot that answers takes the next walk in the same "
       "cycle.",
       0, 64},
      p.table_ports);
  v.choice(
      {"turns", "timing at: which slot goes first where several want a port.", kWalkTurnsNames},
      p.turns);
  v.choice({"kill",
            "timing at: whether a walk that an invalidation kills begins anew at once, or after "
            "the answer that it waits for.",
            kWalkKillNames},
           p.kill);
  v.group({"rtl", "walker rtl: how it is watched."}, p.rtl);
}

void describe(CacheParams& p, ParameterVisitor& v) {
  v.integer({"size_bytes", "bytes", "Capacity; 0 removes the cache.", 0, std::uint64_t{1} << 34},
            p.size_bytes);
  v.integer({"ways", "ways", "Associativity; 0 means fully associative.", 0, 1024}, p.ways);
  v.integer({"latency_cycles", "cycles", "Load-to-use latency of a hit, from the core.", 0, 10000},
            p.latency_cycles);
  v.choice({"replacement", "Which line of a full set gives way.", kReplacementNames},
           p.replacement);
  v.integer({"ports", "lookups", "timing at: lookups that may begin in a cycle.", 1, 64}, p.ports);
  v.integer({"miss_registers", "registers",
             "timing at: accesses to the level below under way at a time; other accesses to such a "
             "line join them.",
             1, 1024},
            p.miss_registers);
  v.integer({"queue_entries", "accesses",
             "timing at: accesses that the cache takes in before it pushes back.", 1, 4096},
            p.queue_entries);
}

void describe(DramParams& p, ParameterVisitor& v) {
  v.choice({"kind", "One latency, or banks that each keep a row open.", kDramKindNames}, p.kind);
  v.integer({"latency_cycles", "cycles",
             "Load-to-use latency; for open_row when another row is open.", 0, 100000},
            p.latency_cycles);
  v.integer(
      {"row_hit_cycles", "cycles", "open_row: load-to-use latency in the open row.", 0, 100000},
      p.row_hit_cycles);
  v.integer({"banks", "banks", "open_row: number of banks.", 1, 4096, true}, p.banks);
  v.integer({"row_bytes", "bytes", "open_row: size of a row.", 64, 1U << 20, true}, p.row_bytes);
  v.integer({"busy_cycles", "cycles",
             "timing at: how long an access keeps its bank (fixed: the whole memory) from the next "
             "one; the inverse of the bandwidth. 0: without limit.",
             0, 100000},
            p.busy_cycles);
  v.integer({"queue_entries", "accesses",
             "timing at: accesses that the memory takes in before it pushes back.", 1, 65536},
            p.queue_entries);
}

void describe(InstructionCosts& p, ParameterVisitor& v) {
  constexpr std::uint64_t kMax = 1'000'000;
  v.integer({"invlpg_cycles", "cycles", "INVLPG, INVLPGA.", 0, kMax}, p.invlpg_cycles);
  v.integer({"invpcid_cycles", "cycles", "INVPCID of any type.", 0, kMax}, p.invpcid_cycles);
  v.integer({"cr3_load_cycles", "cycles", "MOV to CR3.", 0, kMax}, p.cr3_load_cycles);
  v.integer({"control_write_cycles", "cycles", "MOV to CR0 or CR4, WRMSR of EFER.", 0, kMax},
            p.control_write_cycles);
  v.integer({"invept_cycles", "cycles", "INVEPT of any type; assumed.", 0, kMax}, p.invept_cycles);
  v.integer({"invvpid_cycles", "cycles", "INVVPID of any type; assumed.", 0, kMax},
            p.invvpid_cycles);
  v.integer({"ipi_send_cycles", "cycles",
             "Sending an inter-processor interrupt for a remote invalidation, to however many "
             "cores; assumed.",
             0, kMax},
            p.ipi_send_cycles);
  v.integer({"ipi_receive_cycles", "cycles",
             "What a core loses to one: entry, handler, acknowledgement and return, without the "
             "invalidation itself; assumed.",
             0, kMax},
            p.ipi_receive_cycles);
}

void describe(MachineParams& p, ParameterVisitor& v) {
  v.text({"name", "What to call this machine in results."}, p.name);
  v.integer({"clock_mhz", "MHz", "The one clock that all cycles count.", 1, 100000}, p.clock_mhz);
  v.integer({"maxphyaddr", "bits", "Physical address width.", kMinPhysicalBits, kMaxPhysicalBits},
            p.maxphyaddr);
  v.boolean({"page_1g", "1G pages exist, in both stages."}, p.page_1g);
  v.choice({"tag_rules", "Whose tags and invalidation rules hold.", kTagRulesNames}, p.tag_rules);
  v.integer({"memory_bytes", "bytes", "Size of host memory; only what is written takes room.",
             std::uint64_t{1} << 20, std::uint64_t{1} << kMaxPhysicalBits},
            p.memory_bytes);
  v.choice({"timing",
            "lt: blocking transport with annotated time, fast. at: non-blocking transport with "
            "queues and contention.",
            kTimingNames},
           p.timing);
  v.integer({"cores", "cores",
             "Cores, each with its own Mmu, walker and private caches; the last-level cache and "
             "memory are shared.",
             1, kMaxCores},
            p.cores);
  v.group({"core", "The core that makes accesses."}, p.core);
  v.group({"instructions", "Costs of instructions that change translation state."}, p.instructions);
  v.group({"mmu", "TLBs."}, p.mmu);
  v.group({"walker", "Page-table walker."}, p.walker);
  v.choice({"table_path",
            "Where the walker's reads enter the memory hierarchy; flat: straight to "
            "memory.",
            kTablePathNames},
           p.table_path);
  v.choice(
      {"data_path", "Whether data and instruction bytes go through the caches or cost nothing.",
       kDataPathNames},
      p.data_path);
  v.group({"l1i", "First-level instruction cache."}, p.l1i);
  v.group({"l1d", "First-level data cache."}, p.l1d);
  v.group({"l2", "Second-level cache."}, p.l2);
  v.group({"llc", "Last-level cache."}, p.llc);
  v.group({"dram", "Memory."}, p.dram);
}

}  // namespace nestwalk
