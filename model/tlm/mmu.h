// The MMU of one core: two levels of TLB in front of a walker. It translates, forwards the access
// to data or instruction memory, and answers with a fault record where there is none to make. It
// never calls software.
//
// An access that crosses a 4K boundary is translated on both sides before any byte moves; one that
// is longer than a page is refused with a burst error, one of no bytes is only translated. What an
// initiator sees without an AccessExtension: see extensions.h. With data_path none, accesses that
// move no bytes end here. transport_dbg translates by the tables alone, as a supervisor read,
// changes nothing (no fills, no A/D, no statistics) and gives 0 where there is a fault.
//
// Non-blocking, accesses pass each other: hits go on under misses, a miss on a page whose
// translation is awaited joins it, others take a miss register each and wait for one where there is
// none. An access is translated by the context in force when it arrived; who changes the context
// drains first.
#pragma once

#include <tlm_utils/passthrough_target_socket.h>
#include <tlm_utils/simple_initiator_socket.h>
#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <systemc>
#include <tlm>
#include <vector>

#include "model/arch/invalidation.h"
#include "model/lookup/recent_hits.h"
#include "model/lookup/tlb_hierarchy.h"
#include "model/observe/invariants.h"
#include "model/observe/statistics.h"
#include "model/params/machine.h"
#include "model/tlm/at_ports.h"
#include "model/tlm/clock_domain.h"
#include "model/tlm/event_queue.h"
#include "model/tlm/extensions.h"
#include "model/tlm/object_pool.h"
#include "model/tlm/transaction.h"
#include "model/walk/context.h"
#include "model/walk/translation_observer.h"

namespace nestwalk {

// Hits and misses are the TLBs' own statistics.
struct MmuStats {
  std::uint64_t translations = 0;  // asked for; two for an access across pages
  std::uint64_t page_crossings = 0;
  std::uint64_t walks = 0;
  std::uint64_t merged = 0;  // misses that the walk of another one served
  std::uint64_t stalls = 0;  // misses that found no register free
  std::uint64_t faults = 0;
  std::uint64_t tlb_cycles = 0;
  std::uint64_t walk_cycles = 0;
  std::uint64_t data_cycles = 0;
};

class Mmu : public sc_core::sc_module, private EventTarget {
 public:
  tlm_utils::passthrough_target_socket<Mmu> cpu_socket{"cpu_socket"};
  tlm_utils::simple_initiator_socket<Mmu> walk_socket{"walk_socket"};
  tlm_utils::simple_initiator_socket<Mmu> data_socket{"data_socket"};
  tlm_utils::simple_initiator_socket<Mmu> fetch_socket{"fetch_socket"};

  Mmu(sc_core::sc_module_name name, const MachineParams& params, EventQueue& queue,
      const ClockDomain& clock);
  ~Mmu() override;

  // What holds for the accesses from now on: a load of CR3, a VM entry ... Drops nothing by itself.
  void set_context(const WalkContext& context);
  [[nodiscard]] const WalkContext& context() const { return context_; }

  // Hears of every translation from now on; before the first access. It must outlive the MMU or be
  // taken away.
  void set_observer(TranslationObserver* observer, unsigned core) {
    observer_ = observer;
    core_ = core;
  }

  // Drops what the operation covers from the TLBs. `fence`, if there is one, is held until the
  // accesses that it concerns and that have a translation already are answered. Returns the number
  // of entries dropped. The walker's part is its own.
  std::uint64_t invalidate(const Invalidation& invalidation, Fence* fence = nullptr);
  // No access is inside.
  [[nodiscard]] bool is_idle() const { return target_port_.num_inside() == 0; }
  void flush();

  [[nodiscard]] const TlbHierarchy& tlbs() const { return tlbs_; }
  [[nodiscard]] const Tlb& l1_itlb() const { return tlbs_.l1_itlb(); }
  [[nodiscard]] const Tlb& l1_dtlb() const { return tlbs_.l1_dtlb(); }
  [[nodiscard]] const Tlb& l2_tlb() const { return tlbs_.l2_tlb(); }
  [[nodiscard]] const MmuStats& stats() const { return stats_; }
  // Walks ahead of any access; not among the walks above.
  [[nodiscard]] std::uint64_t num_prefetch_walks() const { return num_prefetch_walks_; }
  void register_stats(StatGroup& group) const;
  void expect_laws(CounterLaws& laws) const;

 private:
  // An access inside, non-blocking.
  struct Pending {
    tlm::tlm_generic_payload* payload = nullptr;
    AccessExtension* extension = nullptr;
    Gva address;    // as it came in
    Access access;  // of the part under translation
    std::uint64_t context_version = 0;
    unsigned first_bytes = 0;      // in the first page, if it lies in two
    bool is_second_part = false;   // that part is under translation, or its data under way
    bool has_translation = false;  // of one part at least; false while nobody uses this object
    Translation first;             // of the first page
    Translation translation;
    std::uint64_t since_cycle = 0;                   // of the phase that it is in
    std::vector<Fence*> fences;                      // held until it is answered
    std::unique_ptr<AccessExtension> own_extension;  // of an initiator that brought none
    // The payload as it came in, where the second part changes it.
    unsigned char* data = nullptr;
    unsigned length = 0;
  };
  // A page whose translation is awaited.
  struct MissRegister {
    bool is_used = false;
    std::uint64_t page = 0;
    std::uint64_t context_version = 0;
    WalkContext context;       // the walk's own copy
    Pending* first = nullptr;  // none: ahead of any access
    Access access;             // that is walked for
    std::vector<Pending*> joined;
  };
  enum QueueEvent : unsigned {
    kFirstLevel,
    kFirstMissed,
    kSecondLevel,
    kMissed,
    kTranslated,
    kSecondData
  };
  struct SendBack {
    Mmu* mmu;
    tlm::tlm_sync_enum operator()(int /*source*/, tlm::tlm_generic_payload& payload,
                                  tlm::tlm_phase& phase, sc_core::sc_time& delay) const {
      return mmu->cpu_socket->nb_transport_bw(payload, phase, delay);
    }
  };
  using DataPort = RequestPort<tlm_utils::simple_initiator_socket<Mmu>>;

  tlm::tlm_sync_enum nb_transport_fw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay);
  tlm::tlm_sync_enum walk_answered(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                   sc_core::sc_time& delay);
  tlm::tlm_sync_enum data_answered(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                   sc_core::sc_time& delay);
  tlm::tlm_sync_enum fetch_answered(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                    sc_core::sc_time& delay);
  void on_event(unsigned kind, void* item) override;
  void admit(tlm::tlm_generic_payload& payload, std::uint64_t delay_cycles);
  void begin_translation(Pending& p, std::uint64_t delay_cycles);
  void look_up_first(Pending& p);
  void look_up_second(Pending& p);
  void missed(Pending& p);
  // Now, or as many cycles later.
  void go_on(Pending& p, std::uint64_t delay_cycles, QueueEvent event);
  void handle(Pending& p, QueueEvent event);
  void begin_walk(MissRegister& r, Pending& p);
  void send_walk(MissRegister& r, bool is_prefetch);
  // Walks ahead for what the TLBs ask for after this access: at once and beside it, blocking; where
  // a register is free and no miss waits, non-blocking.
  void prefetch_blocking(const Access& access);
  void prefetch(const Access& access);
  void end_prefetch(const MissRegister& r, const WalkExtension& answer);
  void end_walk(Transaction<WalkExtension>& t);
  void retry_stalled();
  void translated(Pending& p);
  void send_data(Pending& p);
  void send_part(Pending& p);
  void data_done(Pending& p);
  void refuse(Pending& p, const Fault& fault);
  void answer(Pending& p);
  // The cycles since the last phase began; another one begins.
  [[nodiscard]] std::uint64_t end_phase(Pending& p);
  [[nodiscard]] static tlm::tlm_response_status check(const tlm::tlm_generic_payload& payload);
  // What the initiator asks for; `extension` may be absent.
  [[nodiscard]] static Access access_of(const tlm::tlm_generic_payload& payload,
                                        const AccessExtension* extension);
  // Translated, and nothing to fetch or store for it.
  [[nodiscard]] bool ends_here(const tlm::tlm_generic_payload& payload,
                               const AccessExtension& extension) const {
    return payload.get_data_length() == 0 ||
           (data_path_ == DataPath::kNone && extension.timing_only);
  }

  void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  unsigned transport_dbg(tlm::tlm_generic_payload& payload);
  // The translation of one page's part of an access; false: fault_ says why.
  bool translate(const Access& access, Translation& translation, sc_core::sc_time& delay);
  bool walk(const Access& access, Translation& translation, sc_core::sc_time& delay);
  void split(tlm::tlm_generic_payload& payload, const Access& access, AccessExtension& extension,
             sc_core::sc_time& delay);
  static void report_refusal(Gva address, AccessExtension& extension);
  void annotate_tlb(std::uint32_t cycles, sc_core::sc_time& delay) {
    if (cycles != 0) {
      stats_.tlb_cycles += cycles;
      delay += clock_.cycles(cycles);
    }
  }
  bool hit_again(tlm::tlm_generic_payload& payload, AccessExtension& extension,
                 sc_core::sc_time& delay);
  void transport_in_full(tlm::tlm_generic_payload& payload, AccessExtension* extension,
                         sc_core::sc_time& delay);
  // The access after its translation; `address` is what it came with.
  void forward(tlm::tlm_generic_payload& payload, Gva address, AccessExtension& extension,
               sc_core::sc_time& delay) {
    if (ends_here(payload, extension)) {
      payload.set_address(extension.translation.hpa.value());
      payload.set_response_status(tlm::TLM_OK_RESPONSE);
      return;
    }
    move_data(payload, extension.translation.hpa, extension, delay);
    if (!payload.is_response_ok()) {
      report_refusal(address, extension);
    }
  }
  void move_data(tlm::tlm_generic_payload& payload, Hpa hpa, const AccessExtension& extension,
                 sc_core::sc_time& delay);

  [[nodiscard]] ObservedContext in_force() const { return {core_, context_version_, context_}; }
  void observe(const ObservedContext& where, const Access& access, const Translation& translation,
               TranslationPath path) {
    if (observer_ != nullptr) [[unlikely]] {
      observer_->on_translation(where, access, translation, path);
    }
  }
  void observe_walk(const ObservedContext& where, const Access& access) {
    if (observer_ != nullptr) [[unlikely]] {
      observer_->on_walk(where, access);
    }
  }

  // The other page of an access that lies in two.
  [[nodiscard]] Access second_part(const Access& access, std::uint64_t first_bytes) const;

  EventQueue& queue_;
  DataPath data_path_;
  sc_core::sc_time hidden_data_time_;
  const ClockDomain& clock_;
  WalkContext context_;
  MappingKind kind_ = MappingKind::kLinear;
  TlbHierarchy tlbs_;
  // Blocking: what reads, writes, fetches ask first.
  struct FirstLevel {
    Tlb* tlb = nullptr;
    std::uint32_t latency_cycles = 0;
    RecentHits recent;
  };
  std::array<FirstLevel, 3> first_;
  AccessExtension foreign_;  // blocking: of an initiator that brings none
  Fault fault_;
  TranslationObserver* observer_ = nullptr;
  unsigned core_ = 0;
  tlm::tlm_generic_payload walk_payload_;
  WalkExtension walk_extension_;

  // Non-blocking.
  TargetPort<SendBack> target_port_;
  DataPort walk_port_;
  DataPort data_port_;
  DataPort fetch_port_;
  LookupPort l1i_port_;
  LookupPort l1d_port_;
  LookupPort l2_port_;
  ObjectPool<Pending> pool_;
  TransactionPool<WalkExtension> walk_pool_;
  std::vector<MissRegister> registers_;
  std::deque<Pending*> stalled_;  // misses that wait for a register
  std::uint64_t context_version_ = 0;
  std::uint64_t num_prefetch_walks_ = 0;

  MmuStats stats_;
};

}  // namespace nestwalk
