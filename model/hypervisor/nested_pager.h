// Fills the host stage of one VM: EPT or NPT entries over frames of the host. Built for one entry
// into the hypervisor, holds no state of its own.
//
//   NestedPager pager(port, Cause::kEptViolation, machine, host, vm);
//   pager.back(gpa);
//
// A table is filled before it is linked, and one store links it, so a walk on another core sees all
// of it or nothing. Nothing cached has to be dropped: what was not present is never cached, and a
// right that was added costs at most one more fault (SDM vol. 3, "Guidelines for use of INVEPT").
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "model/arch/access.h"
#include "model/hypervisor/hypervisor_port.h"
#include "model/hypervisor/vm.h"
#include "model/memory/frame_allocator.h"
#include "model/memory/frame_owner.h"
#include "model/params/hypervisor.h"

namespace nestwalk {

// What a hypervisor finds when it starts.
struct HostMachine {
  HypervisorParams params;
  Control control;  // of the CPU: 1G pages, mode-based execute, maxphyaddr
};

struct HostFrames {
  FrameAllocator<Hpa> free;
  FrameOwnerMap owners;
};

enum class BackOutcome : std::uint8_t {
  kBacked,
  kRightsRaised,  // it was backed, without some right
  kUnchanged,     // it was backed with all rights
  kOutOfMemory,   // no host frame that the format can reach; nothing changed
};

class NestedPager {
 public:
  // `cause` is what the hypervisor's own time is booked to, besides clearing.
  NestedPager(HypervisorPort& port, Cause cause, const HostMachine& machine, HostFrames& frames,
              Vm& vm)
      : port_(port), cause_(cause), machine_(machine), frames_(frames), vm_(vm) {}

  // The root of a new VM.
  [[nodiscard]] std::optional<Hpa> allocate_table();

  // Backs the page that holds an address of guest memory, with all rights.
  BackOutcome back(Gpa address);
  // Whether something backs it already; reads the tables.
  [[nodiscard]] bool is_backed(Gpa address) { return find(address).is_leaf; }

 private:
  struct Slot {
    Hpa entry_address;
    std::uint64_t entry = 0;
    unsigned level = 0;
    bool is_leaf = false;
  };
  // The leaf for an address, or the entry where its path ends.
  [[nodiscard]] Slot find(Gpa address);
  BackOutcome raise_rights(Slot slot);
  BackOutcome fill(Gpa address, const Slot& slot);

  [[nodiscard]] bool page_fits(Gpa address, unsigned level) const;
  [[nodiscard]] unsigned preferred_level() const;
  [[nodiscard]] std::optional<Hpa> take(unsigned bits, FrameUse use);
  void give_back(Hpa frame, unsigned bits);
  void clear(Hpa block, unsigned bits);

  [[nodiscard]] Hpa entry_address(Hpa table, unsigned level, Gpa address) const;
  [[nodiscard]] std::uint64_t leaf(unsigned level, Hpa page) const;
  [[nodiscard]] std::uint64_t table(unsigned level, Hpa table) const;
  void store(Hpa entry_address, std::uint64_t entry);

  HypervisorPort& port_;
  Cause cause_;
  const HostMachine& machine_;
  HostFrames& frames_;
  Vm& vm_;
};

}  // namespace nestwalk
