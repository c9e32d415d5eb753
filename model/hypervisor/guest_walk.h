// The walk of a guest's tables in software, as the MMU would make it: the rules of the walk engine
// over guest-physical memory, accessed and dirty bits set by compare and swap, and every entry on
// the way noted.
//
//   const GuestPath path = walk_guest(memory, port, guest_context(registers, pdptes), access);
//   if (path.reach != Reach::kReached) ...        // the VM cannot go on
//   if (!path.is_translation) reflect(path.fault);
#pragma once

#include <array>
#include <cstdint>

#include "model/arch/access.h"
#include "model/arch/fault.h"
#include "model/arch/translation.h"
#include "model/hypervisor/guest_physical.h"
#include "model/hypervisor/guest_registers.h"
#include "model/walk/context.h"

namespace nestwalk {

struct GuestPath {
  Reach reach = Reach::kReached;
  bool is_translation = false;
  Fault fault;  // what the guest's tables say, for the guest

  struct Entry {
    Gpa address;
    std::uint64_t value = 0;
  };
  std::array<Entry, kMaxLevels + 1> entry{};  // by level
  unsigned leaf_level = 0;
  unsigned page_bits = kNoPageBits;  // of the guest's page; without paging there is none
  Gpa gpa;
  GuestRights rights;
  bool dirty = true;
};

// A native walk of the guest's tables, as if guest-physical memory were the machine's. Protection
// keys are not offered to guests under shadow paging (as in KVM).
[[nodiscard]] WalkContext guest_context(const GuestRegisters& registers,
                                        const PdpteRegisters& pdptes);

// Sets A and D as the processor does, unless it is told to leave the guest's tables as they are.
[[nodiscard]] GuestPath walk_guest(GuestPhysical& memory, HypervisorPort& port,
                                   const WalkContext& context, const Access& access,
                                   bool sets_bits = true);

// The four PDPTEs of a PAE guest, taken in at a load of CR3 as the processor does.
struct GuestPdptes {
  Reach reach = Reach::kReached;
  PdpteRegisters registers;  // loaded: all present ones are well-formed
};
[[nodiscard]] GuestPdptes load_guest_pdptes(GuestPhysical& memory, HypervisorPort& port,
                                            const WalkContext& context);

}  // namespace nestwalk
