#include "tests/support/platform_bench.h"

#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace nestwalk {

PlatformBench::PlatformBench(const MachineParams& params) : platform(params) {
  platform.core().set_client(client_);
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
}

void PlatformBench::load(const HandTables& tables) {
  platform.memory().clear();
  tables.memory.for_each(
      [&](Hpa hpa, std::uint64_t word) { platform.memory().write(hpa, 8, word); });
  platform.flush_translations();
  platform.mmu().set_context(tables.context);
}

TimedAccess PlatformBench::access(const Access& access, std::span<std::byte> data) {
  const std::uint64_t before = platform.core().now_cycles();
  TimedAccess timed;
  timed.result = platform.core().access(access, data);
  timed.cycles = platform.core().now_cycles() - before;
  return timed;
}

std::uint64_t PlatformBench::physical_cycles(Hpa address, AccessType type, std::size_t num_bytes) {
  std::vector<std::byte> data(num_bytes);
  const std::uint64_t before = platform.core().now_cycles();
  if (!platform.core().access_physical(address, type, data)) {
    ADD_FAILURE() << "memory refused " << address.value();
  }
  return platform.core().now_cycles() - before;
}

std::string PlatformBench::statistics() const {
  StatGroup root;
  platform.register_stats(root);
  return root.to_json().dump();
}

}  // namespace nestwalk
