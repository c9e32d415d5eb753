// The MMU of one core: two levels of TLB in front of a walker. It translates, forwards the access
// to data or instruction memory, and answers with a fault record where there is none to make. It
// never calls software.
//
// An access that crosses a 4K boundary is translated on both sides before any byte moves; one that
// is longer than a page is refused with a burst error, one of no bytes is only translated. What an
// initiator sees without an AccessExtension: see extensions.h. With data_path none, accesses that
// move no bytes end here. transport_dbg translates by the tables alone, as a supervisor read,
// changes nothing (no fills, no A/D, no statistics) and gives 0 where there is a fault.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>
#include <cstdint>
#include <systemc>
#include <tlm>

#include "model/arch/invalidation.h"
#include "model/lookup/tlb_hierarchy.h"
#include "model/observe/invariants.h"
#include "model/observe/statistics.h"
#include "model/params/machine.h"
#include "model/tlm/clock_domain.h"
#include "model/tlm/extensions.h"
#include "model/walk/context.h"

namespace nestwalk {

// Hits and misses are the TLBs' own statistics.
struct MmuStats {
  std::uint64_t translations = 0;  // asked for; two for an access across pages
  std::uint64_t page_crossings = 0;
  std::uint64_t walks = 0;
  std::uint64_t faults = 0;
  std::uint64_t tlb_cycles = 0;
  std::uint64_t walk_cycles = 0;
  std::uint64_t data_cycles = 0;
};

class Mmu : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<Mmu> cpu_socket{"cpu_socket"};
  tlm_utils::simple_initiator_socket<Mmu> walk_socket{"walk_socket"};
  tlm_utils::simple_initiator_socket<Mmu> data_socket{"data_socket"};
  tlm_utils::simple_initiator_socket<Mmu> fetch_socket{"fetch_socket"};

  Mmu(sc_core::sc_module_name name, const MachineParams& params, const ClockDomain& clock);
  ~Mmu() override;

  // What holds for the accesses from now on: a load of CR3, a VM entry ... Drops nothing by itself.
  void set_context(const WalkContext& context);
  [[nodiscard]] const WalkContext& context() const { return context_; }

  // Drops what the operation covers from the TLBs. Returns the number of entries.
  std::uint64_t invalidate(const Invalidation& invalidation);
  void flush();

  [[nodiscard]] const Tlb& l1_itlb() const { return tlbs_.l1_itlb(); }
  [[nodiscard]] const Tlb& l1_dtlb() const { return tlbs_.l1_dtlb(); }
  [[nodiscard]] const Tlb& l2_tlb() const { return tlbs_.l2_tlb(); }
  [[nodiscard]] const MmuStats& stats() const { return stats_; }
  void register_stats(StatGroup& group) const;
  void expect_laws(CounterLaws& laws) const;

 private:
  void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  unsigned transport_dbg(tlm::tlm_generic_payload& payload);
  // The translation of one page's part of an access; false: fault_ says why.
  bool translate(const Access& access, Translation& translation, sc_core::sc_time& delay);
  bool walk(const Access& access, Translation& translation, sc_core::sc_time& delay);
  void split(tlm::tlm_generic_payload& payload, const Access& access, AccessExtension& extension,
             sc_core::sc_time& delay);
  static void report_refusal(const Access& access, AccessExtension& extension);
  void forward(tlm::tlm_generic_payload& payload, const AccessExtension& extension,
               sc_core::sc_time& delay);

  DataPath data_path_;
  sc_core::sc_time hidden_data_time_;
  const ClockDomain& clock_;
  WalkContext context_;
  MappingKind kind_ = MappingKind::kLinear;
  TlbHierarchy tlbs_;
  Fault fault_;
  tlm::tlm_generic_payload walk_payload_;
  WalkExtension walk_extension_;
  MmuStats stats_;
};

}  // namespace nestwalk
