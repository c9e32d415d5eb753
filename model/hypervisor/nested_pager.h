// Fills the host stage of one VM: EPT or NPT entries over frames of the host. Built for one entry
// into the hypervisor, holds no state of its own.
//
//   NestedPager pager({port, machine, frames, vm}, Cause::kEptViolation);
//   pager.back(gpa, AccessType::kWrite);
//
// A table is filled before it is linked, and one store links it, so a walk on another core sees all
// of it or nothing. Nothing cached has to be dropped: what was not present is never cached, and a
// right that was added costs at most one more fault (SDM vol. 3, "Guidelines for use of INVEPT").
#pragma once

#include <cstdint>
#include <optional>

#include "model/arch/access.h"
#include "model/hypervisor/host_stage.h"

namespace nestwalk {

enum class BackOutcome : std::uint8_t {
  kBacked,
  kRightsRaised,  // it was backed, without some right
  kUnchanged,     // it was backed with all rights
  kOutOfMemory,   // no host frame that the format can reach; nothing changed
};

class NestedPager {
 public:
  // `cause` is what the hypervisor's own time is booked to, besides clearing and swapping.
  NestedPager(const HostContext& context, Cause cause) : stage_(context, cause), vm_(context.vm) {}

  // The root of a new VM.
  [[nodiscard]] std::optional<Hpa> allocate_table() { return stage_.allocate_table(); }

  // Backs the page that holds an address of guest memory, with all rights; only a page that a dirty
  // log write-protects gets the right to write by a write alone. What was swapped out comes back.
  BackOutcome back(Gpa address, AccessType type = AccessType::kWrite);
  // Whether something backs it already; reads the tables.
  [[nodiscard]] bool is_backed(Gpa address) {
    const HostEntry entry = stage_.find(address);
    return stage_.view(entry).is_leaf();
  }

 private:
  BackOutcome raise_rights(HostEntry& leaf, AccessType type);
  BackOutcome fill(Gpa address, HostEntry& entry, AccessType type);
  // A frame for the page, and its content.
  [[nodiscard]] std::optional<FrameBlock> take_page(Gpa address, unsigned level);
  void bring_content(Gpa address, const FrameBlock& page);
  [[nodiscard]] bool may_write(const HostEntry& leaf, AccessType type);
  [[nodiscard]] unsigned preferred_level(Gpa address) const;
  [[nodiscard]] bool is_protected(Gpa page, unsigned bits) const;

  HostStage stage_;
  Vm& vm_;
};

}  // namespace nestwalk
