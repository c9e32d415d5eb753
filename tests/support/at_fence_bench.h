// Translation hardware of one or more cores under invalidations that arrive while accesses are
// under way: Mmu and walker of each core by non-blocking transport, over one memory that answers
// out of order. No software: a shot is what the test does to tables and hardware in one cycle.
//
//   FenceBench bench(params, 1);
//   FenceRun run{.context = context, .memory = words, .accesses = accesses, .shots = {shot}};
//   const FenceResult result = bench.run(run);
//   EXPECT_EQ(result.violation, "");
//
// Each shot has a fence of its own. An answer that comes after a shot was acknowledged must be what
// the second witness says from the tables as that shot left them; an earlier one may also be what
// the tables said before. Once all shots are acknowledged, no word that only the tables of before
// lead to may be read or updated any more: they are overwritten then. Afterwards nothing that is
// cached may be old (FenceRun::afterwards and at_fence_judge.h). One per process.
#pragma once

#include <tlm_utils/multi_passthrough_target_socket.h>
#include <tlm_utils/simple_initiator_socket.h>
#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <systemc>
#include <tlm>
#include <vector>

#include "model/arch/access.h"
#include "model/arch/invalidation.h"
#include "model/params/machine.h"
#include "model/tlm/at_ports.h"
#include "model/tlm/clock_domain.h"
#include "model/tlm/event_queue.h"
#include "model/tlm/mmu.h"
#include "model/tlm/transaction.h"
#include "model/tlm/walker.h"
#include "model/walk/context.h"
#include "tests/support/walk_expectations.h"
#include "tests/support/word_memory.h"

namespace nestwalk {

// A store to a table: the bits of `keep` stay as they are (A and D, say).
struct TableEdit {
  Hpa hpa;
  std::uint8_t bytes = 8;
  std::uint64_t keep = 0;
  std::uint64_t set = 0;
};

// In one cycle: stores to the tables, then the invalidations, with a fence over all of them.
struct FenceShot {
  std::uint64_t cycle = 0;  // since the run began
  bool is_late = false;     // after everything else of that cycle, not before
  std::vector<TableEdit> edits;
  bool moves_host_table = false;  // a host table becomes data, not only guest tables
  std::vector<Invalidation> invalidations;
  std::vector<unsigned> cores = {0};  // whose structures
};

struct FenceRun {
  WalkContext context;
  WordMemory memory;
  std::vector<Access> warm;      // made one by one before the run
  std::vector<Access> accesses;  // of each core
  unsigned num_bytes = 8;        // of an access; no byte moves
  unsigned window = 4;           // accesses of a core that are under way at a time
  std::vector<FenceShot> shots;
  WalkContext context_after;  // in force when all has come to rest ...
  std::vector<Access> afterwards;
  std::uint64_t seed = 0;      // of the memory's latencies
  bool judges_before = true;   // answers before the acknowledgement, too
  bool judges_answers = true;  // false: the fence is not for the accesses under way
};

struct FenceAnswer {
  std::uint64_t cycle = 0;
  unsigned access = 0;
  bool is_translation = false;
  std::uint64_t address = 0;  // HPA, or where the fault is
  friend bool operator==(const FenceAnswer&, const FenceAnswer&) = default;
};

struct FenceResult {
  std::string violation;  // the first; empty: none
  std::uint64_t cycles = 0;
  std::uint64_t longest_wait = 0;  // of a shot for its acknowledgement
  std::uint64_t num_waits = 0;     // shots that were not acknowledged at once
  std::uint64_t kills = 0;
  std::uint64_t num_dropped = 0;
  std::uint64_t num_strict = 0;  // answers that had to be of the last tables
  std::vector<FenceAnswer> answers;
};

// A memory that keeps each transaction for a few cycles and does what it asks for in one of them.
class FenceMemory final : public sc_core::sc_module, private EventTarget {
 public:
  static constexpr std::uint64_t kMostCycles = 6;
  tlm_utils::multi_passthrough_target_socket<FenceMemory> target_socket{"target_socket"};

  // What the memory's owner wants to know.
  class Observer {
   public:
    // A table transaction arrives, or takes place (`is_served`).
    virtual void on_table(Hpa hpa, const TableExtension& table, bool is_served) = 0;
    // An update has been stored over the word that it expected.
    virtual void on_stored(Hpa hpa, unsigned bytes, const TableExtension& table,
                           std::uint64_t desired) = 0;
    virtual void on_data(Hpa hpa, const tlm::tlm_generic_payload& payload) = 0;

   protected:
    ~Observer() = default;
  };

  FenceMemory(sc_core::sc_module_name name, EventQueue& queue, WordMemory& words,
              Observer& observer);
  void begin(std::uint64_t seed) { random_ = SplitMix(seed); }
  [[nodiscard]] unsigned num_inside() const { return num_inside_; }

 private:
  enum QueueEvent : unsigned { kServe, kRespond };
  tlm::tlm_sync_enum nb_transport_fw(int source, tlm::tlm_generic_payload& payload,
                                     tlm::tlm_phase& phase, sc_core::sc_time& delay);
  void on_event(unsigned kind, void* item) override;
  void serve(tlm::tlm_generic_payload& payload);

  EventQueue& queue_;
  WordMemory& words_;
  Observer& observer_;
  SplitMix random_{0};
  unsigned num_inside_ = 0;
};

class FenceBench final : private EventTarget, private FenceMemory::Observer {
 public:
  FenceBench(const MachineParams& params, unsigned num_cores);

  // From structures that have forgotten everything.
  FenceResult run(const FenceRun& run);

  [[nodiscard]] Mmu& mmu(unsigned core = 0) { return units_[core]->mmu; }
  [[nodiscard]] Walker& walker(unsigned core = 0) { return units_[core]->walker; }

 private:
  struct Unit;
  // The initiator of one core.
  class Cpu : public sc_core::sc_module {
   public:
    tlm_utils::simple_initiator_socket<Cpu> cpu_socket{"cpu_socket"};
    Cpu(sc_core::sc_module_name name, FenceBench& bench, unsigned core);
    void send(unsigned access, const Access& what, unsigned num_bytes);
    [[nodiscard]] std::size_t num_under_way() const { return pool_.num_taken(); }

   private:
    tlm::tlm_sync_enum nb_transport_bw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                       sc_core::sc_time& delay);
    void answered(tlm::tlm_generic_payload& payload);
    FenceBench& bench_;
    unsigned core_;
    RequestPort<tlm_utils::simple_initiator_socket<Cpu>> port_;
    TransactionPool<AccessExtension> pool_;
  };
  struct Unit {
    Unit(FenceBench& bench, const MachineParams& params, unsigned core);
    Cpu cpu;
    Mmu mmu;
    Walker walker;
    unsigned next = 0;                   // access to be sent
    std::vector<std::uint64_t> sent_at;  // by access
  };
  enum QueueEvent : unsigned { kIssue, kShoot, kPoll };

  void on_event(unsigned kind, void* item) override;
  void on_table(Hpa hpa, const TableExtension& table, bool is_served) override;
  void on_stored(Hpa hpa, unsigned bytes, const TableExtension& table,
                 std::uint64_t desired) override;
  void on_data(Hpa hpa, const tlm::tlm_generic_payload& payload) override;
  // Whether the outcome was right at some moment since the cycle: walks of other accesses set A and
  // D bits meanwhile, and by another host mapping of the table also such as this one may not set.
  [[nodiscard]] bool was_right_since(std::uint64_t cycle, const WalkContext& context,
                                     const Access& access, const HardwareOutcome& outcome) const;
  void issue(Unit& unit);
  void answered(unsigned core, unsigned access, const tlm::tlm_generic_payload& payload,
                const AccessExtension& extension);
  void shoot(unsigned shot);
  void poll();
  void make(const std::vector<Access>& accesses, unsigned window, unsigned num_bytes);
  void check_rest(const FenceRun& run);
  void violate(const std::string& text);
  // The shots that hold: 0, or one more than the last one acknowledged.
  [[nodiscard]] std::size_t num_acknowledged() const;
  [[nodiscard]] bool is_settled() const {
    return num_fired_ == run_->shots.size() && num_acknowledged() == num_fired_;
  }

  ClockDomain clock_;
  EventQueue queue_;
  WordMemory words_;
  FenceMemory memory_;
  std::vector<std::unique_ptr<Unit>> units_;

  // Of the run under way.
  enum class Part { kWarm, kRace, kAfterwards };
  const FenceRun* run_ = nullptr;
  Part part_ = Part::kWarm;
  FenceResult result_;
  const std::vector<Access>* accesses_ = nullptr;
  unsigned num_bytes_ = 8;
  std::uint64_t start_cycle_ = 0;
  std::vector<std::unique_ptr<Fence>> fences_;
  struct StoredUpdate {
    std::uint64_t cycle = 0;
    Hpa hpa;
    unsigned bytes = 0;
    std::uint64_t set = 0;  // the bits
  };
  std::vector<StoredUpdate> updates_;
  std::vector<std::uint64_t> fired_at_;
  std::size_t num_fired_ = 0;
  std::size_t num_seen_acknowledged_ = 0;
  std::vector<WordMemory> versions_;   // the tables before each shot
  std::set<std::uint64_t> old_words_;  // HPAs that the first tables alone lead to
  bool is_overwritten_ = false;
};

}  // namespace nestwalk
