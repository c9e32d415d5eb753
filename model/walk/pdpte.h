// The load of the four PAE PDPTEs that goes with a load of CR3, natively and over EPT.
// Source: Intel SDM vol. 3, "PDPTE registers"; with EPT the load is a read whose violation does not
// report a linear address.
#pragma once

#include <array>
#include <cstdint>

#include "model/walk/functional_driver.h"

namespace nestwalk {

struct PdpteLoad {
  bool ok = false;
  PdpteRegisters registers;
  Fault fault;  // kPdpteReserved (#GP at the load), or what the host stage says
};

// Where the present entry with a reserved bit stands, if any.
constexpr int find_malformed_pdpte(const WalkContext& context,
                                   const std::array<std::uint64_t, 4>& entries) {
  const StageRules rules = guest_rules(context);
  for (unsigned i = 0; i < entries.size(); ++i) {
    // The registers exist with NXE off too, where bit 63 is reserved all the same.
    if (classify(rules, 3, entries[i]) == EntryKind::kMalformed) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

// Translates the PDPT's address, reads the entries and checks them. `memory` as in
// functional_driver.h.
template <class Memory>
PdpteLoad load_pdptes(const WalkContext& context, Memory&& memory) {
  PdpteLoad load;
  const PagingFormat& format = format_of(FormatId::kX86Pae);
  const Gpa gpa(context.guest_root & format.root_mask);
  Hpa base = identity(gpa);
  if (context.has_host) {
    WalkContext uncached = context;
    uncached.has_host_cache = false;
    WalkEngine engine = WalkEngine::for_pdpte_load(uncached);
    const WalkOutcome outcome = drive(engine, memory, NoCache{});
    if (!outcome.is_translation) {
      load.fault = outcome.fault;
      load.fault.address = Gva{};  // a load of CR3 reports no linear address
      return load;
    }
    base = outcome.translation.hpa;
  }
  Step read;
  read.kind = StepKind::kRead;
  read.position = {3, 0};
  read.bytes = format.entry_bytes;
  for (unsigned i = 0; i < 4; ++i) {
    read.hpa = base + i * std::uint64_t{format.entry_bytes};
    read.gpa = gpa + i * std::uint64_t{format.entry_bytes};
    const MemoryAnswer answer = memory.read(read);
    if (!answer.ok) {
      load.fault.kind = FaultKind::kMemoryError;
      load.fault.position = read.position;
      return load;
    }
    load.registers.entry[i] = answer.value;
  }
  const int malformed = find_malformed_pdpte(context, load.registers.entry);
  if (malformed >= 0) {
    load.fault.kind = FaultKind::kPdpteReserved;
    load.fault.position = read.position;
    load.fault.gpa = gpa + static_cast<unsigned>(malformed) * std::uint64_t{format.entry_bytes};
    load.fault.has_gpa = true;
    return load;
  }
  load.registers.loaded = true;
  load.ok = true;
  return load;
}

}  // namespace nestwalk
