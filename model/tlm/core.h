// A core that takes accesses from a client and makes them through its Mmu, blocking, with temporal
// decoupling. Software (the client's fault handlers) runs on the core's time: its accesses and
// the cycles it spends go through access(), access_physical() and spend().
//
//   core.set_client(vcpu);   // before the simulation starts
//
// Not for: instruction semantics; a trace has none.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/tlm_quantumkeeper.h>
#include <cstddef>
#include <cstdint>
#include <span>
#include <systemc>
#include <tlm>

#include "model/arch/access.h"
#include "model/arch/fault.h"
#include "model/arch/swap.h"
#include "model/observe/statistics.h"
#include "model/params/machine.h"
#include "model/tlm/clock_domain.h"
#include "model/tlm/extensions.h"
#include "model/walk/pdpte.h"

namespace nestwalk {

class Walker;

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
};

// How an access by software ended.
struct SoftwareAccess {
  bool ok = false;
  Translation translation;  // ok, through the Mmu
  Fault fault;              // not ok
};

class Core : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<Core> cpu_socket{"cpu_socket"};            // to the Mmu
  tlm_utils::simple_initiator_socket<Core> physical_socket{"physical_socket"};  // past the Mmu

  Core(sc_core::sc_module_name name, const CoreParams& params, const ClockDomain& clock);
  ~Core() override;

  void set_client(CoreClient& client) { client_ = &client; }
  void set_walker(Walker& walker) { walker_ = &walker; }

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

  // Cycles since the start, this core's run-ahead included.
  [[nodiscard]] std::uint64_t now_cycles() const;
  // The stream has ended.
  [[nodiscard]] bool is_done() const { return is_done_; }

  [[nodiscard]] const CoreStats& stats() const { return stats_; }
  void register_stats(StatGroup& group) const;

 private:
  void run();
  void make_access(const CoreAccess& access);
  void transport();
  void transport_physical();
  void sync_if_due();

  const ClockDomain& clock_;
  CoreClient* client_ = nullptr;
  Walker* walker_ = nullptr;
  std::uint64_t cpi_numerator_;  // base CPI in 1/1024 cycles
  std::uint64_t cpi_remainder_ = 0;
  tlm_utils::tlm_quantumkeeper keeper_;
  tlm::tlm_generic_payload payload_;
  AccessExtension extension_;
  tlm::tlm_generic_payload physical_payload_;
  TableExtension physical_extension_;
  std::byte scratch_[64] = {};
  bool is_done_ = false;
  CoreStats stats_;
};

}  // namespace nestwalk
