// The host stage of one VM as the hypervisor's operations see it: entries read and changed through
// the port, frames taken and freed with their owners, translations dropped. Built for one entry
// into the hypervisor, holds no state of its own.
//
//   HostStage stage({port, machine, frames, vm}, Cause::kReclaim);
//   HostEntry entry = stage.find(gpa);
//   stage.change(entry, [&](std::uint64_t word) { return word & ~stage.accessed_bit(); });
//   stage.flush(targets);
//
// The MMU may set A and D in any entry at any time, so a present leaf is only changed by compare
// and swap. Nothing else changes entries: one core at a time is inside the hypervisor.
// What must be dropped: SDM vol. 3, "Guidelines for use of the INVEPT instruction"; AMD APM vol. 2,
// "TLB control".
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>

#include "model/arch/access.h"
#include "model/hypervisor/flush_targets.h"
#include "model/hypervisor/hypervisor_port.h"
#include "model/hypervisor/vm.h"
#include "model/memory/entry_builder.h"
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

// All that an operation on a VM works with.
struct HostContext {
  HypervisorPort& port;
  const HostMachine& machine;
  HostFrames& frames;
  Vm& vm;
};

// An entry of the host stage, as it was when it was read.
struct HostEntry {
  Gpa start;    // the first address that it maps, or could map
  Hpa address;  // of the entry itself
  std::uint64_t value = 0;
  unsigned level = 0;
};

// A naturally aligned block of 2^bits bytes.
struct FrameBlock {
  Hpa base;
  unsigned bits = 0;
};

class HostStage {
 public:
  // `cause` is what the hypervisor's own time is booked to, besides clearing.
  HostStage(const HostContext& context, Cause cause) : context_(context), cause_(cause) {}

  [[nodiscard]] Vm& vm() const { return context_.vm; }
  [[nodiscard]] const PagingFormat& format() const { return vm().format(); }
  [[nodiscard]] PagerStatistics& statistics() const { return vm().statistics.pager; }
  [[nodiscard]] const HypervisorParams& params() const { return context_.machine.params; }
  [[nodiscard]] const Control& control() const { return context_.machine.control; }
  [[nodiscard]] HypervisorPort& port() const { return context_.port; }
  void spend(std::uint64_t cycles) { port().spend(cause_, cycles); }
  // [start, end) cut to guest memory, in whole small pages.
  [[nodiscard]] Gpa clip(Gpa address) const;

  // ---- Entries ----
  [[nodiscard]] EntryView view(const HostEntry& e) const { return {format(), e.level, e.value}; }
  [[nodiscard]] unsigned page_bits(const HostEntry& e) const { return format().page_bits(e.level); }
  // Whether a leaf of this level can back the address: the format and the CPU have such pages, and
  // guest memory holds all of it.
  [[nodiscard]] bool page_fits(Gpa address, unsigned level) const;
  // The leaf for an address, or the entry where its path ends.
  [[nodiscard]] HostEntry find(Gpa address);
  // The entry of `level` for an address, or nothing if the path ends above it.
  [[nodiscard]] std::optional<HostEntry> find(Gpa address, unsigned level);
  // Calls visit(HostEntry&) for every leaf that overlaps [start, end), in order. It may change the
  // entry it is given, or put a table in its place.
  template <class Visit>
  void for_each_leaf(Gpa start, Gpa end, Visit&& visit) {
    visit_leaves_while(start, end, [&](HostEntry& leaf) {
      visit(leaf);
      return true;
    });
  }
  // The same until visit returns false; false: it did.
  template <class Visit>
  bool visit_leaves_while(Gpa start, Gpa end, Visit&& visit) {
    return end <= start || sweep({vm().root, format().levels, Gpa{}}, start, end, visit);
  }
  // Calls visit(HostEntry&) for every entry, present or not, of the table of the next level for
  // what `above` spans.
  template <class Visit>
  void for_each_entry(const HostEntry& above, Hpa table, Visit&& visit) {
    const unsigned level = above.level - 1;
    for (std::uint64_t index = 0; index < bit(format().level[level].index_bits); ++index) {
      HostEntry entry{above.start + (index << format().level[level].index_low),
                      table + index * format().entry_bytes, 0, level};
      read(entry);
      visit(entry);
    }
  }
  void read(HostEntry& entry);
  void store(HostEntry& entry, std::uint64_t value);
  // Stores change(word) in place of the word that is there, whatever A and D the MMU sets
  // meanwhile. Returns the word it took the place of.
  template <class Change>
  std::uint64_t change(HostEntry& entry, Change&& change) {
    for (;;) {
      const std::uint64_t before = entry.value;
      const std::uint64_t wanted = change(before);
      if (wanted == before || swap(entry, wanted)) {
        return before;
      }
    }
  }
  // Compare and swap; if it fails the entry is read again.
  [[nodiscard]] bool swap(HostEntry& entry, std::uint64_t wanted);
  // The three ways in which a VM loses something of a block; whoever else maps its frames has to
  // let go here. Each returns the word that was there. Not present: a leaf, or a table with all
  // below it. A write that D told of goes to the dirty log.
  std::uint64_t unlink(HostEntry& entry);
  std::uint64_t take_write(HostEntry& leaf);
  // Another frame, with the same rights, A and D.
  std::uint64_t relocate(HostEntry& leaf, Hpa to);
  // The word of a leaf with another frame.
  [[nodiscard]] std::uint64_t with_frame(const HostEntry& leaf, std::uint64_t word, Hpa to) const;

  [[nodiscard]] Hpa entry_address(Hpa table, unsigned level, Gpa address) const;
  [[nodiscard]] std::uint64_t leaf(unsigned level, Hpa page) const;  // with all rights
  [[nodiscard]] std::uint64_t table(unsigned level, Hpa table) const;
  [[nodiscard]] std::uint64_t write_bit() const { return pick(ept::kWrite, x86::kWrite); }
  [[nodiscard]] std::uint64_t accessed_bit() const { return pick(ept::kAccessed, x86::kAccessed); }
  [[nodiscard]] std::uint64_t dirty_bit() const { return pick(ept::kDirty, x86::kDirty); }

  // ---- Frames ----
  [[nodiscard]] std::optional<Hpa> take(unsigned bits, FrameUse use);
  // A table, cleared.
  [[nodiscard]] std::optional<Hpa> allocate_table();
  void clear(Hpa block, unsigned bits);
  void copy(Hpa from, Hpa to, unsigned bits);
  // At once: nothing cached may lead to it any more.
  void give_back(Hpa frame, unsigned bits);
  void free_table(Hpa table);
  void free(std::span<const FrameBlock> frames);

  // ---- Translations ----
  // Drops what the cores have cached of this host stage: INVEPT single-context, or TLB_CONTROL for
  // the ASID. Returns when all have acknowledged. Under shadow paging the MMU walks no host stage:
  // what the shadow took from changed entries is dropped instead.
  void flush(const FlushTargets& targets);

 private:
  struct Table {
    Hpa address;
    unsigned level = 0;
    Gpa start;
  };
  // Tells the shadow of an entry that was a leaf and gives less now.
  void note_change(const HostEntry& entry, std::uint64_t before);
  [[nodiscard]] HostEntry top(Gpa address);
  void descend(HostEntry& entry, Gpa address);
  template <class Visit>
  bool sweep(const Table& table, Gpa start, Gpa end, Visit& visit);
  [[nodiscard]] std::uint64_t pick(unsigned ept_bit, unsigned x86_bit) const {
    return bit(format().rules == RuleSet::kEpt ? ept_bit : x86_bit);
  }

  HostContext context_;
  Cause cause_;
};

template <class Visit>
bool HostStage::sweep(const Table& table, Gpa start, Gpa end, Visit& visit) {
  const unsigned bits = format().level[table.level].index_low;
  const std::uint64_t span = bit(format().table_span_bits(table.level));
  const Gpa first = std::max(start, table.start);
  const Gpa last = std::min(end, table.start + span);  // behind
  for (Gpa at = first.page(bits); at < last; at = at + bit(bits)) {
    HostEntry entry{at, entry_address(table.address, table.level, at), 0, table.level};
    read(entry);
    const EntryView view = this->view(entry);
    if (view.is_table() && !sweep({Hpa(view.address()), table.level - 1, at}, start, end, visit)) {
      return false;
    }
    if (view.is_leaf() && !visit(entry)) {
      return false;
    }
  }
  return true;
}

}  // namespace nestwalk
