#include "tests/support/at_bench.h"

#include <gtest/gtest.h>

namespace nestwalk {

AtBench::AtBench(const MachineParams& params)
    : clock_(params.clock_mhz),
      queue_("event_queue", clock_),
      memory_(params.memory_bytes),
      dram_("dram", params.dram, queue_, clock_, memory_) {}

void AtBench::run() {
  if (sc_core::sc_pending_activity()) {
    sc_core::sc_start();
  }
  EXPECT_EQ(queue_.num_pending(), 0U);
  for (const auto& checker : checkers_) {
    EXPECT_EQ(checker->finish(), "");
  }
}

void AtBench::run_through(std::uint64_t cycle) {
  // Half a cycle further, so that it does not matter whether the end belongs to the time run.
  const sc_core::sc_time end = clock_.cycles(cycle) + clock_.cycles(1) / 2;
  sc_core::sc_start(end - sc_core::sc_time_stamp());
}

MmuAtBench::MmuAtBench(const MachineParams& params)
    : AtBench(params),
      mmu_("mmu", params, queue_, clock_),
      walker_("walker", params.walker, queue_, clock_),
      cpu("cpu", queue_),
      walk_port(connect("walk_port", mmu_.walk_socket, walker_.walk_socket)) {
  connect("cpu_port", cpu.socket, mmu_.cpu_socket);
  connect("table_port", walker_.memory_socket, dram_.target_socket);
  connect("data_port", mmu_.data_socket, dram_.target_socket);
  connect("fetch_port", mmu_.fetch_socket, dram_.target_socket);
}

void MmuAtBench::load(const HandTables& tables) {
  tables.memory.for_each([&](Hpa hpa, std::uint64_t word) { memory_.write(hpa, 8, word); });
  mmu_.set_context(tables.context);
}

CacheAtBench::CacheAtBench(const MachineParams& params)
    : AtBench(params),
      cache_("cache", params.l1d, queue_, clock_, memory_),
      left("left", queue_),
      right("right", queue_),
      memory_port(connect("memory_port", cache_.memory_socket, dram_.target_socket)) {
  connect("left_port", left.socket, cache_.target_socket);
  connect("right_port", right.socket, cache_.target_socket);
}

DramAtBench::DramAtBench(const MachineParams& params) : AtBench(params), cpu("cpu", queue_) {
  connect("port", cpu.socket, dram_.target_socket);
}

}  // namespace nestwalk
