// The machine put together: cores, each with Mmu, walker and private caches, and the last-level
// cache and memory that they share. One per process: SystemC keeps one simulation context for all.
// Throws std::invalid_argument for a walker that there is not (walker_models.h).
//
//   Platform platform(params);
//   platform.core(0).set_client(client);   // each core
//   sc_core::sc_start();
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <systemc>
#include <vector>

#include "model/arch/invalidation.h"
#include "model/memory/sparse_memory.h"
#include "model/observe/invariants.h"
#include "model/observe/statistics.h"
#include "model/params/machine.h"
#include "model/tlm/cache.h"
#include "model/tlm/clock_domain.h"
#include "model/tlm/core.h"
#include "model/tlm/dram.h"
#include "model/tlm/event_queue.h"
#include "model/tlm/mmu.h"
#include "model/tlm/page_walker.h"
#include "model/tlm/table_monitor.h"
#include "model/walk/translation_observer.h"

namespace nestwalk {

// Whether a TableMonitor sits on the walker's memory port; it costs a call per table access.
enum class TableWatch : std::uint8_t { kOff, kOn };

class Platform {
 public:
  explicit Platform(const MachineParams& params, TableWatch watch = TableWatch::kOff);

  [[nodiscard]] SparseMemory& memory() { return memory_; }
  [[nodiscard]] unsigned num_cores() const { return static_cast<unsigned>(units_.size()); }
  [[nodiscard]] Core& core(unsigned index = 0) { return units_[index]->core; }
  [[nodiscard]] Mmu& mmu(unsigned index = 0) { return units_[index]->mmu; }
  [[nodiscard]] PageWalker& walker(unsigned index = 0) { return *units_[index]->walker; }
  [[nodiscard]] const MachineParams& params() const { return params_; }
  // What goes over the walker's memory port, seen from outside the walker; TableWatch::kOn only.
  [[nodiscard]] TableMonitor& table_monitor() { return *units_[0]->monitor; }

  // TLBs, walk caches and nested TLB of a core. With a fence, the operation is over when that is
  // acknowledged. Returns the number of entries dropped.
  std::uint64_t invalidate(unsigned core, const Invalidation& invalidation, Fence* fence = nullptr);
  // Whoever has waited for the fence of an invalidation says so: see TranslationObserver.
  void acknowledge(unsigned core, const Invalidation& invalidation) const {
    if (observer_ != nullptr) {
      observer_->on_acknowledged(core, invalidation);
    }
  }
  [[nodiscard]] TranslationObserver* observer() const { return observer_; }
  // Of all cores; before the simulation begins. It must outlive the platform or be taken away.
  void set_observer(TranslationObserver* observer);
  // Forgets everything that any core has cached for translation.
  void flush_translations();

  void register_stats(StatGroup& root) const;
  void expect_laws(CounterLaws& laws) const;
  // What parts that check themselves have found; none: all is well.
  [[nodiscard]] std::vector<std::string> problems() const;

 private:
  using CachePtr = std::unique_ptr<Cache>;

  // A core and what belongs to it alone.
  struct Unit {
    Unit(const std::string& index, Platform& platform, TableWatch watch);

    Core core;
    Mmu mmu;
    std::unique_ptr<PageWalker> walker;
    std::unique_ptr<TableMonitor> monitor;
    CachePtr l1i;
    CachePtr l1d;
    CachePtr l2;
  };

  [[nodiscard]] CachePtr make_cache(const std::string& name, const CacheParams& params);
  // Binds an initiator to the first level present of `path`, which is from the core to memory.
  template <class Socket>
  void bind_path(Socket& socket, std::initializer_list<Cache*> path);
  template <class Socket>
  void bind_table_path(Unit& unit, Socket& socket);
  void bind(Unit& unit);

  MachineParams params_;
  ClockDomain clock_;
  EventQueue queue_;
  SparseMemory memory_;
  std::vector<std::unique_ptr<Unit>> units_;
  CachePtr llc_;
  Dram dram_;
  TranslationObserver* observer_ = nullptr;
};

}  // namespace nestwalk
