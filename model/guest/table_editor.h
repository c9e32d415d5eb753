// How the kernel reaches its page tables and frames: every entry by a load or store through the CPU
// over the direct map, every allocation with its time. Built for one kernel entry, holds no state.
//
//   TableEditor editor(port, Cause::kGuestPageFault, machine, memory, statistics);
//   const std::uint64_t entry = editor.load({table, level}, gva);
//
// Decides nothing: which page goes where is the kernel's business.
#pragma once

#include <cstdint>
#include <optional>

#include "model/guest/cpu_port.h"
#include "model/guest/frame_sharing.h"
#include "model/guest/guest_entry.h"
#include "model/guest/guest_frames.h"
#include "model/guest/guest_layout.h"
#include "model/guest/guest_machine.h"
#include "model/guest/guest_statistics.h"
#include "model/guest/swap_space.h"

namespace nestwalk {

// A table and the level of its entries.
struct TableRef {
  Gpa table;
  unsigned level = 1;
};

// The guest's frames: which are free, which data pages have several holders, and what is in swap.
struct GuestMemory {
  GuestFrames frames;
  FrameSharing sharing;
  SwapSpace swap;
  Gpa window_table;  // of the window to high frames
};

class TableEditor {
 public:
  // `cause` is what the kernel's own time is booked to.
  TableEditor(CpuPort& port, Cause cause, const GuestMachine& machine, GuestMemory& memory,
              GuestStatistics& statistics)
      : codec_(machine.params.format, machine.control),
        layout_(guest_layout(machine.params.format)),
        cause_(cause),
        port_(port),
        params_(machine.params),
        memory_(memory),
        statistics_(statistics) {}

  [[nodiscard]] const EntryCodec& codec() const { return codec_; }
  [[nodiscard]] const PagingFormat& format() const { return codec_.format(); }
  [[nodiscard]] GuestStatistics& statistics() const { return statistics_; }

  // The entry for the address in a table.
  [[nodiscard]] std::uint64_t load(TableRef at, Gva address);
  void store(TableRef at, Gva address, std::uint64_t entry);
  // False if the MMU changed the entry (A, D) since it was read.
  [[nodiscard]] bool replace(TableRef at, Gva address, const Swap& swap);

  // A cleared table, or nothing when guest memory is exhausted.
  [[nodiscard]] std::optional<Gpa> allocate_table();
  void free_table(Gpa table);

  // A data page of 2^bits bytes, cleared unless the parameters say otherwise.
  [[nodiscard]] std::optional<Gpa> allocate_page(unsigned bits);
  // As allocate_page, with any content.
  [[nodiscard]] std::optional<Gpa> allocate_uncleared(unsigned bits);
  // A 4K page with the content of another one.
  [[nodiscard]] std::optional<Gpa> allocate_copy(Gpa from);
  // 4 KiB.
  void copy(Gpa to, Gpa from);
  void clear(Gpa block, unsigned bits);
  [[nodiscard]] PageContent read(Gpa page);
  void write(Gpa page, const PageContent& content);
  // One holder less; frees what nobody else holds.
  void release_page(Gpa page, unsigned bits);
  void share_page(Gpa page, unsigned bits) { memory_.sharing.share(page, bits); }
  [[nodiscard]] bool is_shared(Gpa page, unsigned bits) const {
    return memory_.sharing.is_shared(page, bits);
  }

  [[nodiscard]] SwapSpace& swap() { return memory_.swap; }
  [[nodiscard]] const GuestFrames& frames() const { return memory_.frames; }

  void spend(std::uint64_t cycles) { port_.spend(cause_, cycles); }

 private:
  [[nodiscard]] Gva entry_address(TableRef at, Gva address) const;
  // Where the kernel reaches a page: over its direct map, or by one of this CPU's places in the
  // window, until close().
  [[nodiscard]] Gva open(Gpa page, unsigned number);
  void close(Gpa page, unsigned number);

  EntryCodec codec_;
  GuestLayout layout_;
  Cause cause_;
  CpuPort& port_;
  const GuestParams& params_;
  GuestMemory& memory_;
  GuestStatistics& statistics_;
};

}  // namespace nestwalk
