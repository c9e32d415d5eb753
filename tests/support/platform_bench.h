// A whole platform with hand-made tables in its memory, for SystemC tests of timing and transport.
//
//   PlatformBench bench(params);
//   bench.load(tables);
//   bench.access({gva, AccessType::kRead}, data).cycles;
//
// Its core runs no stream; the test makes the core's accesses. One per process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "model/sim/platform.h"
#include "tests/support/hand_tables.h"

namespace nestwalk {

struct TimedAccess {
  SoftwareAccess result;
  std::uint64_t cycles = 0;
};

class PlatformBench {
 public:
  explicit PlatformBench(const MachineParams& params);

  Platform platform;

  void load(const HandTables& tables);
  // Through the Mmu.
  TimedAccess access(const Access& access, std::span<std::byte> data);
  // Past the Mmu.
  std::uint64_t physical_cycles(Hpa address, AccessType type, std::size_t num_bytes = 8);
  // All statistics as JSON text.
  [[nodiscard]] std::string statistics() const;

 private:
  class IdleClient : public CoreClient {
   public:
    [[nodiscard]] std::span<const CoreAccess> next_batch() override { return {}; }
    [[nodiscard]] bool serve_fault(const CoreAccess& /*access*/, const Fault& /*fault*/) override {
      return false;
    }
  };

  IdleClient client_;
};

}  // namespace nestwalk
