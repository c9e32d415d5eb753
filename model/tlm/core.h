// A core that takes accesses from a client and makes them through its Mmu. Software (the client's
// fault handlers) runs on the core's time: its accesses and the cycles it spends go through
// access(), access_physical() and spend().
//
//   core.set_client(vcpu);   // before the simulation starts
//
// Timing lt: one access after the other by blocking transport, with temporal decoupling; software
// is atomic for other cores. Timing at: up to `window` accesses under way by non-blocking
// transport. They are sent in order, the base CPI apart, and retire in order. A fault is delivered
// when its access is the oldest and all younger ones have come back; these are made again
// afterwards. Software runs while nothing is under way, and other cores go on between its steps.
//
// Not for: instruction semantics; a trace has none.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/tlm_quantumkeeper.h>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <systemc>
#include <tlm>
#include <vector>

#include "model/arch/access.h"
#include "model/arch/fault.h"
#include "model/arch/swap.h"
#include "model/observe/statistics.h"
#include "model/params/machine.h"
#include "model/tlm/at_ports.h"
#include "model/tlm/clock_domain.h"
#include "model/tlm/event_queue.h"
#include "model/tlm/extensions.h"
#include "model/tlm/transaction.h"
#include "model/walk/pdpte.h"

namespace nestwalk {

class PageWalker;

// One access of an instruction stream.
struct CoreAccess {
  Gva address;
  std::uint32_t num_bytes = 8;
  std::uint32_t num_instructions = 1;  // retired since the access before
  AccessType type = AccessType::kRead;
};

class CoreClient {
 public:
  virtual ~CoreClient() = default;
  // The accesses to make next, valid until the next call; empty: the stream has ended.
  [[nodiscard]] virtual std::span<const CoreAccess> next_batch() = 0;
  // Runs the software that a fault calls for. True: try the access again; false: give it up.
  [[nodiscard]] virtual bool serve_fault(const CoreAccess& access, const Fault& fault) = 0;
};

struct CoreStats {
  std::uint64_t instructions = 0;
  std::uint64_t reads = 0;
  std::uint64_t writes = 0;
  std::uint64_t fetches = 0;
  std::uint64_t software_accesses = 0;  // made by guest kernel and hypervisor
  std::uint64_t abandoned = 0;          // accesses given up after a fault
  std::uint64_t base_cycles = 0;
  std::uint64_t software_cycles = 0;  // spent by software, besides its accesses
  std::uint64_t access_cycles = 0;    // translation and data of all accesses, PDPTE loads
  std::uint64_t physical_cycles = 0;  // of those, of what went past the Mmu
  std::uint64_t syncs = 0;
  std::uint64_t squashed = 0;  // accesses made again because an older one faulted
};

// Where the time of the stream went, each cycle once. Of accesses that overlap, the oldest decides.
struct StreamTimes {
  std::uint64_t core = 0;
  AccessTimes access;
};

// How an access by software ended.
struct SoftwareAccess {
  bool ok = false;
  Translation translation;  // ok, through the Mmu
  Fault fault;              // not ok
};

class Core : public sc_core::sc_module, private EventTarget {
 public:
  tlm_utils::simple_initiator_socket<Core> cpu_socket{"cpu_socket"};            // to the Mmu
  tlm_utils::simple_initiator_socket<Core> physical_socket{"physical_socket"};  // past the Mmu

  struct Setup {
    CoreParams params;
    Timing timing = Timing::kLt;
  };

  Core(sc_core::sc_module_name name, const Setup& setup, EventQueue& queue,
       const ClockDomain& clock);
  ~Core() override;

  void set_client(CoreClient& client) { client_ = &client; }
  void set_walker(PageWalker& walker) { walker_ = &walker; }

  // For software in this core's thread. `data` is read into or written from; empty: one byte that
  // is translated, counted and timed but does not move.
  [[nodiscard]] SoftwareAccess access(const Access& access, std::span<std::byte> data);
  // A host-physical access; false: the memory refused it.
  [[nodiscard]] bool access_physical(Hpa address, AccessType type, std::span<std::byte> data);
  // A host-physical compare and swap; false: the word was another one.
  [[nodiscard]] bool swap_physical(Hpa address, const Swap& swap);
  void spend(std::uint64_t cycles);
  // Instructions that make no access, at the base rate.
  void retire(std::uint64_t num_instructions);
  // The load of the PAE PDPTEs that goes with a load of CR3, by the walker on this core's time.
  [[nodiscard]] PdpteLoad load_pdptes(const WalkContext& context);

  // Until nothing of the stream is under way; faults and interrupts are served meanwhile. Software
  // that is not a handler begins with it.
  void drain();
  // Lets the time pass that software has spent so far; otherwise it passes with the next access.
  // Timing lt: nothing to do.
  void pass_time();
  // Waits, in software, until `is_done` says so at one of the events; interrupts are served
  // meanwhile. Returns the cycles that passed, without those of the interrupts. Timing at only.
  std::uint64_t wait_until(const sc_core::sc_event& event, const std::function<bool()>& is_done);
  // Runs the handler on this core, as soon as no access is under way and no handler that does not
  // wait runs. Timing lt: at once.
  void interrupt(std::function<void()> handler);

  // Cycles since the start, this core's run-ahead included; of a core whose stream has ended, until
  // then.
  [[nodiscard]] std::uint64_t now_cycles() const;
  [[nodiscard]] bool is_non_blocking() const { return timing_ == Timing::kAt; }
  // Timing at only.
  [[nodiscard]] const StreamTimes& stream_times() const { return times_; }
  // The stream has ended.
  [[nodiscard]] bool is_done() const { return is_done_; }

  [[nodiscard]] const CoreStats& stats() const { return stats_; }
  void register_stats(StatGroup& group) const;

 private:
  // An access under way, non-blocking.
  struct Flight {
    CoreAccess access;
    std::uint64_t base_cycles = 0;
    bool is_done = false;
    bool is_ok = false;
    AccessTimes times;
    Fault fault;
  };
  // An access that a fault of an older one undid.
  struct Replay {
    CoreAccess access;
    std::uint64_t base_cycles = 0;
  };
  void run();
  void run_blocking();
  void run_batch(std::span<const CoreAccess> batch);
  void make_access(const CoreAccess& access);
  void count(const CoreAccess& access);
  [[nodiscard]] std::uint64_t base_cycles_of(std::uint64_t num_instructions);
  void transport();
  void transport_blocking(tlm::tlm_generic_payload& payload);
  void transport_physical();
  void transport_and_wait();
  void transport_physical_and_wait();
  void wait_for_answer();
  void software_answered();
  void sync_if_due();
  void sync();
  void begin_quantum();

  // Non-blocking.
  void run_window();
  void wait_for_stream(bool until_empty);
  tlm::tlm_sync_enum cpu_answered(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                  sc_core::sc_time& delay);
  tlm::tlm_sync_enum physical_answered(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                       sc_core::sc_time& delay);
  void on_event(unsigned kind, void* item) override;
  [[nodiscard]] bool has_next() const { return !replays_.empty() || next_ != batch_.size(); }
  // Nothing is sent: a fault or an interrupt waits for what is under way.
  [[nodiscard]] bool is_stopped() const { return is_faulted_ || !interrupts_.empty(); }
  void schedule_issue();
  void forget_posted_issue();
  [[nodiscard]] std::uint64_t next_base_cycles();
  void issue();
  void send(Flight& flight);
  void complete(Transaction<AccessExtension>& t);
  void retire_oldest();
  void account(const Flight& flight);
  void deliver_fault();
  void run_interrupts();
  void software_begins() const;
  [[nodiscard]] Flight& flight_at(std::uint64_t number) {
    return flights_[number % flights_.size()];
  }

  Timing timing_;
  EventQueue& queue_;
  const ClockDomain& clock_;
  CoreClient* client_ = nullptr;
  PageWalker* walker_ = nullptr;
  std::uint64_t cpi_numerator_;  // base CPI in 1/1024 cycles
  std::uint64_t cpi_remainder_ = 0;
  tlm_utils::tlm_quantumkeeper keeper_;
  std::uint64_t num_walks_before_ = 0;  // when the last batch began
  sc_core::sc_time quantum_;            // what is left of it at the start of this thread's turn
  tlm::tlm_generic_payload payload_;
  AccessExtension extension_;
  tlm::tlm_generic_payload stream_payload_;  // blocking: of the workload's accesses
  AccessExtension stream_extension_;
  tlm::tlm_generic_payload physical_payload_;
  TableExtension physical_extension_;
  std::byte scratch_[64] = {};
  bool is_done_ = false;

  // Non-blocking. Flights are numbered in the order of the stream; those under way are
  // [oldest_, youngest_).
  RequestPort<tlm_utils::simple_initiator_socket<Core>> cpu_port_;
  RequestPort<tlm_utils::simple_initiator_socket<Core>> physical_port_;
  TransactionPool<AccessExtension> pool_;
  TransactionPool<TableExtension> physical_pool_;
  std::vector<Flight> flights_;
  std::uint64_t oldest_ = 0;
  std::uint64_t youngest_ = 0;
  std::uint64_t num_unanswered_ = 0;
  bool is_faulted_ = false;  // the oldest has faulted: nothing is sent, the younger come back
  std::span<const CoreAccess> batch_;
  std::size_t next_ = 0;  // in batch_
  std::deque<Replay> replays_;
  bool is_base_drawn_ = false;  // base_cycles_ is that of batch_[next_]
  std::uint64_t base_cycles_ = 0;
  bool is_issue_posted_ = false;
  std::uint32_t issue_version_ = 0;   // of the event that is posted
  std::uint64_t dispatch_cycle_ = 0;  // the last access was sent
  std::uint64_t retire_cycle_ = 0;    // the last access retired, or software ended
  bool wants_empty_ = false;          // the thread waits for the last access under way
  sc_core::sc_event wake_;
  std::uint64_t owed_cycles_ = 0;  // spent by software and not yet passed
  bool is_software_answered_ = false;
  sc_core::sc_event software_answered_;
  std::deque<std::function<void()>> interrupts_;
  sc_core::sc_event interrupted_;
  std::uint64_t interrupt_cycles_ = 0;
  std::uint64_t done_cycle_ = 0;
  StreamTimes times_;

  CoreStats stats_;
};

}  // namespace nestwalk
