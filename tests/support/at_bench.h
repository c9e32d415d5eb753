// Timed modules with a test's initiator before them and a protocol checker on every connection, for
// tests of cycles. Each bench is the machine of one process, and one clock: a request's cycle and
// the cycles of its record count from the start of the simulation.
//
//   MmuAtBench bench(params);           // initiator - Mmu - walker - memory
//   bench.load(tables);
//   const std::size_t read = bench.cpu.send({.cycle = 0, .access = {gva, AccessType::kRead}});
//   bench.run();                        // until nothing happens any more
//   bench.cpu.record(read).answered;
//
// A broken protocol fails the test in run(). Not for whole machines: see PlatformBench.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <systemc>
#include <vector>

#include "model/memory/sparse_memory.h"
#include "model/params/machine.h"
#include "model/tlm/cache.h"
#include "model/tlm/clock_domain.h"
#include "model/tlm/dram.h"
#include "model/tlm/event_queue.h"
#include "model/tlm/mmu.h"
#include "model/tlm/walker.h"
#include "tests/support/at_initiator.h"
#include "tests/support/hand_tables.h"
#include "tests/support/protocol_checker.h"

namespace nestwalk {

// What the benches have in common: clock, queue, memory, checkers.
class AtBench {
 public:
  // Until nothing happens any more; once.
  void run();
  // Everything up to this cycle has happened, and nothing after it.
  void run_through(std::uint64_t cycle);

 protected:
  explicit AtBench(const MachineParams& params);
  ~AtBench() = default;

  // Binds the two with a checker between them.
  template <class Initiator, class Target>
  ProtocolChecker& connect(const std::string& name, Initiator& initiator, Target& target) {
    checkers_.push_back(std::make_unique<ProtocolChecker>(name.c_str(), clock_));
    initiator.bind(checkers_.back()->target_socket);
    checkers_.back()->initiator_socket.bind(target);
    return *checkers_.back();
  }

  ClockDomain clock_;
  EventQueue queue_;
  SparseMemory memory_;
  Dram dram_;

 private:
  std::vector<std::unique_ptr<ProtocolChecker>> checkers_;
};

// Initiator - Mmu - walker - memory; data and instructions go to memory too.
class MmuAtBench : public AtBench {
 public:
  explicit MmuAtBench(const MachineParams& params);

  void load(const HandTables& tables);

 private:
  Mmu mmu_;
  Walker walker_;

 public:
  AtInitiator cpu;
  const Mmu& mmu = mmu_;
  const Walker& walker = walker_;
  ProtocolChecker& walk_port;  // between Mmu and walker
};

// Two initiators - cache - memory.
class CacheAtBench : public AtBench {
 public:
  // The cache is the machine's L1D.
  explicit CacheAtBench(const MachineParams& params);

 private:
  Cache cache_;

 public:
  AtInitiator left;
  AtInitiator right;
  const Cache& cache = cache_;
  const Dram& dram = dram_;
  ProtocolChecker& memory_port;  // between cache and memory
};

// Initiator - memory.
class DramAtBench : public AtBench {
 public:
  explicit DramAtBench(const MachineParams& params);

  AtInitiator cpu;
  const Dram& dram = dram_;
};

}  // namespace nestwalk
