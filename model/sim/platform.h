// The machine put together: core, Mmu, walker, caches and memory, bound to each other. One per
// process: SystemC keeps one simulation context for all.
//
//   Platform platform(params);
//   platform.core().set_client(client);
//   sc_core::sc_start();
#pragma once

#include <cstdint>
#include <memory>
#include <systemc>

#include "model/arch/invalidation.h"
#include "model/memory/sparse_memory.h"
#include "model/observe/invariants.h"
#include "model/observe/statistics.h"
#include "model/params/machine.h"
#include "model/tlm/cache.h"
#include "model/tlm/clock_domain.h"
#include "model/tlm/core.h"
#include "model/tlm/dram.h"
#include "model/tlm/mmu.h"
#include "model/tlm/table_monitor.h"
#include "model/tlm/walker.h"

namespace nestwalk {

// Whether a TableMonitor sits on the walker's memory port; it costs a call per table access.
enum class TableWatch : std::uint8_t { kOff, kOn };

class Platform {
 public:
  explicit Platform(const MachineParams& params, TableWatch watch = TableWatch::kOff);

  [[nodiscard]] SparseMemory& memory() { return memory_; }
  [[nodiscard]] Core& core() { return core_; }
  [[nodiscard]] Mmu& mmu() { return mmu_; }
  [[nodiscard]] Walker& walker() { return walker_; }
  [[nodiscard]] const MachineParams& params() const { return params_; }
  // What goes over the walker's memory port, seen from outside the walker; TableWatch::kOn only.
  [[nodiscard]] TableMonitor& table_monitor() { return *table_monitor_; }

  // TLBs, walk caches and nested TLB. Returns the number of entries dropped.
  std::uint64_t invalidate(const Invalidation& invalidation);
  // Forgets everything that is cached for translation.
  void flush_translations();

  void register_stats(StatGroup& root) const;
  void expect_laws(CounterLaws& laws) const;

 private:
  using CachePtr = std::unique_ptr<Cache>;

  [[nodiscard]] CachePtr make_cache(const char* name, const CacheParams& params);
  // Binds an initiator to the first level present of `path`, which is from the core to memory.
  template <class Socket>
  void bind_path(Socket& socket, std::initializer_list<Cache*> path);
  template <class Socket>
  void bind_table_path(Socket& socket);
  void bind();

  MachineParams params_;
  ClockDomain clock_;
  SparseMemory memory_;
  Core core_;
  Mmu mmu_;
  Walker walker_;
  std::unique_ptr<TableMonitor> table_monitor_;
  CachePtr l1i_;
  CachePtr l1d_;
  CachePtr l2_;
  CachePtr llc_;
  Dram dram_;
};

}  // namespace nestwalk
