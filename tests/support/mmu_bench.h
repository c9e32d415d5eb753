// The translation hardware of one core over a WordMemory: Mmu, walker, and the monitor between the
// walker and memory. Memory answers at once, and can refuse reads and updates.
//
//   MmuBench bench(bare_machine());                 // no TLB, no walk cache, no nested TLB
//   bench.load(tables.context, tables.memory);
//   const BenchAnswer answer = bench.access({Gva(0x1000), AccessType::kRead});
//   answer.references.size();                       // as the monitor saw them
//
// One per process, as SystemC has one simulation context. Not for data, caches and memory timing:
// see Platform.
#pragma once

#include <tlm_utils/multi_passthrough_target_socket.h>
#include <tlm_utils/simple_initiator_socket.h>
#include <cstdint>
#include <systemc>
#include <tlm>
#include <vector>

#include "model/arch/access.h"
#include "model/arch/fault.h"
#include "model/arch/invalidation.h"
#include "model/arch/translation.h"
#include "model/params/machine.h"
#include "model/tlm/clock_domain.h"
#include "model/tlm/event_queue.h"
#include "model/tlm/mmu.h"
#include "model/tlm/table_monitor.h"
#include "model/tlm/walker.h"
#include "model/walk/context.h"
#include "tests/support/word_memory.h"

namespace nestwalk {

// A machine that caches nothing, with every latency that could hide behind another one at zero.
MachineParams bare_machine();
// TLBs, walk caches and a nested TLB of a few entries each, so that all of them hit, miss and evict
// within a few accesses.
MachineParams small_machine();

struct BenchAnswer {
  bool is_translation = false;
  Translation translation;
  Fault fault;
  std::vector<TableTransfer> references;
  std::vector<TableTransfer> updates;
  std::uint64_t cycles = 0;
};

class WordTarget : public sc_core::sc_module {
 public:
  tlm_utils::multi_passthrough_target_socket<WordTarget> target_socket{"target_socket"};

  WordTarget(sc_core::sc_module_name name, WordMemory& words);

 private:
  void b_transport(int source, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  tlm::tlm_sync_enum nb_transport_fw(int source, tlm::tlm_generic_payload& payload,
                                     tlm::tlm_phase& phase, sc_core::sc_time& delay);
  unsigned transport_dbg(int source, tlm::tlm_generic_payload& payload);

  WordMemory& words_;
};

// The place of a core. Transactions are sent by whoever has the bench.
class CpuStub : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<CpuStub> cpu_socket{"cpu_socket"};
  explicit CpuStub(sc_core::sc_module_name name) : sc_module(name) {}
};

class MmuBench {
 public:
  explicit MmuBench(const MachineParams& params);

  WordMemory memory;

  // A new memory and context on hardware that has forgotten everything.
  void load(const WalkContext& context, const WordMemory& words);
  BenchAnswer access(const Access& access);
  // As a platform does it: TLBs, walk caches and nested TLB. Returns the number of entries dropped.
  std::uint64_t invalidate(const Invalidation& invalidation);
  void flush();

  [[nodiscard]] CpuStub& cpu() { return cpu_; }
  [[nodiscard]] Mmu& mmu() { return mmu_; }
  [[nodiscard]] Walker& walker() { return walker_; }

 private:
  ClockDomain clock_;
  EventQueue queue_;
  CpuStub cpu_;
  Mmu mmu_;
  Walker walker_;
  TableMonitor monitor_;
  WordTarget target_;
};

}  // namespace nestwalk
