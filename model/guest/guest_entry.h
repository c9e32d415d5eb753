// Entries of x86 guest tables as a kernel writes and reads them. Stateless; knows the format and
// whether no-execute is enabled, and nothing of memory.
//
//   const EntryCodec codec(FormatId::kX86Pae, control);
//   port.store(address, codec.bytes(), codec.leaf(1, frame, {.write = true}));
#pragma once

#include <cstdint>

#include "model/arch/access.h"
#include "model/arch/address.h"
#include "model/arch/paging_format.h"
#include "model/guest/guest_region.h"
#include "model/guest/swap_space.h"

namespace nestwalk {

struct LeafAttributes {
  bool write = false;
  bool user = false;
  bool execute = false;
  bool accessed = false;
  bool dirty = false;
  bool global = false;
};

class EntryCodec {
 public:
  EntryCodec(FormatId format, const Control& control)
      : format_(format), no_execute_(format_of(format).has_no_execute && control.nxe) {}

  [[nodiscard]] const PagingFormat& format() const { return format_of(format_); }
  [[nodiscard]] unsigned bytes() const { return format().entry_bytes; }

  [[nodiscard]] std::uint64_t leaf(unsigned level, Gpa page, const LeafAttributes& a) const {
    std::uint64_t entry = page.value() | bit(x86::kPresent);
    entry |= a.write ? bit(x86::kWrite) : 0;
    entry |= a.user ? bit(x86::kUser) : 0;
    entry |= !a.execute && no_execute_ ? bit(x86::kNoExecute) : 0;
    entry |= a.accessed ? bit(x86::kAccessed) : 0;
    entry |= a.dirty ? bit(x86::kDirty) : 0;
    entry |= a.global ? bit(x86::kGlobal) : 0;
    entry |= level > 1 ? bit(x86::kPageSize) : 0;
    return entry;
  }

  enum class Half : std::uint8_t { kUser, kKernel };

  // An entry of `level` that points to a table. It allows everything: leaves decide. A is preset,
  // as Linux does (_PAGE_TABLE); a PAE PDPTE has neither rights nor A.
  [[nodiscard]] std::uint64_t table(unsigned level, Gpa table, Half half) const {
    std::uint64_t entry = table.value() | bit(x86::kPresent);
    if (format().level[level].has_rights) {
      entry |= bit(x86::kWrite) | bit(x86::kAccessed);
      entry |= half == Half::kUser ? bit(x86::kUser) : 0;
    }
    return entry;
  }

  [[nodiscard]] static bool is_present(std::uint64_t entry) {
    return (entry & bit(x86::kPresent)) != 0;
  }
  // Neither for the MMU nor for the kernel does it hold anything.
  [[nodiscard]] static bool is_empty(std::uint64_t entry) { return entry == 0; }
  // A level-1 entry of a page that is in swap: not present, the slot in the place of the frame. The
  // global bit tells it from a page that is hidden (with_rights()).
  [[nodiscard]] static std::uint64_t swapped(SwapSlot slot) {
    return (static_cast<std::uint64_t>(slot) + 1) << kSmallPageBits;
  }
  [[nodiscard]] static bool is_swapped(std::uint64_t entry) {
    return !is_empty(entry) && (entry & (bit(x86::kPresent) | bit(x86::kGlobal))) == 0;
  }
  [[nodiscard]] static SwapSlot swap_slot(std::uint64_t entry) {
    return SwapSlot{static_cast<std::uint32_t>((entry >> kSmallPageBits) - 1)};
  }
  [[nodiscard]] bool is_leaf(unsigned level, std::uint64_t entry) const {
    return level == 1 || (format().level[level].can_be_leaf && (entry & bit(x86::kPageSize)) != 0);
  }
  // The page of a leaf at `level`. This kernel never uses PSE-36 addresses above 4 GiB.
  [[nodiscard]] Gpa page(unsigned level, std::uint64_t entry) const {
    return Gpa(entry & mask(kMaxPhysicalBits - 1, format().page_bits(level)));
  }
  [[nodiscard]] static Gpa next_table(std::uint64_t entry) {
    return Gpa(entry & mask(kMaxPhysicalBits - 1, kSmallPageBits));
  }

  // Whether a user access of this type may use the leaf (table entries of this kernel allow all).
  [[nodiscard]] bool permits(std::uint64_t entry, AccessType type) const {
    switch (type) {
      case AccessType::kRead:
        return is_present(entry);
      case AccessType::kWrite:
        return is_present(entry) && (entry & bit(x86::kWrite)) != 0;
      case AccessType::kFetch:
        return is_present(entry) && (!no_execute_ || (entry & bit(x86::kNoExecute)) == 0);
    }
    return false;
  }

  // The same page with these rights. A page that may not even be read is kept, not present, with
  // the global bit as the kernel's mark of it (as Linux: no page of a process is global).
  [[nodiscard]] std::uint64_t with_rights(std::uint64_t leaf, const GuestRegionRights& r) const {
    constexpr std::uint64_t kHidden = bit(x86::kGlobal);
    leaf &= ~(bit(x86::kPresent) | bit(x86::kWrite) | kHidden);
    leaf |= r.permits(AccessType::kRead) ? bit(x86::kPresent) : kHidden;
    leaf |= r.write ? bit(x86::kWrite) : 0;
    if (no_execute_) {
      leaf &= ~bit(x86::kNoExecute);
      leaf |= r.execute ? 0 : bit(x86::kNoExecute);
    }
    return leaf;
  }

  // Whether a CPU may have cached a right of the leaf `before` that `after` does not give. What is
  // not present is never cached (SDM vol. 3, 4.10.2.3).
  [[nodiscard]] bool narrows(std::uint64_t before, std::uint64_t after) const {
    for (const AccessType type : {AccessType::kRead, AccessType::kWrite, AccessType::kFetch}) {
      if (permits(before, type) && !permits(after, type)) {
        return true;
      }
    }
    return false;
  }

 private:
  FormatId format_;
  bool no_execute_;
};

// The levels at which this machine and format have pages, by preferred size.
[[nodiscard]] constexpr bool has_leaf_at(const PagingFormat& format, unsigned level,
                                         const Control& control) {
  if (level == 1) {
    return true;
  }
  if (level > format.levels || !format.level[level].can_be_leaf) {
    return false;
  }
  return level == 3 ? control.page_1g : (format.entry_bytes == 8 || control.pse);
}

}  // namespace nestwalk
